package overview_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

var (
	link = regexp.MustCompile(`\[([^\]]+)\]\(([^)]+)\)`)
	line = regexp.MustCompile("^\\| (`[A-Z].*) \\| (.+) \\| (.+) \\| (.+) \\|$")
)

// The advice is the documentation's own. UPDATE=1 takes it over.
func TestTheAdviceIsThatOfTheDocumentation(t *testing.T) {
	g := NewWithT(t)
	docs, err := os.ReadFile("../../docs/troubleshooting.md")
	g.Expect(err).NotTo(HaveOccurred())
	var want strings.Builder
	for text := range strings.Lines(string(docs)) {
		parts := line.FindStringSubmatch(strings.TrimSpace(text))
		if parts == nil {
			continue
		}
		reasons := strings.NewReplacer("`", "", ", ", ",").Replace(parts[1])
		var kinds []string
		for kind := range strings.SplitSeq(parts[2], ", ") {
			if !strings.HasPrefix(kind, "`") {
				kinds = append(kinds, kind)
			}
		}
		todo := strings.ReplaceAll(link.ReplaceAllString(parts[4], "$1 (docs/$2)"), "`", "")
		want.WriteString(reasons + "\t" + strings.Join(kinds, ",") + "\t" + todo + "\n")
	}
	golden(t, "advice.tsv", want.String())
}

// golden compares with a file, which UPDATE=1 writes.
func golden(t *testing.T, file, got string) {
	t.Helper()
	g := NewWithT(t)
	if os.Getenv("UPDATE") != "" {
		g.Expect(os.WriteFile(file, []byte(got), 0o600)).To(Succeed())
	}
	want, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred(), "UPDATE=1 writes it")
	g.Expect(got).To(Equal(string(want)), "UPDATE=1 writes %s", file)
}
