package catalog_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// byHand puts a product with two prices there, as somebody made them before Kassa came.
func byHand(m *memory) {
	m.products["prod_old"] = billing.Product{
		ID: "prod_old", Active: true, DefaultPriceID: "price_m", Spec: billing.ProductSpec{Name: "Old"},
	}
	for id, amount := range map[string]string{"price_m": "29", "price_x": "5"} {
		p := price("by hand", amount, monthly)
		m.prices[id] = billing.Price{
			ID: id, ProductID: "prod_old", Active: true, Created: m.now.Add(-time.Hour * 24), Spec: p.Spec,
		}
	}
}

func adopting(amount string) billing.Plan {
	p := plan("monthly", price("monthly", amount, monthly), price("yearly", "290", yearly))
	p.Adopt = &billing.Adoption{ProductID: "prod_old", Prices: map[string]string{"monthly": "price_m"}}
	return p
}

func adopter(m *memory) process {
	p := newProcess(m)
	p.known.ProductID, p.known.Only, p.known.PriceIDs = "prod_old", true, []string{"price_m"}
	return p
}

func TestAdoptAtEveryCrashPoint(t *testing.T) {
	for name, traits := range map[string]provider.Traits{"stripe-like": stripeLike, "paddle-like": paddleLike} {
		for _, amount := range []string{"29", "39"} {
			for _, after := range []bool{false, true} {
				for point, crashed := 1, true; crashed; point++ {
					t.Run(fmt.Sprintf("%s/%s/after %t/%d", name, amount, after, point), func(t *testing.T) {
						g := NewWithT(t)
						m := newMemory(traits)
						byHand(m)
						crashed = false
						m.fault = func(w int) (error, bool) {
							if w != point {
								return nil, false
							}
							crashed = true
							return errKilled, after
						}
						adopter(m).settle(t, adopting(amount))
						g.Expect(m.products).To(HaveLen(1))
						g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1, "yearly": 1}))
						g.Expect(m.prices["price_m"].Owner).To(Equal(owner))
						g.Expect(m.prices["price_m"].Active).To(Equal(amount == "29"))
						prices := map[string]int{"29": 3, "39": 4}[amount]
						g.Expect(m.prices).To(HaveLen(prices), "%v", m.history)
						g.Expect(m.prices["price_x"].Owner.IsZero()).To(BeTrue(), "a price that is not named is left alone")
						g.Expect(m.prices["price_x"].Active).To(BeTrue())
					})
				}
			}
		}
	}
}

// Applications find a price by its lookup key: the key that it had stays in use, through every later replacement.
func TestAnAdoptedKeyIsKept(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	byHand(m)
	old := m.prices["price_m"]
	old.LookupKey = "pro_monthly"
	m.prices["price_m"] = old
	p := adopter(m)
	holder := func() billing.Price {
		for _, pr := range m.prices {
			if pr.LookupKey == "pro_monthly" {
				return pr
			}
		}
		return billing.Price{}
	}
	for _, amount := range []string{"29", "39", "49", "29"} {
		p.settle(t, adopting(amount))
		g.Expect(holder().Spec.Terms.Money.Major()).To(Equal(amount + ".00"))
		g.Expect(holder().Active).To(BeTrue())
		g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1, "yearly": 1}))
	}
	// Somebody takes it away.
	current := holder()
	current.LookupKey = ""
	m.prices[current.ID] = current
	p.settle(t, adopting("29"))
	g.Expect(holder().ID).To(Equal(current.ID))
}

func TestAdoptionRefusesWhatIsAnothersOrMissing(t *testing.T) {
	another := owner
	another.Name, another.UID = "other", "u2"
	for name, c := range map[string]struct {
		change func(*memory)
		want   any
	}{
		"product of another": {func(m *memory) {
			p := m.products["prod_old"]
			p.Owner = another
			m.products["prod_old"] = p
		}, &catalog.OwnedByAnotherError{}},
		"price of another": {func(m *memory) {
			p := m.prices["price_m"]
			p.Owner, p.Name = another, "monthly"
			m.prices["price_m"] = p
		}, &catalog.OwnedByAnotherError{}},
		"no product": {func(m *memory) { delete(m.products, "prod_old") }, &catalog.MissingError{}},
		"no price":   {func(m *memory) { delete(m.prices, "price_m") }, &catalog.MissingError{}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(stripeLike)
			byHand(m)
			c.change(m)
			err := adopter(m).converge(adopting("29"))
			g.Expect(errors.As(err, c.want)).To(BeTrue(), "%v", err)
			g.Expect(m.writes).To(BeZero())
		})
	}
}

