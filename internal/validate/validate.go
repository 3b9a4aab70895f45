// Package validate finds defects in manifests without a cluster: what the API server would refuse, and what a security
// checklist for payments asks about, by rules over the whole set of objects. It is pure, and never repeats a secret
// that it finds.
package validate

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/kassa-dev/kassa/internal/manifests"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Severity of a finding.
type Severity string

// The severities, the gravest first.
const (
	Error   Severity = "error"   // it will not work, or gives something away
	Warning Severity = "warning" // it works, and is dangerous or probably a mistake
	Note    Severity = "note"    // worth knowing
)

// AtLeast says whether a severity is as grave as another, or graver.
func (s Severity) AtLeast(other Severity) bool { return s.rank() >= other.rank() }

func (s Severity) rank() int { return slices.Index([]Severity{Note, Warning, Error}, s) }

// Rule is something that is looked for.
type Rule struct {
	ID       string // KASSA and three digits, for good
	Name     string // the same for people, such as live-key-committed
	Severity Severity
	Summary  string // what is wrong, in a line
	Help     string // why, and what to write instead
	Docs     string // a page of the project, and perhaps a heading of it
	// always: it cannot be ignored, because the API server, or this package, does not ask.
	always bool
	check  func(*judge)
}

// URL of the rule's documentation.
func (r *Rule) URL() string { return "https://github.com/kassa-dev/kassa/blob/main/" + r.Docs }

// Finding is a defect.
type Finding struct {
	Rule     *Rule
	Severity Severity
	manifests.Place
	// Kind, Namespace and Name are of the object, where there is one.
	Kind, Namespace, Name string
	// Path of the field, where there is one.
	Path    string
	Message string
	// Ignored is the reason that an annotation gives; a finding with one is not counted.
	Ignored string
}

// Object names the object for people, or is empty.
func (f *Finding) Object() string {
	name := f.Name
	if f.Namespace != "" && name != "" {
		name = f.Namespace + "/" + name
	}
	if f.Kind == "" || name == "" {
		return f.Kind
	}
	return f.Kind + " " + name
}

// Options of a validation.
type Options struct {
	// Registry has the adapters whose providers Plans are held against.
	Registry provider.Registry
	// Namespace of objects that have none of their own. Default: default.
	Namespace string
}

// Check finds the defects of a set, in the order of files and lines.
func Check(ctx context.Context, set *manifests.Set, o Options) ([]Finding, error) {
	o.Namespace = cmp.Or(o.Namespace, defaultNamespace)
	j, err := newJudge(ctx, set, o)
	if err != nil {
		return nil, err
	}
	for i := range rules {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		j.rule = &rules[i]
		j.rule.check(j)
	}
	j.ignore()
	for i := range j.findings {
		j.conceal(&j.findings[i])
	}
	slices.SortStableFunc(j.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule.ID, b.Rule.ID), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(j.findings, func(a, b Finding) bool { return a == b }), nil
}

// Rules are all of them, by id.
func Rules() []Rule { return slices.Clone(rules) }

// report notes a finding of the current rule at a field of a document.
func (j *judge) report(d *manifests.Document, path, format string, args ...any) *Finding {
	return j.reportAt(d, d.At(path), path, format, args...)
}

func (j *judge) reportAt(
	d *manifests.Document, at manifests.Place, path, format string, args ...any,
) *Finding {
	f := Finding{
		Rule: j.rule, Severity: j.rule.Severity, Place: at, Path: path, Message: fmt.Sprintf(format, args...),
	}
	if d != nil {
		f.Kind, f.Namespace, f.Name = d.Kind(), d.Namespace(), d.Name()
	}
	j.findings = append(j.findings, f)
	j.documents = append(j.documents, d)
	return &j.findings[len(j.findings)-1]
}
