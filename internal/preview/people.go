package preview

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// signs stand before operations, as in a diff.
var signs = map[Action]string{Create: "+", Change: "~", Replace: "±", Archive: "-", Retire: "-"}

// People writes the report for people. What is equal is only counted.
func (r *Report) People(w io.Writer) error {
	var b strings.Builder
	for i := range r.Plans {
		r.Plans[i].people(&b)
	}
	b.WriteString(r.Summary.String() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Sale) people(b *strings.Builder) {
	if s.equal() && len(s.Notices) == 0 {
		return
	}
	fmt.Fprintf(b, "Plan %s/%s at %s", s.Namespace, s.Plan, s.Provider)
	if s.Account != "" {
		fmt.Fprintf(b, " (%s, %s)", s.Account, s.Mode)
	}
	b.WriteString(":\n")
	for _, d := range s.Differences {
		drift := ""
		if d.Drift {
			drift = "   (changed at the provider)"
		}
		fmt.Fprintf(b, "  %s: %s → %s%s\n", d.Field, text(d.Have), text(d.Want), drift)
	}
	if len(s.Operations) > 0 {
		b.WriteString(s.headline() + "\n")
	}
	for i, op := range s.Operations {
		target := ""
		if op.Target != "" {
			target = " " + op.Target
		}
		fmt.Fprintf(b, "  %3d. %s %s%s: %s\n", i+1, signs[op.Action], op.Operation, target, op.Detail)
	}
	if s.Refused != nil {
		fmt.Fprintf(b, "  refused, %s: %s\n", s.Refused.Reason, s.Refused.Message)
	}
	if s.Failed != "" {
		fmt.Fprintf(b, "  not known: %s\n", text(s.Failed))
	}
	for _, n := range s.Notices {
		fmt.Fprintf(b, "  note: %s\n", n)
	}
	b.WriteString("\n")
}

func (s *Sale) headline() string {
	switch {
	case s.Refused != nil:
		return "  waiting, in this order:"
	case s.Management == "Preview":
		return "  Enforce would carry out, in this order (management is Preview):"
	default:
		return "  to carry out, in this order:"
	}
}

// text is a value on one line. What is short and plain needs no quotes.
func text(value string) string {
	if value == "" {
		return "(none)"
	}
	if strings.ContainsFunc(value, misleads) {
		return fmt.Sprintf("%q", value)
	}
	return value
}

// misleads says of a character that it makes a terminal show something else than what is written.
func misleads(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// String is one line, of what is not 0.
func (c Counts) String() string {
	parts := []string{fmt.Sprintf("%d equal", c.Equal)}
	for _, p := range []struct {
		n    int
		what string
	}{
		{c.Create, "to create"}, {c.Change, "to change"}, {c.Replace, "to replace"}, {c.Archive, "to archive"},
		{c.Retire, "to retire"}, {c.Differ, "fields that differ and are left"}, {c.Refused, "refused"},
		{c.Failed, "not known"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	plans := cmp.Or(map[int]string{1: "1 Plan"}[c.Plans], fmt.Sprintf("%d Plans", c.Plans))
	return plans + ": " + strings.Join(parts, ", ")
}
