package preview

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/internal/catalog"
)

// Report is what Plans would change. Its JSON is an interface.
type Report struct {
	Plans   []Sale `json:"plans"`
	Summary Counts `json:"summary"`
}

// Sale is a Plan at one of its providers.
type Sale struct {
	Namespace string `json:"namespace"`
	Plan      string `json:"plan"`
	// Provider is the name of the PaymentProvider.
	Provider string `json:"provider"`
	// Account is the provider's id of the account, and Mode its mode.
	Account string `json:"account,omitempty"`
	Mode    string `json:"mode,omitempty"`
	// Management is what the Plan's spec lets Kassa do.
	Management string `json:"management"`
	// Differences are the fields in which the provider's catalogue is not as the Plan says.
	Differences []Difference `json:"differences,omitempty"`
	// Operations are what Kassa would carry out, in order.
	Operations []Operation `json:"operations,omitempty"`
	// Omitted are fields that the provider has no place for.
	Omitted []string `json:"omitted,omitempty"`
	// Refused says why Kassa would not do it.
	Refused *Refusal `json:"refused,omitempty"`
	// Failed says why it is not known what Kassa would do.
	Failed string `json:"failed,omitempty"`
	// Notices are what somebody should know besides.
	Notices []string `json:"notices,omitempty"`
}

// Difference is one field. An empty text is no value.
type Difference struct {
	Field string `json:"field"`
	Have  string `json:"have"`
	Want  string `json:"want"`
	// Drift: the Plan in the cluster says the same as the one that was compared, so somebody changed the catalogue.
	Drift bool `json:"drift,omitempty"`
}

// Operation is one write.
type Operation struct {
	Action Action `json:"action"`
	// Operation is its name, such as CreatePrice.
	Operation string `json:"operation"`
	// Target is the name of the price; empty for the product.
	Target string `json:"target,omitempty"`
	// ID is the provider's id of what changes; empty for what is made.
	ID     string   `json:"id,omitempty"`
	Fields []string `json:"fields,omitempty"`
	Detail string   `json:"detail"`
}

// Action is what an operation does, in a word.
type Action string

// The actions.
const (
	Create  Action = "create"
	Change  Action = "change"
	Replace Action = "replace" // a price by another one
	Archive Action = "archive"
	Retire  Action = "retire" // because the Plan is not sold there any more
)

// Counts sum a report up.
type Counts struct {
	Plans   int `json:"plans"`
	Equal   int `json:"equal"` // Plans that differ nowhere
	Create  int `json:"create"`
	Change  int `json:"change"`
	Replace int `json:"replace"`
	Archive int `json:"archive"`
	Retire  int `json:"retire"`
	Differ  int `json:"differ"` // fields, where nothing is carried out
	Refused int `json:"refused"`
	Failed  int `json:"failed"`
}

// Found says whether anything is not as the Plans say.
func (r *Report) Found() bool { return r.Summary.Equal < r.Summary.Plans }

func (s *Sale) equal() bool {
	return len(s.Operations)+len(s.Differences) == 0 && s.Refused == nil && s.Failed == ""
}

// count sums up.
func (r *Report) count() {
	c := Counts{}
	equal := map[types.NamespacedName]bool{}
	for i := range r.Plans {
		s := &r.Plans[i]
		key := types.NamespacedName{Namespace: s.Namespace, Name: s.Plan}
		before, seen := equal[key]
		equal[key] = s.equal() && (before || !seen)
		for _, op := range s.Operations {
			*map[Action]*int{
				Create: &c.Create, Change: &c.Change, Replace: &c.Replace, Archive: &c.Archive, Retire: &c.Retire,
			}[op.Action]++
		}
		if len(s.Operations) == 0 {
			c.Differ += len(s.Differences)
		}
		if s.Refused != nil {
			c.Refused++
		}
		if s.Failed != "" {
			c.Failed++
		}
	}
	c.Plans = len(equal)
	for _, e := range equal {
		if e {
			c.Equal++
		}
	}
	r.Summary = c
}

func operations(steps []catalog.Operation, retiring bool) []Operation {
	var list []Operation
	for _, op := range steps {
		list = append(list, Operation{
			Action: actionOf(op, retiring), Operation: string(op.Kind), Target: op.Price, ID: op.ID, Fields: op.Fields,
			Detail: op.Detail(),
		})
	}
	return list
}

func actionOf(op catalog.Operation, retiring bool) Action {
	switch {
	case retiring:
		return Retire
	case op.Kind == catalog.ArchivePrice || op.Kind == catalog.ArchiveProduct:
		return Archive
	case op.Replaces():
		return Replace
	case op.Creates():
		return Create
	default:
		return Change
	}
}
