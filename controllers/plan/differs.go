package plan

import (
	"fmt"
	"strings"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/catalog"
)

// differsError says that a catalogue differs and Kassa leaves it so.
type differsError struct {
	management v1alpha1.Management
	readOnly   string // name of the provider if its catalogue can only be read
	retiring   bool   // the Plan is not sold there any more
	drift      []catalog.Difference
	steps      int
}

func (e differsError) Error() string {
	const named = 5
	var fields []string
	for _, d := range e.drift[:min(named, len(e.drift))] {
		fields = append(fields, d.Field)
	}
	text := "differs in " + strings.Join(fields, ", ")
	if more := len(e.drift) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	switch {
	case e.retiring:
		text = "spec.providers does not name it any more, but the plan is still on sale there"
	case len(e.drift) == 0:
		text = "equals the spec, but not all of it is marked as the Plan's own"
	}
	switch {
	case e.readOnly != "":
		return fmt.Sprintf("%s; no API changes %s's catalogue: change it in the dashboard, or change the Plan", text,
			e.readOnly)
	case e.management == v1alpha1.ManagementPreview:
		return fmt.Sprintf("%s; spec.management Enforce would carry out %d operations, see status.providers[].pending", text,
			e.steps)
	default:
		return text + "; spec.management is Observe, so it is left as it is"
	}
}
