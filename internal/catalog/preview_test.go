package catalog_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// What a preview shows is what is carried out afterwards, operation by operation.
func TestStepsAreWhatIsCarriedOut(t *testing.T) {
	for name, traits := range map[string]provider.Traits{"stripe-like": stripeLike, "paddle-like": paddleLike} {
		for _, s := range scenarios {
			t.Run(name+"/"+s.name, func(t *testing.T) {
				g := NewWithT(t)
				m := newMemory(traits)
				p := newProcess(m)
				if s.from != nil {
					p.settle(t, *s.from)
				}
				have, err := m.Observe(t.Context(), owner, *p.known)
				g.Expect(err).NotTo(HaveOccurred())
				writes := m.writes
				e := p.executor()
				steps, err := e.Rules.Steps(*s.to, have)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(m.writes).To(Equal(writes))
				var foreseen, done []string
				for _, op := range steps {
					g.Expect(op.Detail()).NotTo(BeEmpty())
					foreseen = append(foreseen, op.String())
				}
				e.Done = func(op catalog.Operation) { done = append(done, op.String()) }
				after, err := e.Converge(t.Context(), *s.to, have)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(done).NotTo(BeEmpty())
				g.Expect(cmp.Diff(foreseen, done)).To(BeEmpty())
				rest, err := e.Rules.Steps(*s.to, after)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(rest).To(BeEmpty())
				drift, err := e.Rules.Compare(*s.to, after)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(drift).To(BeEmpty())
			})
		}
	}
}

func TestDetail(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	p.settle(t, plan("monthly", price("monthly", "29", monthly)))
	want := plan("monthly", price("monthly", "39", monthly))
	want.Product.Description = "For teams"
	have, _ := m.Observe(t.Context(), owner, *p.known)
	steps, err := p.executor().Rules.Steps(want, have)
	g.Expect(err).NotTo(HaveOccurred())
	var details []string
	for _, op := range steps {
		details = append(details, fmt.Sprintf("%s: %s", op.Kind, op.Detail()))
	}
	g.Expect(details).To(Equal([]string{
		`UpdateProduct: prod_u1: description "" → "For teams"`,
		"CreatePrice: 39.00 USD every month, in place of price_1 (29.00 USD every month), lookup key u1:monthly",
		`SetDefault: prod_u1: "price_1" → "<new> monthly"`,
		"ArchivePrice: price_1 (29.00 USD every month)",
	}))
}

// Every managed field is compared, and named as in the spec.
func TestCompareNamesEveryField(t *testing.T) {
	want := plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly))
	for field, change := range map[string]func(*billing.Product, *billing.Price){
		"active":      func(p *billing.Product, _ *billing.Price) { p.Active = false },
		"displayName": func(p *billing.Product, _ *billing.Price) { p.Spec.Name = "X" },
		"description": func(p *billing.Product, _ *billing.Price) { p.Spec.Description = "X" },
		"features":    func(p *billing.Product, _ *billing.Price) { p.Spec.Features = []string{"X"} },
		"taxCode":     func(p *billing.Product, _ *billing.Price) { p.Spec.TaxCode = "X" },
		"unitLabel":   func(p *billing.Product, _ *billing.Price) { p.Spec.UnitLabel = "X" },
		"imageURLs":   func(p *billing.Product, _ *billing.Price) { p.Spec.ImageURLs = []string{"X"} },
		"metadata[x]": func(p *billing.Product, _ *billing.Price) {
			p.Spec.Metadata = map[string]string{"team": "growth", "x": ""}
		},
		"metadata[team]": func(p *billing.Product, _ *billing.Price) { p.Spec.Metadata = nil },
		"defaultPrice":   func(p *billing.Product, _ *billing.Price) { p.DefaultPriceID = "price_2" },

		"prices[monthly].active":      func(_ *billing.Product, p *billing.Price) { p.Active = false },
		"prices[monthly].displayName": func(_ *billing.Product, p *billing.Price) { p.Spec.DisplayName = "X" },
		"prices[monthly].trial":       func(_ *billing.Product, p *billing.Price) { p.Spec.TrialDays = 7 },
		"prices[monthly].lookupKey":   func(_ *billing.Product, p *billing.Price) { p.LookupKey = "X" },
		"prices[monthly].amount":      func(_ *billing.Product, p *billing.Price) { p.Spec.Terms.Money.Minor = 1 },
		"prices[monthly].recurring":   func(_ *billing.Product, p *billing.Price) { p.Spec.Terms.Recurring = yearly },
		"prices[monthly].metered": func(_ *billing.Product, p *billing.Price) {
			p.Spec.Terms.Metered = billing.AggregateSum
		},
		"prices[monthly].taxBehavior": func(_ *billing.Product, p *billing.Price) {
			p.Spec.Terms.TaxBehavior = billing.TaxInclusive
		},
		"prices[monthly].tiers": func(_ *billing.Product, p *billing.Price) {
			p.Spec.Terms.TierMode, p.Spec.Terms.Tiers = billing.TiersVolume, []billing.Tier{{Unit: 2900}}
		},
		"prices[monthly].currencyOptions": func(_ *billing.Product, p *billing.Price) {
			p.Spec.Terms.Options = []billing.CurrencyOption{{Money: billing.Money{Minor: 1, Currency: "EUR"}}}
		},
	} {
		t.Run(field, func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(stripeLike)
			p := newProcess(m)
			p.settle(t, want)
			product, pr := m.products["prod_u1"], m.prices["price_1"]
			change(&product, &pr)
			m.products[product.ID], m.prices[pr.ID] = product, pr
			have, err := m.Observe(t.Context(), owner, *p.known)
			g.Expect(err).NotTo(HaveOccurred())
			drift, err := p.executor().Rules.Compare(want, have)
			g.Expect(err).NotTo(HaveOccurred())
			var fields []string
			for _, d := range drift {
				fields = append(fields, d.Field)
			}
			g.Expect(fields).To(ContainElement(field))
			g.Expect(len(fields)).To(BeNumerically("<=", 2), "%v", fields)
			p.settle(t, want)
			have, _ = m.Observe(t.Context(), owner, *p.known)
			drift, err = p.executor().Rules.Compare(want, have)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(drift).To(BeEmpty(), "Enforce puts it right")
			g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1, "yearly": 1}))
		})
	}
}

func TestCompareAtAReadOnlyProvider(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(provider.Traits{ReadOnly: true})
	byHand(m)
	want := adopting("29")
	want.Prices = want.Prices[:1]
	want.Product = billing.ProductSpec{Name: "Old"}
	want.Prices[0].Spec.DisplayName = "by hand"
	p := adopter(m)
	have, _ := m.Observe(t.Context(), owner, *p.known)
	rules := p.executor().Rules
	drift, err := rules.Compare(want, have)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(drift).To(BeEmpty())
	g.Expect(rules.Current(want, have)).To(HaveKey("monthly"))
	op, err := rules.Next(want, have, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(op).To(BeNil())

	want.Prices[0].Spec.Terms.Money.Minor = 3900
	drift, err = rules.Compare(want, have)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(drift).To(Equal([]catalog.Difference{{Field: "prices[monthly].amount", Want: "39.00 USD", Got: "29.00 USD"}}))
	g.Expect(rules.Current(want, have)).To(BeEmpty(), "a price with other terms does not serve the plan")
	op, err = rules.Next(want, have, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(op).To(BeNil())
}
