package validate

import (
	"cmp"
	"path"

	"github.com/kassa-dev/kassa/internal/provider"
)

var readingRules = []Rule{
	{
		ID: "KASSA001", Name: "unreadable", Severity: Error, Docs: "docs/kubectl.md#what-is-read", always: true,
		Summary: "The file cannot be read",
		Help:    "kubectl could not apply it either. Mend the YAML at the line that is named.",
		check:   unreadable,
	},
	{
		ID: "KASSA002", Name: "refused-by-the-api-server", Severity: Error, Docs: "docs/reference/api.md", always: true,
		Summary: "The API server would refuse the object",
		Help: "Unknown fields, types, bounds and rules are checked by the API server's own code against the schema of " +
			"this version of Kassa. The message is the API server's.",
		check: refused,
	},
	{
		ID: "KASSA003", Name: "bad-ignore", Severity: Warning, Docs: "docs/kubectl.md#leaving-a-finding-be", always: true,
		Summary: "The annotation kassa.dev/ignore has no reason, or ignores nothing",
		Help: "Write the id of a rule and why its finding is left be, such as KASSA012 and a sentence, and remove what " +
			"ignores nothing any more.",
		check: func(*judge) {}, // found while findings are ignored
	},
	{
		ID: "KASSA004", Name: "twice", Severity: Warning, Docs: "docs/kubectl.md#what-is-read",
		Summary: "The same object is twice in one folder",
		Help:    "The last one that is applied counts, and which that is depends on the order. Remove one of them.",
		check:   twice,
	},
}

func unreadable(j *judge) {
	for _, p := range j.set.Problems {
		j.reportAt(nil, p.Place, "", "%s", p.Message)
	}
}

// refused redacts as providers' texts are redacted, because the API server repeats what it refuses.
func refused(j *judge) {
	for _, d := range j.set.Documents {
		for _, r := range j.refusals[d] {
			j.report(d, r.path, "%s", provider.Redact(r.message))
		}
	}
}

func twice(j *judge) {
	type identity struct{ folder, version, kind, namespace, name string }
	first := map[identity]string{}
	for _, d := range j.set.Documents {
		if !d.IsObject() || d.Name() == "" {
			continue
		}
		id := identity{path.Dir(d.File), d.APIVersion(), d.Kind(), cmp.Or(d.Namespace(), j.Namespace), d.Name()}
		if at, ok := first[id]; ok {
			j.report(d, "metadata.name", "%s %q is already at %s; remove one of them, or give it another name",
				d.Kind(), d.Name(), at)
			continue
		}
		first[id] = d.Start().String()
	}
}
