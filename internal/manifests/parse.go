package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/json"
	kubeyaml "sigs.k8s.io/yaml"
)

// Bounds of what is read. The API server takes objects of 3 MiB at most, and no object of Kassa is half as deep.
const (
	maxFile  = 16 << 20
	maxTotal = 512 << 20
	maxDepth = 100
)

// parse adds a file's documents to the set.
func (s *Set) parse(file string, content []byte) {
	s.Comments = append(s.Comments, comments(file, content)...)
	for _, part := range split(content) {
		s.document(file, part)
	}
}

type part struct {
	content []byte
	offset  int
}

// split takes a stream apart where kubectl does: at lines that are a separator.
func split(content []byte) []part {
	var out []part
	current := part{}
	line := 0
	for l := range bytes.Lines(content) {
		line++
		if rest, ok := bytes.CutPrefix(l, []byte("---")); ok && separates(rest) {
			out = append(out, current)
			current = part{offset: line}
			continue
		}
		current.content = append(current.content, l...)
	}
	return append(out, current)
}

func separates(rest []byte) bool {
	rest = bytes.TrimSpace(rest)
	return len(rest) == 0 || rest[0] == '#'
}

func (s *Set) document(file string, p part) {
	problem := func(at Place, message string) { s.Problems = append(s.Problems, Problem{Place: at, Message: message}) }
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(p.content))
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		return // nothing but comments
	}
	if err != nil {
		// kubectl's parser knows the line better.
		if _, other := kubeyaml.YAMLToJSON(p.content); other != nil {
			err = other
		}
		at, message := syntax(file, p.offset, err)
		problem(at, message)
		return
	}
	d := &Document{File: file, node: root.Content[0], offset: p.offset}
	if at, message := d.bounded(d.node, 0); message != "" {
		problem(at, message)
		return
	}
	if d.node.Kind != yaml.MappingNode {
		s.Documents = append(s.Documents, d)
		return
	}
	if d.Value, err = value(p.content); err != nil {
		problem(d.Start(), err.Error())
		return
	}
	s.add(d)
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		problem(d.Start(), "something follows this document that is no part of it; put a line of --- alone between them")
	}
}

// add adds an object, or the items of a List in its place.
func (s *Set) add(d *Document) {
	items, isList := d.Value["items"].([]any)
	if !isList || !strings.HasSuffix(d.Kind(), "List") {
		s.Documents = append(s.Documents, d)
		return
	}
	_, list := child(d.node, "items")
	list = behind(list)
	for i := range items {
		item := &Document{File: d.File, offset: d.offset}
		if list != nil && i < len(list.Content) {
			item.node = behind(list.Content[i])
		}
		item.Value, _ = items[i].(map[string]any)
		s.Documents = append(s.Documents, item)
	}
}

// bounded finds what is too deep, and keys that are there twice, of which kubectl would send the last.
func (d *Document) bounded(n *yaml.Node, depth int) (Place, string) {
	if depth > maxDepth {
		return d.place(n), fmt.Sprintf("this is nested more than %d deep; no object of Kubernetes is", maxDepth)
	}
	seen := map[string]bool{}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.ScalarNode {
			if seen[c.Value] {
				return d.place(c), fmt.Sprintf("the key %q is there twice; remove one of them", short(c.Value))
			}
			seen[c.Value] = true
		}
		if at, message := d.bounded(c, depth+1); message != "" {
			return at, message
		}
	}
	return Place{}, ""
}

func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// value is what kubectl makes of a document: YAML 1.1, whose numbers are as those of JSON.
func value(content []byte) (map[string]any, error) {
	text, err := kubeyaml.YAMLToJSON(content)
	if err != nil {
		if strings.Contains(err.Error(), "excessive aliasing") {
			return nil, errors.New("the document's aliases stand for too much; write it out")
		}
		return nil, errors.New("this is YAML that kubectl cannot read: a key is no text, a value does not fit its tag, " +
			"or an alias has no end")
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, errors.New("this is YAML that has no form in JSON, and so cannot be sent to the API server")
	}
	return out, nil
}

var atLine = regexp.MustCompile(`^yaml: line (\d+): `)

// syntax makes a place of the parser's words. They name what the parser expected, and at most a tag or an anchor.
func syntax(file string, offset int, err error) (Place, string) {
	message := err.Error()
	at := Place{File: file, Line: offset + 1}
	if m := atLine.FindStringSubmatch(message); m != nil {
		line, _ := strconv.Atoi(m[1])
		at.Line = line + offset
		message = message[len(m[0]):]
	}
	return at, "this is no YAML: " + strings.TrimPrefix(message, "yaml: ")
}
