package catalog_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func TestDriftIsPutRightInPlace(t *testing.T) {
	want := plan("monthly", price("monthly", "29", monthly))
	for _, c := range []struct {
		name   string
		change func(*billing.Product, *billing.Price)
		prices int
	}{
		{"name", func(p *billing.Product, _ *billing.Price) { p.Spec.Name = "X" }, 1},
		{"description", func(p *billing.Product, _ *billing.Price) { p.Spec.Description = "X" }, 1},
		{"features", func(p *billing.Product, _ *billing.Price) { p.Spec.Features = []string{"X"} }, 1},
		{"unit label", func(p *billing.Product, _ *billing.Price) { p.Spec.UnitLabel = "X" }, 1},
		{"images", func(p *billing.Product, _ *billing.Price) { p.Spec.ImageURLs = []string{"X"} }, 1},
		{"metadata added", func(p *billing.Product, _ *billing.Price) {
			p.Spec.Metadata = map[string]string{"team": "growth", "x": "y"}
		}, 1},
		{"metadata removed", func(p *billing.Product, _ *billing.Price) { p.Spec.Metadata = nil }, 1},
		{"product archived", func(p *billing.Product, _ *billing.Price) { p.Active = false }, 1},
		{"product's marks removed", func(p *billing.Product, _ *billing.Price) { p.Owner = billing.Owner{} }, 1},
		{"default cleared", func(p *billing.Product, _ *billing.Price) { p.DefaultPriceID = "" }, 1},
		{"price renamed", func(_ *billing.Product, p *billing.Price) { p.Spec.DisplayName = "X" }, 1},
		{"price archived", func(_ *billing.Product, p *billing.Price) { p.Active = false }, 1},
		{"lookup key removed", func(_ *billing.Product, p *billing.Price) { p.LookupKey = "" }, 1},
		{"price's marks removed", func(_ *billing.Product, p *billing.Price) { p.Owner, p.Name = billing.Owner{}, "" }, 1},
		{"a mark of the product removed", func(p *billing.Product, _ *billing.Price) { p.Owner.UID = "" }, 1},
		{"a mark of the price removed", func(_ *billing.Product, p *billing.Price) { p.Owner.UID = "" }, 1},
		{"the price's name removed", func(_ *billing.Product, p *billing.Price) { p.Name = "" }, 1},
		{"tax behaviour set elsewhere", func(_ *billing.Product, p *billing.Price) {
			p.Spec.Terms.TaxBehavior = billing.TaxInclusive
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(stripeLike)
			p := newProcess(m)
			p.settle(t, want)
			before, _ := m.Observe(context.Background(), owner, provider.Known{})
			product, pr := m.products["prod_u1"], m.prices["price_1"]
			c.change(&product, &pr)
			m.products[product.ID], m.prices[pr.ID] = product, pr
			p.settle(t, want)
			g.Expect(m.prices).To(HaveLen(c.prices))
			g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1}))
			if c.prices == 1 {
				after, _ := m.Observe(context.Background(), owner, provider.Known{})
				g.Expect(cmp.Diff(before, after)).To(BeEmpty())
			}
		})
	}
}

// Marks that somebody took off a price do not save it from being replaced.
func TestAnUnmarkedPriceIsReplacedLikeAnyOther(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	p.settle(t, plan("monthly", price("monthly", "19", monthly)))
	pr := m.prices["price_1"]
	pr.Owner, pr.Name = billing.Owner{}, ""
	m.prices[pr.ID] = pr
	p.settle(t, plan("monthly", price("monthly", "29", monthly)))
	g.Expect(m.prices["price_1"].Active).To(BeFalse())
	g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1}))
}

// A price that has neither its marks nor its key any more is nobody's; another is made although the provider remembers
// the create of the first.
func TestASpoiledPriceIsMadeAgain(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	want := plan("monthly", price("monthly", "19", monthly))
	p.settle(t, want)
	pr := m.prices["price_1"]
	pr.Owner.UID, pr.LookupKey = "", ""
	m.prices[pr.ID] = pr
	g.Expect(p.converge(want)).To(Succeed())
	g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1}))
}

// A changed tax behaviour is another price: the one that runs in subscriptions stays what it was.
func TestTaxBehaviourIsATerm(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	p.settle(t, plan("monthly", price("monthly", "29", monthly)))
	inclusive := price("monthly", "29", monthly)
	inclusive.Spec.Terms.TaxBehavior = billing.TaxInclusive
	p.settle(t, plan("monthly", inclusive))
	g.Expect(m.prices["price_1"].Spec.Terms.TaxBehavior).To(Equal(billing.TaxUnspecified))
	g.Expect(m.prices["price_1"].Active).To(BeFalse())
	g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1}))
}
