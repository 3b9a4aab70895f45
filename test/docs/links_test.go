package docs

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/kassa-dev/kassa/test/docs/pages"
)

var (
	link    = regexp.MustCompile(`(?:\]\(|(?:src|srcset)=")([^)"\s]+)[)"]`)
	heading = regexp.MustCompile(`^#{1,6} +(.+?) *$`)
	linked  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	anchor  = regexp.MustCompile(`<a (?:name|id)="([^"]+)"`)
	scheme  = regexp.MustCompile(`^[a-z]+:`)
)

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	text := linked.ReplaceAllString(heading, "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// anchors are what a link may have behind its #.
func anchors(p *pages.Page) map[string]bool {
	found := map[string]bool{}
	for _, l := range p.Prose {
		if h := heading.FindStringSubmatch(l.Text); h != nil {
			name := slug(h[1])
			for n := 1; found[name]; n++ {
				name = fmt.Sprintf("%s-%d", slug(h[1]), n)
			}
			found[name] = true
		}
		for _, a := range anchor.FindAllStringSubmatch(l.Text, -1) {
			found[a[1]] = true
		}
	}
	return found
}

// Every link inside the repository leads to a file, and to a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	dir, known := root(t), map[string]map[string]bool{}
	read := all(t)
	for i := range read {
		known[read[i].Path] = anchors(&read[i])
	}
	for i := range read {
		for _, l := range read[i].Prose {
			text := pages.CodeSpan.ReplaceAllString(l.Text, "") // [a](b) in code is no link
			for _, found := range link.FindAllStringSubmatch(text, -1) {
				if scheme.MatchString(found[1]) {
					continue
				}
				if problem := follow(dir, read[i].Path, found[1], known); problem != "" {
					t.Errorf("%s:%d: %s %s", read[i].Path, l.Number, found[1], problem)
				}
			}
		}
	}
}

func follow(dir, from, to string, known map[string]map[string]bool) string {
	file, fragment, _ := strings.Cut(to, "#")
	target := from
	if file != "" {
		target = path.Join(path.Dir(from), file)
	}
	if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(target))); err != nil {
		return "is not there"
	}
	if fragment != "" && known[target] != nil && !known[target][fragment] {
		return "leads to no heading"
	}
	return ""
}

func TestWhatIsBehindALink(t *testing.T) {
	for text, want := range map[string]string{
		"The HTTP API": "the-http-api", "Users' own `auth`, and more": "users-own-auth-and-more",
		"[A](b.md) page": "a-page", "Größe 2": "größe-2", "1. Install": "1-install",
	} {
		if got := slug(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	known := map[string]map[string]bool{"README.md": {"why": true}}
	for to, bad := range map[string]bool{
		"../README.md": false, "../README.md#why": false, "../README.md#how": true, "../NOTHING.md": true,
	} {
		if got := follow(root(t), "docs/x.md", to, known); (got != "") != bad {
			t.Errorf("%s: %q", to, got)
		}
	}
}

// Every page of docs can be reached from the index, which is what a reader sees first.
func TestIndexHasEveryPage(t *testing.T) {
	var index strings.Builder
	for _, p := range all(t) {
		if p.Path == "docs/README.md" {
			for _, l := range p.Prose {
				index.WriteString(l.Text + "\n")
			}
		}
	}
	for _, p := range all(t) {
		name, in := strings.CutPrefix(p.Path, "docs/")
		if in && name != "README.md" && !strings.HasPrefix(name, "adr/0") && !strings.Contains(index.String(), "("+name) {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
}
