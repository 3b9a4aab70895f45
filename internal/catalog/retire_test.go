package catalog_test

import (
	"context"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

func TestRetire(t *testing.T) {
	for name, traits := range map[string]provider.Traits{"stripe-like": stripeLike, "paddle-like": paddleLike} {
		for point := range 5 {
			t.Run(fmt.Sprintf("%s, killed at write %d", name, point), func(t *testing.T) {
				g := NewWithT(t)
				m := newMemory(traits)
				p := newProcess(m)
				p.settle(t, plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly)))
				start := m.writes
				m.fault = func(w int) (error, bool) {
					if w-start == point {
						return errKilled, true
					}
					return nil, false
				}
				retire := func() error {
					have, _ := m.Observe(context.Background(), owner, provider.Known{})
					_, err := p.executor().Retire(context.Background(), owner, have)
					return err
				}
				g.Eventually(retire).Should(Succeed())
				g.Expect(m.purchasable(owner)).To(BeEmpty())
				g.Expect(m.onSale()).To(BeEmpty(), "what is active under an archived product is sold again with it")
				writes := m.writes
				g.Expect(retire()).To(Succeed())
				g.Expect(m.writes).To(Equal(writes))
			})
		}
	}
}

// A plan that is sold again after it was retired is never sold at its old price, not for a moment, and not if the new
// one is refused. Somebody may have put the old price on sale in the meantime.
func TestAPlanComesBackAtItsNewPrice(t *testing.T) {
	for name, traits := range bothKinds {
		for _, revived := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, old price revived: %t", name, revived), func(t *testing.T) {
				g := NewWithT(t)
				m := newMemory(traits)
				p := newProcess(m)
				p.settle(t, plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly)))
				have, _ := m.Observe(t.Context(), owner, *p.known)
				_, err := p.executor().Retire(t.Context(), owner, have)
				g.Expect(err).NotTo(HaveOccurred())
				if revived {
					old := m.prices["price_1"]
					old.Active = true
					m.prices[old.ID] = old
					product := m.products[old.ProductID]
					product.DefaultPriceID = old.ID
					m.products[product.ID] = product
				}
				m.refuse("create price monthly", provider.ClassTerminal)
				want := plan("monthly", price("monthly", "39", monthly))
				m.fault = func(int) (error, bool) {
					g.Expect(m.amounts(owner)).NotTo(HaveKeyWithValue("monthly", ContainElement(BeEquivalentTo(2900))))
					return nil, false
				}
				g.Expect(p.converge(want)).To(MatchError(ContainSubstring("refused")))
				g.Expect(m.amounts(owner)).To(BeEmpty())
				m.refusal = nil
				p.settle(t, want)
				g.Expect(m.amounts(owner)).To(Equal(map[string][]int64{"monthly": {3900}}))
			})
		}
	}
}

// Somebody took the marks off an adopted product, and the Plan is deleted before that is put right.
func TestAnAdoptedProductWithoutMarksIsRetired(t *testing.T) {
	for name, traits := range bothKinds {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(traits)
			byHand(m)
			p := adopter(m)
			p.settle(t, adopting("39"))
			product := m.products["prod_old"]
			product.Owner = billing.Owner{}
			m.products["prod_old"] = product
			have, _ := m.Observe(t.Context(), owner, *p.known)
			_, err := p.executor().Retire(t.Context(), owner, have)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(m.purchasable(owner)).To(BeEmpty())
			g.Expect(m.products["prod_old"].Active).To(BeFalse())
			g.Expect(m.onSale()).To(ConsistOf("price_x"), "nobody named that one")
		})
	}
}

// The steps that a preview shows of a retirement are those that are carried out.
func TestRetireSteps(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	p.settle(t, plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly)))
	have, _ := m.Observe(t.Context(), owner, *p.known)
	e := p.executor()
	steps, err := e.Rules.RetireSteps(owner, have)
	g.Expect(err).NotTo(HaveOccurred())
	var foreseen, done []string
	for _, op := range steps {
		foreseen = append(foreseen, op.String()+": "+op.Detail())
	}
	e.Done = func(op catalog.Operation) { done = append(done, op.String()+": "+op.Detail()) }
	_, err = e.Retire(t.Context(), owner, have)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(done).To(Equal(foreseen))
	g.Expect(foreseen).To(Equal([]string{
		"ArchiveProduct: prod_u1",
		`ClearDefault monthly (defaultPrice): prod_u1: "price_1" → ""`,
		"ArchivePrice monthly: price_1 (29.00 USD every month)",
		"ArchivePrice yearly: price_2 (290.00 USD every year)",
	}))
}
