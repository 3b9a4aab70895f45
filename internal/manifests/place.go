package manifests

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// At is the place of a field, such as spec.prices[0].amount or metadata.annotations[a.b/c]: of its key, or of the item
// of a list. A field that is not there has the place of the innermost one around it that is.
func (d *Document) At(path string) Place {
	node := d.node
	at := node
	for _, step := range steps(path) {
		node = behind(node)
		var key *yaml.Node
		if key, node = child(node, step); node == nil {
			break
		}
		at = key
	}
	return d.place(at)
}

// Start is the place of the whole document.
func (d *Document) Start() Place { return d.place(d.node) }

func (d *Document) place(n *yaml.Node) Place {
	if n == nil {
		return Place{File: d.File}
	}
	return Place{File: d.File, Line: n.Line + d.offset, Column: n.Column}
}

// behind follows an alias.
func behind(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// child is the node at a step, and the one that shows where it is: its key in a mapping, itself in a list.
func child(n *yaml.Node, step string) (key, value *yaml.Node) {
	if n == nil {
		return nil, nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	return nil, nil
}

// steps takes a path apart.
func steps(path string) []string {
	var out []string
	for path != "" {
		if path[0] == '[' {
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return append(out, path[1:])
			}
			out, path = append(out, strings.Trim(path[1:end], `"`)), path[end+1:]
			continue
		}
		path = strings.TrimPrefix(path, ".")
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			return append(out, path)
		}
		if end > 0 {
			out = append(out, path[:end])
		}
		path = path[end:]
	}
	return out
}

// Join is the path of a key below another path.
func Join(path, key string) string {
	switch {
	case strings.ContainsAny(key, ".[]/"):
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// Index is the path of a list's item.
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
