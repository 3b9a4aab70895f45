package manifests

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Text is a text somewhere in a file: the value of a field, a key, or a comment.
type Text struct {
	// Path of the field, empty for a comment.
	Path string
	// Key is the last key on the path.
	Key   string
	Value string

	start Place
	// block says that the value's lines are lines of the file, from the one after start.
	block bool
}

// At is the place of the text's byte at an offset, as exactly as it is known.
func (t Text) At(offset int) Place {
	lines := strings.Count(t.Value[:offset], "\n")
	switch {
	case t.block:
		return Place{File: t.start.File, Line: t.start.Line + 1 + lines}
	case lines == 0 && t.Path == "":
		return Place{File: t.start.File, Line: t.start.Line, Column: t.start.Column + offset}
	}
	return t.start
}

// Texts calls a function for each value that is no mapping and no list, and for each key. What an alias stands for is
// called once, where its anchor is.
func (d *Document) Texts(yield func(Text)) {
	d.texts(d.node, "", "", yield)
}

func (d *Document) texts(n *yaml.Node, path, key string, yield func(Text)) {
	if n == nil {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			below := Join(path, name)
			yield(Text{Path: below, Value: name, start: d.place(n.Content[i])})
			d.texts(n.Content[i+1], below, name, yield)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			d.texts(item, Index(path, i), key, yield)
		}
	case yaml.ScalarNode:
		yield(Text{
			Path: path, Key: key, Value: n.Value, start: d.place(n), block: n.Style&yaml.LiteralStyle != 0,
		})
	}
}

// comments finds what may be a comment: everything after a number sign that begins a word. Where that is a part of a
// value, the value has the same text.
func comments(file string, content []byte) []Text {
	var out []Text
	line := 0
	for l := range strings.Lines(string(content)) {
		line++
		i := strings.IndexByte(l, '#')
		for i > 0 && l[i-1] != ' ' && l[i-1] != '\t' {
			next := strings.IndexByte(l[i+1:], '#')
			if next < 0 {
				i = -1
				break
			}
			i += 1 + next
		}
		if i >= 0 {
			out = append(out, Text{
				Value: strings.TrimRight(l[i:], "\r\n"), start: Place{File: file, Line: line, Column: i + 1},
			})
		}
	}
	return out
}

// lines are all of a file that could not be read: a secret in it is none the less one.
func lines(file string, content []byte) []Text {
	var out []Text
	line := 0
	for l := range strings.Lines(string(content)) {
		line++
		out = append(out, Text{
			Value: strings.TrimRight(l, "\r\n"), start: Place{File: file, Line: line, Column: 1},
		})
	}
	return out
}
