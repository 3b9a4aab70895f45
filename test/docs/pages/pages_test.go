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
