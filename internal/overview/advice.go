package overview

import (
	_ "embed" // the advice
	"slices"
	"strings"
	"sync"
)

// adviceText is docs/troubleshooting.md in lines of reasons, kinds and what to do, with tabs between them.
//
//go:embed advice.tsv
var adviceText string

type row struct {
	reasons, kinds []string
	todo           string
}

var rows = sync.OnceValue(func() []row {
	var out []row
	for line := range strings.Lines(adviceText) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(parts) == 3 {
			out = append(out, row{strings.Split(parts[0], ","), strings.Split(parts[1], ","), parts[2]})
		}
	}
	return out
})

// advice is what to do about a reason of an object. A reason may have several causes, each with an advice of its own.
func advice(kind, name, reason string) string {
	var found []string
	for _, r := range rows() {
		of := slices.Contains(r.kinds, kind) || slices.Contains(r.kinds, "any")
		if of && slices.Contains(r.reasons, reason) && !slices.Contains(found, r.todo) {
			found = append(found, r.todo)
		}
	}
	return strings.NewReplacer("KIND", strings.ToLower(kind), "NAME", name).Replace(strings.Join(found, "; or: "))
}
