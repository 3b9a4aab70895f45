// Package docs checks that what the documentation names is there: pages and their headings, files, make targets, flags,
// fields, metrics, reasons, and manifests that a real API server takes.
package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/controlplane"
)

func TestMain(m *testing.M) { controlplane.Main(m, controlplane.Options{NoFsync: true}) }

// page is a Markdown file of the repository.
type page struct {
	path   string // from the root of the module
	prose  []line // outside of fences
	blocks []block
}

type line struct {
	number int
	text   string
}

// block is what stands between two fences.
type block struct {
	page, language string
	number         int // of the first line
	text           string
}

func (b *block) at() string { return fmt.Sprintf("%s:%d", b.page, b.number) }

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := controlplane.ModuleRoot()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return dir
}

// pages are all that people read, but for the changelog's past and what is generated from the API.
func pages(t *testing.T) []page {
	t.Helper()
	g, dir := NewWithT(t), root(t)
	paths := []string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "docs/*/*/*.md", "charts/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		g.Expect(err).NotTo(HaveOccurred())
		paths = append(paths, found...)
	}
	read := make([]page, 0, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		g.Expect(err).NotTo(HaveOccurred())
		rel, err := filepath.Rel(dir, path)
		g.Expect(err).NotTo(HaveOccurred())
		read = append(read, parse(filepath.ToSlash(rel), string(text)))
	}
	return read
}

var fence = regexp.MustCompile("^\\s*```(.*)$")

func parse(path, text string) page {
	p := page{path: path}
	var open *block
	for i, text := range strings.Split(text, "\n") {
		mark := fence.FindStringSubmatch(text)
		switch {
		case mark != nil && open == nil:
			open = &block{page: path, language: strings.TrimSpace(mark[1]), number: i + 2}
		case mark != nil:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += text + "\n"
		default:
			p.prose = append(p.prose, line{i + 1, text})
		}
	}
	return p
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// spans gives each piece of inline code, with where it stands.
func (p *page) spans(visit func(at, code string)) {
	for _, l := range p.prose {
		for _, found := range codeSpan.FindAllStringSubmatch(l.text, -1) {
			visit(fmt.Sprintf("%s:%d", p.path, l.number), found[1])
		}
	}
}

func TestPagesAreParsed(t *testing.T) {
	p := parse("x.md", "# A\n\n```sh\nmake `all`\n```\nSee `b` and `c`.\n")
	g := NewWithT(t)
	g.Expect(p.blocks).To(Equal([]block{{page: "x.md", language: "sh", number: 4, text: "make `all`\n"}}))
	var got []string
	p.spans(func(at, code string) { got = append(got, at+" "+code) })
	g.Expect(got).To(Equal([]string{"x.md:6 b", "x.md:6 c"}))
}