// A Plan that was deleted with Orphan and made again under its name adopts what it left, whatever the UID.
func TestAPlanThatWasMadeAgainAdoptsItsFormerObjects(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	newProcess(m).settle(t, plan("monthly", price("monthly", "29", monthly), price("gone", "1", monthly)))
	again := plan("monthly", price("monthly", "29", monthly))
	again.Owner.UID = "u9"
	again.Adopt = &billing.Adoption{ProductID: "prod_u1"}
	p := newProcess(m)
	p.known.ProductID, p.known.Only = "prod_u1", true
	p.settle(t, again)
	g.Expect(m.products).To(HaveLen(1))
	g.Expect(m.products["prod_u1"].Owner).To(Equal(again.Owner))
	g.Expect(m.prices).To(HaveLen(2))
	g.Expect(m.purchasable(again.Owner)).To(Equal(map[string]int{"monthly": 1}))
	g.Expect(m.prices["price_1"].LookupKey).To(Equal("u1:monthly"), "the key that applications use")
}

// What was only about to be adopted is not archived with the Plan.
func TestRetireLeavesAloneWhatWasNotAdoptedYet(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	byHand(m)
	p := adopter(m)
	have, err := m.Observe(t.Context(), owner, *p.known)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = p.executor().Retire(t.Context(), owner, have)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.writes).To(BeZero())
}

// Two processes that created the product at one moment leave two. One is kept, the other taken off sale.
func TestATwinIsArchived(t *testing.T) {
	for _, end := range []string{"converge", "retire"} {
		t.Run(end, func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(paddleLike)
			p := newProcess(m)
			want := plan("p", price("p", "1", monthly))
			p.settle(t, want)
			m.products["prod_z"] = billing.Product{ID: "prod_z", Owner: owner, Active: true, Spec: want.Product}
			mirror := catalog.NewMirror(m, func() time.Time { return m.now })
			_, err := mirror.Refresh(t.Context(), time.Hour)
			g.Expect(err).NotTo(HaveOccurred())
			have := mirror.Get(owner, *p.known)
			g.Expect(have.Product.ID).To(Equal("prod_1"))
			g.Expect(have.Twins).To(HaveLen(1))
			if end == "converge" {
				have, err = p.executor().Converge(t.Context(), want, have)
				g.Expect(m.products["prod_1"].Active).To(BeTrue())
			} else {
				have, err = p.executor().Retire(t.Context(), owner, have)
				g.Expect(m.products["prod_1"].Active).To(BeFalse())
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(m.products["prod_z"].Active).To(BeFalse())
			mirror.Put(have)
			g.Expect(mirror.Get(owner, *p.known).Twins[0].Active).To(BeFalse())
		})
	}
}

// An archived price can be adopted: with the wanted terms it is put back on sale, with others it stays where it is.
func TestAnArchivedPriceIsAdopted(t *testing.T) {
	for name, traits := range map[string]provider.Traits{"stripe-like": stripeLike, "paddle-like": paddleLike} {
		for _, amount := range []string{"29", "39"} {
			t.Run(name+"/"+amount, func(t *testing.T) {
				g := NewWithT(t)
				m := newMemory(traits)
				byHand(m)
				product, old := m.products["prod_old"], m.prices["price_m"]
				product.DefaultPriceID, old.Active = "", false
				m.products["prod_old"], m.prices["price_m"] = product, old
				adopter(m).settle(t, adopting(amount))
				g.Expect(m.prices["price_m"].Active).To(Equal(amount == "29"))
				g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1, "yearly": 1}))
				writes := m.writes
				g.Expect(adopter(m).converge(adopting(amount))).To(Succeed())
				g.Expect(m.writes).To(Equal(writes))
			})
		}
	}
}
