package catalog_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// refuse lets the provider refuse whatever it is asked under a name, as memory's history has it.
func (m *memory) refuse(name string, class provider.Class) {
	m.refusal = func(write string) error {
		if write != name {
			return nil
		}
		return &provider.Error{Class: class, Provider: "memory", Operation: name, Message: "refused"}
	}
}

// What does not depend on a refused operation is done all the same.
func TestARefusedOperationHoldsUpNothingElse(t *testing.T) {
	before := plan("monthly", price("monthly", "29", monthly), price("weekly", "9", monthly))
	for _, c := range []struct {
		reason, refused string
		want            billing.Plan
		onSale          map[string][]int64
	}{
		{
			"a new price", "create price yearly",
			plan("monthly", price("monthly", "39", monthly), price("yearly", "290", yearly)),
			// What is gone from the plan stays: a refused price may be what takes its place.
			map[string][]int64{"monthly": {3900}, "weekly": {900}},
		},
		{
			"a new default", "create price yearly",
			plan("yearly", price("monthly", "39", monthly), price("yearly", "290", yearly)),
			// The default price cannot be archived before another one is the default.
			map[string][]int64{"monthly": {2900, 3900}, "weekly": {900}},
		},
		{
			"a replaced price", "create price weekly",
			plan("monthly", price("monthly", "39", monthly), price("weekly", "8", monthly)),
			map[string][]int64{"monthly": {3900}, "weekly": {900}},
		},
		{
			"the product", "update product",
			billing.Plan{
				Owner: owner, Default: "monthly", Product: billing.ProductSpec{Name: "Another"},
				Prices: []billing.DesiredPrice{price("monthly", "29", monthly), price("weekly", "8", monthly)},
			},
			map[string][]int64{"monthly": {2900}, "weekly": {800}},
		},
		{
			"the end of a price", "update price",
			plan("monthly", price("monthly", "39", monthly), price("weekly", "8", monthly)),
			map[string][]int64{"monthly": {2900, 3900}, "weekly": {800, 900}},
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(stripeLike)
			p := newProcess(m)
			p.settle(t, before)
			m.refuse(c.refused, provider.ClassTerminal)
			g.Expect(p.converge(c.want)).To(MatchError(ContainSubstring(c.refused)))
			g.Expect(m.amounts(owner)).To(Equal(c.onSale))
			m.refusal = nil
			p.settle(t, c.want)
			g.Expect(m.purchasable(owner)).To(HaveLen(len(c.want.Prices)))
		})
	}
}

// What was refused for good is not sent again, and is still said to be refused.
func TestARefusalIsRemembered(t *testing.T) {
	for class, others := range map[provider.Class]int{provider.ClassTerminal: 1, provider.ClassCredentials: 0} {
		t.Run(class.String(), func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(stripeLike)
			p := newProcess(m)
			p.settle(t, plan("monthly", price("monthly", "29", monthly)))
			m.refuse("create price yearly", class)
			want := plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly),
				price("weekly", "9", monthly))
			e := p.executor()
			before := m.writes
			have, err := e.Converge(t.Context(), want, observed(t, m, *p.known))
			g.Expect(err).To(MatchError(ContainSubstring("refused")))
			g.Expect(m.writes-before).To(Equal(1+others), "the rest is not tried with a key that may not do it")

			idle, err := e.Idle(want, have)
			g.Expect(idle).To(BeTrue())
			g.Expect(err).To(MatchError(ContainSubstring("refused")))
			before = m.writes
			_, err = e.Converge(t.Context(), want, have)
			g.Expect(err).To(MatchError(ContainSubstring("refused")))
			g.Expect(m.writes).To(Equal(before))

			// Somebody changed something: the refusals are forgotten.
			m.refusal = nil
			e.Refusals = &catalog.Refusals{}
			_, err = e.Converge(t.Context(), want, have)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(m.purchasable(owner)).To(HaveLen(3))
		})
	}
}

// An error that passes decides what happens next, also when something was refused for good before it.
func TestAnErrorThatPassesOutweighsARefusal(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	p.settle(t, plan("monthly", price("monthly", "29", monthly)))
	m.refusal = func(write string) error {
		switch write {
		case "create price yearly":
			return &provider.Error{Class: provider.ClassTerminal, Provider: "memory", Message: "refused"}
		case "create price weekly":
			return &provider.Error{Class: provider.ClassUnavailable, Provider: "memory", Message: "away"}
		}
		return nil
	}
	_, err := p.executor().Converge(context.Background(), plan("monthly", price("monthly", "29", monthly),
		price("yearly", "290", yearly), price("weekly", "9", monthly)), observed(t, m, *p.known))
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
	g.Expect(err).To(MatchError(ContainSubstring("refused")))
}
