package catalog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// paged is a catalogue whose snapshot takes a moment, in which something may happen.
type paged struct {
	provider.Catalog
	reads     int
	fail      error
	meanwhile func()
	products  []billing.Product
}

func (p *paged) Snapshot(context.Context) (*provider.Snapshot, error) {
	p.reads++
	if p.meanwhile != nil {
		p.meanwhile()
	}
	return &provider.Snapshot{Products: p.products, Calls: 3}, p.fail
}

const forever = time.Duration(1<<63 - 1)

var (
	ours  = billing.Owner{Cluster: "c", Namespace: "shop", Name: "pro", UID: "1"}
	known = provider.Known{ProductID: "prod_1"}
)

func product(id, name string) billing.Product {
	return billing.Product{ID: id, Owner: ours, Active: true, Spec: billing.ProductSpec{Name: name}}
}

// A doubt ends when the product was read after it arose, and at no other time.
func TestDoubtEndsWhenReadSince(t *testing.T) {
	for _, c := range []struct {
		reason string
		// do happens after the doubt; a second passes before.
		do      func(g *WithT, m *catalog.Mirror, p *paged, clock *time.Time)
		doubted bool
	}{
		{"nothing", func(*WithT, *catalog.Mirror, *paged, *time.Time) {}, true},
		{"observed since", func(_ *WithT, m *catalog.Mirror, p *paged, clock *time.Time) {
			m.Observed(known, billing.Observed{Product: &p.products[0]}, *clock)
		}, false},
		{"an observation that had begun before", func(_ *WithT, m *catalog.Mirror, p *paged, clock *time.Time) {
			m.Observed(known, billing.Observed{Product: &p.products[0]}, clock.Add(-2*time.Second))
		}, true},
		{"gone", func(g *WithT, m *catalog.Mirror, _ *paged, clock *time.Time) {
			m.Observed(known, billing.Observed{}, *clock)
			g.Expect(m.Get(ours, known).Product).To(BeNil())
			g.Expect(m.Owner("prod_1")).To(BeZero())
		}, false},
		{"written", func(_ *WithT, m *catalog.Mirror, p *paged, _ *time.Time) {
			m.Put(billing.Observed{Product: &p.products[0]})
		}, true},
		{"a snapshot", func(g *WithT, m *catalog.Mirror, _ *paged, _ *time.Time) {
			_, err := m.Refresh(t.Context(), 0)
			g.Expect(err).NotTo(HaveOccurred())
		}, false},
		{"a snapshot that failed", func(g *WithT, m *catalog.Mirror, p *paged, _ *time.Time) {
			p.fail = errors.New("away")
			_, err := m.Refresh(t.Context(), 0)
			g.Expect(err).To(HaveOccurred())
		}, true},
		{"a snapshot during which the product was written", func(g *WithT, m *catalog.Mirror, p *paged, _ *time.Time) {
			p.meanwhile = func() { m.Put(billing.Observed{Product: &p.products[0]}) }
			_, err := m.Refresh(t.Context(), 0)
			g.Expect(err).NotTo(HaveOccurred())
		}, true},
		{"a snapshot during which it was told again", func(g *WithT, m *catalog.Mirror, p *paged, clock *time.Time) {
			p.meanwhile = func() { *clock = clock.Add(time.Second); m.Doubt("prod_1") }
			_, err := m.Refresh(t.Context(), 0)
			g.Expect(err).NotTo(HaveOccurred())
		}, true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			clock := time.Unix(1_800_000_000, 0)
			p := &paged{products: []billing.Product{product("prod_1", "Pro")}}
			m := catalog.NewMirror(p, func() time.Time { return clock })
			_, err := m.Refresh(t.Context(), forever)
			g.Expect(err).NotTo(HaveOccurred())
			clock = clock.Add(time.Second)
			g.Expect(m.Doubted("prod_1")).To(BeFalse())
			m.Doubt("prod_1")
			clock = clock.Add(time.Second)
			c.do(g, m, p, &clock)
			g.Expect(m.Doubted("prod_1")).To(Equal(c.doubted))
		})
	}
}

// A product that was found to be gone while the pages were read does not come back with them.
func TestGoneDuringASnapshot(t *testing.T) {
	g := NewWithT(t)
	p := &paged{products: []billing.Product{product("prod_1", "Pro"), product("prod_2", "Twin")}}
	m := catalog.NewMirror(p, time.Now)
	_, err := m.Refresh(t.Context(), forever)
	g.Expect(err).NotTo(HaveOccurred())
	p.meanwhile = func() { m.Observed(known, billing.Observed{Product: &p.products[1]}, time.Now()) }
	_, err = m.Refresh(t.Context(), 0)
	g.Expect(err).NotTo(HaveOccurred())
	have := m.Get(ours, known)
	g.Expect(have.Product.ID).To(Equal("prod_2"))
	g.Expect(have.Twins).To(BeEmpty())
}

// When everything is doubted the account is read once for all who ask, and not by a read that had begun before.
func TestRenew(t *testing.T) {
	g := NewWithT(t)
	clock := time.Unix(1_800_000_000, 0)
	p := &paged{}
	m := catalog.NewMirror(p, func() time.Time { return clock })
	_, err := m.Refresh(t.Context(), forever)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Renew(t.Context())).To(Succeed())
	g.Expect(p.reads).To(Equal(1), "nothing was doubted")
	clock = clock.Add(time.Second)
	m.DoubtAll()
	g.Expect(m.Renew(t.Context())).To(Succeed())
	g.Expect(m.Renew(t.Context())).To(Succeed())
	g.Expect(p.reads).To(Equal(2))

	once := true
	p.meanwhile = func() {
		if once {
			once = false
			clock = clock.Add(time.Second)
			m.DoubtAll()
		}
	}
	clock = clock.Add(time.Second)
	m.DoubtAll()
	g.Expect(m.Renew(t.Context())).To(Succeed())
	g.Expect(p.reads).To(Equal(4), "the first of the two had begun before the doubt")
	p.fail = errors.New("away")
	clock = clock.Add(time.Second)
	m.DoubtAll()
	g.Expect(m.Renew(t.Context())).NotTo(Succeed())
	g.Expect(m.Renew(t.Context())).NotTo(Succeed())
}

func TestEchoes(t *testing.T) {
	g := NewWithT(t)
	clock := time.Unix(1_800_000_000, 0)
	p := &paged{}
	m := catalog.NewMirror(p, func() time.Time { return clock })
	g.Expect(m.Echo(ours)).To(BeFalse())
	m.Wrote(ours)
	clock = clock.Add(20 * time.Second)
	g.Expect(m.Echo(ours)).To(BeTrue())
	g.Expect(m.Echo(billing.Owner{Cluster: "c", UID: "2"})).To(BeFalse())
	_, err := m.Refresh(t.Context(), 0)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Echo(ours)).To(BeTrue())
	clock = clock.Add(10 * time.Second)
	g.Expect(m.Echo(ours)).To(BeFalse())
}

func TestCostOfASnapshot(t *testing.T) {
	g := NewWithT(t)
	p := &paged{}
	m := catalog.NewMirror(p, time.Now)
	_, err := m.Refresh(t.Context(), forever)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Cost()).To(Equal(3))
	for i := range 100 {
		o := product("prod", "")
		o.ID += string(rune('a' + i))
		m.Put(billing.Observed{Product: &o, Prices: make([]billing.Price, 2)})
	}
	g.Expect(m.Cost()).To(Equal(6))
}
