package stack

import (
	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Sequence is a change of a Plan that moves money. The Plan is sold at the PaymentProvider "first", and some sequences
// also use "second".
type Sequence struct {
	Name string
	// Start is the Plan before the change, as an edit of SequencePlan; nil if there is none.
	Start func(*v1alpha1.Plan)
	// Adopts: the Plan takes over a product that was made by hand at "first".
	Adopts bool
	// Change edits the Plan; nil deletes it.
	Change func(*v1alpha1.Plan)
	// First and Second are the amounts in minor units that are on sale in the end.
	First, Second map[string][]string
}

// SequencePlan is the Plan that sequences change.
func SequencePlan(name string) *v1alpha1.Plan {
	p := Plan(name)
	p.Spec.Providers = []v1alpha1.PlanProvider{{Name: "first"}}
	return p
}

func asIs(*v1alpha1.Plan) {}

func atBoth(p *v1alpha1.Plan) {
	p.Spec.Providers = append(p.Spec.Providers, v1alpha1.PlanProvider{Name: "second"})
}

var (
	initial = map[string][]string{"monthly": {"2900"}, "yearly": {"29000"}}
	raised  = map[string][]string{"monthly": {"3900"}, "yearly": {"29000"}}
	nothing = map[string][]string{}
)

// Sequences are all the changes that move money.
var Sequences = []Sequence{
	{Name: "create", Change: asIs, First: initial, Second: nothing},
	{Name: "change amount", Start: asIs, First: raised, Second: nothing, Change: func(p *v1alpha1.Plan) {
		p.Spec.Prices[0].Amount = "39.00"
	}},
	{Name: "change default", Start: asIs, First: initial, Second: nothing, Change: func(p *v1alpha1.Plan) {
		p.Spec.DefaultPrice, p.Spec.Description = "yearly", "By the year"
	}},
	{
		Name: "rename", Start: asIs, Second: nothing, First: map[string][]string{"month": {"2900"}, "yearly": {"29000"}},
		Change: func(p *v1alpha1.Plan) { p.Spec.Prices[0].Name = "month" },
	},
	{Name: "adopt", Adopts: true, First: raised, Second: nothing, Change: func(p *v1alpha1.Plan) {
		p.Spec.Prices[0].Amount = "39.00"
	}},
	{Name: "add provider", Start: asIs, Change: atBoth, First: initial, Second: initial},
	{Name: "remove provider", Start: atBoth, First: nothing, Second: initial, Change: func(p *v1alpha1.Plan) {
		p.Spec.Providers = p.Spec.Providers[1:]
	}},
	{Name: "move", Start: asIs, First: nothing, Second: initial, Change: func(p *v1alpha1.Plan) {
		p.Spec.Providers = []v1alpha1.PlanProvider{{Name: "second"}}
	}},
	{Name: "delete", Start: asIs, First: nothing, Second: nothing},
}
