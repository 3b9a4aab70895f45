package validate_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/internal/validate"
)

const page = "../../docs/kubectl.md"

// TestRulesAreDocumented compares the table of the page with the rules. With KASSA_WRITE_DOCS=1 it writes the table.
func TestRulesAreDocumented(t *testing.T) {
	const begin, end = "<!-- rules -->\n", "<!-- end of rules -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the rules", page)
	}
	var table strings.Builder
	table.WriteString("| rule | severity | what is wrong | why, and what to write instead |\n|---|---|---|---|\n")
	for _, r := range validate.Rules() {
		fmt.Fprintf(&table, "| %s `%s` | %s | %s | %s [More](%s) |\n", r.ID, r.Name, r.Severity, r.Summary, r.Help,
			strings.TrimPrefix(r.Docs, "docs/"))
	}
	want := head + begin + table.String() + end + tail
	if os.Getenv("KASSA_WRITE_DOCS") != "" {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Errorf("%s is not in step; run KASSA_WRITE_DOCS=1 go test -run TestRulesAreDocumented ./internal/validate", page)
	}
}
