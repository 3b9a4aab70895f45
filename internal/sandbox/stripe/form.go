package stripe

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// pair is one parameter as it came: a[b][0]=v.
type pair struct{ key, value string }

// parsePairs reads a form or a query in order.
func parsePairs(encoded string) ([]pair, *apiError) {
	var pairs []pair
	for part := range strings.SplitSeq(encoded, "&") {
		if part == "" {
			continue
		}
		name, text, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(name)
		if err != nil {
			return nil, invalid("", "", "Invalid request: the parameters can't be decoded.")
		}
		value, err := url.QueryUnescape(text)
		if err != nil {
			return nil, invalid(key, "", "Invalid request: the value of %s can't be decoded.", key)
		}
		pairs = append(pairs, pair{key, value})
	}
	return pairs, nil
}

// canonical is the same text for the same parameters in another order.
func canonical(pairs []pair) string {
	sorted := slices.Clone(pairs)
	slices.SortStableFunc(sorted, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
	var out strings.Builder
	for _, p := range sorted {
		out.WriteString(url.QueryEscape(p.key))
		out.WriteByte('=')
		out.WriteString(url.QueryEscape(p.value))
		out.WriteByte('&')
	}
	return out.String()
}

// node is a parameter with its nested ones: a leaf has a value, a branch has children in the order in which
// they came. The children of a list are named 0, 1, … or "" for a[]=v.
type node struct {
	value    string
	leaf     bool
	names    []string
	children map[string]*node
}

func (n *node) child(name string) *node {
	if name == "" { // a[]: each one is a new element
		name = "[]" + strings.Repeat(" ", len(n.names))
	}
	if c, ok := n.children[name]; ok {
		return c
	}
	c := &node{}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	n.children[name] = c
	n.names = append(n.names, name)
	return c
}

// tree builds the nested form of the pairs.
func tree(pairs []pair) (*node, *apiError) {
	root := &node{}
	for _, p := range pairs {
		at := root
		path, ok := splitKey(p.key)
		if !ok {
			return nil, invalid(p.key, "", "Invalid request: the parameter name %s can't be read.", p.key)
		}
		for _, name := range path {
			if at.leaf {
				return nil, invalid(p.key, "", "Invalid request: %s is given both as a value and as an object.", p.key)
			}
			at = at.child(name)
		}
		if len(at.names) > 0 {
			return nil, invalid(p.key, "", "Invalid request: %s is given both as a value and as an object.", p.key)
		}
		at.value, at.leaf = p.value, true
	}
	return root, nil
}

// splitKey turns a[b][0] into a, b, 0.
func splitKey(key string) ([]string, bool) {
	name, rest, nested := strings.Cut(key, "[")
	if name == "" {
		return nil, false
	}
	path := []string{name}
	if !nested {
		return path, true
	}
	if !strings.HasSuffix(rest, "]") {
		return nil, false
	}
	return append(path, strings.Split(strings.TrimSuffix(rest, "]"), "][")...), len(path) < 8
}
