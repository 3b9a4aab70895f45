package preview

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestForPeople(t *testing.T) {
	g := NewWithT(t)
	r := &Report{Plans: []Sale{
		{Namespace: "shop", Plan: "equal", Provider: "stripe"},
		{
			Namespace: "shop", Plan: "pro", Provider: "stripe", Account: "acct_1", Mode: "Test", Management: "Preview",
			Differences: []Difference{
				{Field: "description", Want: "New\x1b[2J\nline"},
				{Field: "displayName", Have: "By somebody", Want: "Pro", Drift: true},
			},
			Operations: []Operation{
				{Action: Change, Operation: "UpdateProduct", Detail: "prod_1: …"},
				{Action: Replace, Operation: "CreatePrice", Target: "monthly", Detail: "39.00 USD"},
			},
		},
		{
			Namespace: "shop", Plan: "pro", Provider: "paddle", Management: "Enforce",
			Refused: &Refusal{"Unsupported", "no tiers"}, Notices: []string{"be careful"},
		},
		{
			Namespace: "shop", Plan: "seen", Provider: "lemon", Management: "Observe",
			Differences: []Difference{{Field: "active"}},
		},
		{Namespace: "shop", Plan: "lost", Provider: "gone", Management: "Enforce", Failed: "it does not exist"},
	}}
	r.count()
	var b strings.Builder
	g.Expect(r.People(&b)).To(Succeed())
	g.Expect(b.String()).To(Equal(`Plan shop/pro at stripe (acct_1, Test):
  description: (none) → "New\x1b[2J\nline"
  displayName: By somebody → Pro   (changed at the provider)
  Enforce would carry out, in this order (management is Preview):
    1. ~ UpdateProduct: prod_1: …
    2. ± CreatePrice monthly: 39.00 USD

Plan shop/pro at paddle:
  refused, Unsupported: no tiers
  note: be careful

Plan shop/seen at lemon:
  active: (none) → (none)

Plan shop/lost at gone:
  not known: it does not exist

4 Plans: 1 equal, 1 to change, 1 to replace, 1 fields that differ and are left, 1 refused, 1 not known
`))
	g.Expect(r.Found()).To(BeTrue())
	r = &Report{Plans: []Sale{{Plan: "a"}, {Plan: "a", Provider: "b", Notices: []string{"only a note"}}}}
	r.count()
	g.Expect(r.Summary).To(Equal(Counts{Plans: 1, Equal: 1}))
	g.Expect(r.Found()).To(BeFalse())
}
