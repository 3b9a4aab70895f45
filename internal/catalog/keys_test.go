package catalog_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

// withKeys is a product that somebody made by hand, whose prices have keys that applications use.
func withKeys(keys map[string]string) *memory {
	m := newMemory(stripeLike)
	byHand(m)
	for id, key := range keys {
		p := m.prices[id]
		p.LookupKey = key
		m.prices[id] = p
	}
	return m
}

// An adopted price that gets another name in the plan takes its key along; the name that it had goes on with Kassa's.
func TestAnAdoptedKeyFollowsItsPrice(t *testing.T) {
	for name, before := range map[string][]string{"as adopted": {"29"}, "with a successor": {"29", "39"}} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := withKeys(map[string]string{"price_m": "pro_monthly"})
			p := adopter(m)
			for _, amount := range before {
				p.settle(t, adopting(amount))
			}
			want := plan("monthly", price("monthly", "39", monthly), price("legacy", "29", monthly),
				price("yearly", "290", yearly))
			want.Adopt = &billing.Adoption{ProductID: "prod_old", Prices: map[string]string{"legacy": "price_m"}}
			p.settle(t, want)
			g.Expect(m.prices["price_m"]).To(And(HaveField("LookupKey", "pro_monthly"), HaveField("Name", "legacy"),
				HaveField("Active", true)))
			g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1, "legacy": 1, "yearly": 1}))
			g.Expect(m.keyOf("monthly")).To(Equal("u1:monthly"))
			writes := m.writes
			g.Expect(p.converge(want)).To(Succeed())
			g.Expect(m.writes).To(Equal(writes))
		})
	}
}

// Two adopted prices that change names keep a key each, whichever is the younger.
func TestAdoptedPricesChangeNames(t *testing.T) {
	for _, younger := range []string{"price_m", "price_x"} {
		t.Run(younger, func(t *testing.T) {
			g := NewWithT(t)
			m := withKeys(map[string]string{"price_m": "key_m", "price_x": "key_x"})
			young := m.prices[younger]
			young.Created = young.Created.Add(time.Hour)
			m.prices[younger] = young
			p := adopter(m)
			as := func(a, b string) billing.Plan {
				amount := map[string]string{"price_m": "29", "price_x": "5"}
				want := plan("a", price("a", amount[a], monthly), price("b", amount[b], monthly))
				want.Adopt = &billing.Adoption{ProductID: "prod_old", Prices: map[string]string{"a": a, "b": b}}
				return want
			}
			p.settle(t, as("price_m", "price_x"))
			p.settle(t, as("price_x", "price_m"))
			g.Expect(m.keyOf("a")).To(Equal("key_x"))
			g.Expect(m.keyOf("b")).To(Equal("key_m"))
			g.Expect(m.prices).To(HaveLen(2))
		})
	}
}

// keyOf is the key of the price on sale under a name.
func (m *memory) keyOf(name string) string {
	for _, p := range m.prices {
		if p.Active && p.Name == name {
			return p.LookupKey
		}
	}
	return "no such price"
}
