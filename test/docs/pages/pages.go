// Package pages reads the documentation as its readers do: prose, blocks, and the commands in both. Tests check with it
// what pages name, and type what pages say.
package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Page is a Markdown file of the repository.
type Page struct {
	Path   string // from the root of the module
	Prose  []Line // outside of fences
	Blocks []Block
}

// Line is a line of prose.
type Line struct {
	Number int
	Text   string
}

// Block is what stands between two fences.
type Block struct {
	Page, Language string
	Number         int // of the first line
	Text           string
}

// At is where the block is, for messages.
func (b *Block) At() string { return fmt.Sprintf("%s:%d", b.Page, b.Number) }

// Read reads all that people read, in the module at root.
func Read(root string) ([]Page, error) {
	var paths []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "docs/*/*/*.md", "charts/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	read := make([]Page, 0, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		read = append(read, Parse(filepath.ToSlash(rel), string(text)))
	}
	return read, nil
}

var fence = regexp.MustCompile("^\\s*```(.*)$")

// Parse takes a page apart.
func Parse(path, text string) Page {
	p := Page{Path: path}
	var open *Block
	for i, text := range strings.Split(text, "\n") {
		mark := fence.FindStringSubmatch(text)
		switch {
		case mark != nil && open == nil:
			open = &Block{Page: path, Language: strings.TrimSpace(mark[1]), Number: i + 2}
		case mark != nil:
			p.Blocks = append(p.Blocks, *open)
			open = nil
		case open != nil:
			open.Text += text + "\n"
		default:
			p.Prose = append(p.Prose, Line{i + 1, text})
		}
	}
	return p
}

// CodeSpan is inline code.
var CodeSpan = regexp.MustCompile("`([^`]+)`")

// Spans gives each piece of inline code, with where it stands.
func (p *Page) Spans(visit func(at, code string)) {
	for _, l := range p.Prose {
		for _, found := range CodeSpan.FindAllStringSubmatch(l.Text, -1) {
			visit(fmt.Sprintf("%s:%d", p.Path, l.Number), found[1])
		}
	}
}
