package catalog_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
)

// asItIs adopts what byHand made, with a spec that says nothing of the default price and of the price's name.
func asItIs(amount string) billing.Plan {
	p := adopting(amount)
	p.Default, p.Prices = "", p.Prices[:1]
	p.Product = billing.ProductSpec{Name: "Old"}
	return p
}

func withoutDefaultAndName(m *memory) {
	byHand(m)
	product, price := m.products["prod_old"], m.prices["price_m"]
	product.DefaultPriceID, price.Spec.DisplayName = "", ""
	m.products["prod_old"], m.prices["price_m"] = product, price
}

func observedByHand(m *memory) billing.Observed {
	product := m.products["prod_old"]
	return billing.Observed{Product: &product, Prices: []billing.Price{m.prices["price_m"], m.prices["price_x"]}}
}

// What a spec has by default alone does not make an adopted product differ.
func TestAdoptedAsItIs(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	withoutDefaultAndName(m)
	rules := catalog.NewRules(m, stripeLike)
	drift, err := rules.Compare(asItIs("29"), observedByHand(m))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(drift).To(BeEmpty())

	adopter(m).settle(t, asItIs("29"))
	g.Expect(m.products["prod_old"].DefaultPriceID).To(BeEmpty())
	g.Expect(m.prices["price_m"].Spec.DisplayName).To(BeEmpty())
	g.Expect(m.prices["price_m"].Owner).To(Equal(owner))

	chosen := asItIs("29")
	chosen.Default = "monthly"
	chosen.Prices[0].Spec.DisplayName = "By the month"
	drift, err = rules.Compare(chosen, observedByHand(m))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(drift).To(ConsistOf(
		HaveField("Field", "prices[monthly].displayName"), HaveField("Field", "defaultPrice")))
}

// A default price of the plan that is replaced hands the default on: it could not leave the sale otherwise.
func TestAnAdoptedDefaultMovesOn(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	byHand(m)
	adopter(m).settle(t, asItIs("39"))
	g.Expect(m.prices["price_m"].Active).To(BeFalse())
	served := m.prices[m.products["prod_old"].DefaultPriceID]
	g.Expect(served.Name).To(Equal("monthly"))
	g.Expect(served.Active).To(BeTrue())

	renamed := asItIs("39")
	renamed.Prices[0].Name, renamed.Adopt.Prices = "month", nil
	adopter(m).settle(t, renamed)
	g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"month": 1}))
	g.Expect(m.prices[m.products["prod_old"].DefaultPriceID].Name).To(Equal("month"))
}

// A default that is no price of the plan stays.
func TestAForeignDefaultStays(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	byHand(m)
	product := m.products["prod_old"]
	product.DefaultPriceID = "price_x"
	m.products["prod_old"] = product
	adopter(m).settle(t, asItIs("39"))
	g.Expect(m.products["prod_old"].DefaultPriceID).To(Equal("price_x"))
}
