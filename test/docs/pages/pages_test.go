package pages

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestPagesAreParsed(t *testing.T) {
	p := Parse("x.md", "# A\n\n```sh\nmake `all`\n```\nSee `b` and `c`.\n")
	g := NewWithT(t)
	g.Expect(p.Blocks).To(Equal([]Block{{Page: "x.md", Language: "sh", Number: 4, Text: "make `all`\n"}}))
	var got []string
	p.Spans(func(at, code string) { got = append(got, at+" "+code) })
	g.Expect(got).To(Equal([]string{"x.md:6 b", "x.md:6 c"}))
}

func TestKeysOfTheDeveloperAreHidden(t *testing.T) {
	t.Setenv("STRIPE_API_KEY", "x")
	t.Setenv("KASSA_PAGES", "y")
	g := NewWithT(t)
	terminal, err := NewTerminal(t.TempDir(), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(terminal.Shell("echo ${STRIPE_API_KEY:-none} $KASSA_PAGES")).To(Equal("none y\n"))
}
