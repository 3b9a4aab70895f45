package catalog_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// unmarked is a settled catalogue from which somebody removed every mark and key, and what the owner's status has.
func unmarked(t *testing.T, traits provider.Traits, want billing.Plan) (*memory, catalog.Executor, provider.Known) {
	t.Helper()
	m := newMemory(traits)
	p := newProcess(m)
	p.settle(t, want)
	e := p.executor()
	e.Rules.Record = catalog.Record{ProductID: p.known.ProductID, Prices: map[string]string{}}
	for id, pr := range m.prices {
		e.Rules.Record.Prices[id] = pr.Name
		pr.Owner, pr.Name, pr.LookupKey, pr.KeptKey = billing.Owner{}, "", "", ""
		m.prices[id] = pr
	}
	for id, product := range m.products {
		product.Owner = billing.Owner{}
		m.products[id] = product
	}
	return m, e, *p.known
}

func observed(t *testing.T, m *memory, known provider.Known) billing.Observed {
	t.Helper()
	have, err := m.Observe(context.Background(), owner, known)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return have
}

var bothKinds = map[string]provider.Traits{"with lookup keys": stripeLike, "without lookup keys": paddleLike}

// The status of the Plan remembers what no mark tells any more: nothing is made twice.
func TestWhatWasMadeIsKnownWithoutMarks(t *testing.T) {
	want := plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly))
	for name, traits := range bothKinds {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m, e, known := unmarked(t, traits, want)
			_, err := e.Converge(context.Background(), want, observed(t, m, known))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(m.prices).To(HaveLen(2))
			g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1, "yearly": 1}))
		})
	}
}

// A price without marks is neither left on sale beside its successor, nor when the plan gives its name up.
func TestAnUnmarkedPriceLeavesTheSaleWithItsName(t *testing.T) {
	before := plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly))
	after := plan("monthly", price("monthly", "39", monthly))
	for name, traits := range bothKinds {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m, e, known := unmarked(t, traits, before)
			have := observed(t, m, known)
			differences, err := e.Rules.Compare(after, have)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(differences).To(ContainElement(HaveField("Field", HavePrefix("prices[yearly] price_"))))
			_, err = e.Converge(context.Background(), after, have)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(m.onSale()).To(HaveLen(1))
			g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1}))
			g.Expect(e.Rules.Former(after, observed(t, m, known))).To(ConsistOf(
				HaveField("Name", "monthly"), HaveField("Name", "yearly")))
		})
	}
}

// A deleted Plan leaves nothing on sale, although nothing carries its marks.
func TestWhatHasNoMarksIsRetired(t *testing.T) {
	want := plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly))
	for name, traits := range bothKinds {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m, e, known := unmarked(t, traits, want)
			_, err := e.Retire(context.Background(), owner, observed(t, m, known))
			g.Expect(err).NotTo(HaveOccurred())
			for _, product := range m.products {
				g.Expect(product.Active).To(BeFalse(), product.ID)
			}
			g.Expect(m.onSale()).To(BeEmpty())
		})
	}
}

// Marks outweigh the record: what another Plan marked meanwhile is not taken back.
func TestTheRecordDoesNotOutweighMarks(t *testing.T) {
	g := NewWithT(t)
	want := plan("monthly", price("monthly", "29", monthly))
	m, e, known := unmarked(t, paddleLike, want)
	another := owner
	another.UID = "u2"
	pr := m.prices["price_1"]
	pr.Owner, pr.Name = another, "monthly"
	m.prices[pr.ID] = pr
	_, err := e.Retire(context.Background(), owner, observed(t, m, known))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.onSale()).To(ConsistOf("price_1"))
}
