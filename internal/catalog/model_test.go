package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// life is a plan's life by chance: specs that follow each other, edits by others, kills, and retirements.
type life struct {
	*rand.Rand
	m       *memory
	p       process
	adopts  bool
	history []string
}

func newLife(seed uint64) *life {
	l := &life{Rand: rand.New(rand.NewPCG(seed, 0))}
	traits := stripeLike
	if l.IntN(2) == 0 {
		traits = paddleLike
	}
	l.m = newMemory(traits)
	l.p = newProcess(l.m)
	if l.adopts = l.IntN(2) == 0; l.adopts {
		byHand(l.m)
		for id, key := range map[string]string{"price_m": "key_m", "price_x": "key_x"} {
			if p := l.m.prices[id]; traits.LookupKeys && l.IntN(3) > 0 {
				p.LookupKey = key
				l.m.prices[id] = p
			}
		}
		l.p.known.ProductID, l.p.known.Only = "prod_old", true
	}
	return l
}

func (l *life) notef(format string, args ...any) {
	l.history = append(l.history, fmt.Sprintf(format, args...))
}

// spec is a plan of one to three prices at few amounts, so that lives come back to what they had before.
func (l *life) spec() billing.Plan {
	names := []string{"a", "b", "c"}
	l.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:1+l.IntN(len(names))]
	var prices []billing.DesiredPrice
	for _, n := range names {
		prices = append(prices, price(n, []string{"5", "29", "39"}[l.IntN(3)], monthly))
	}
	want := plan(names[l.IntN(len(names))], prices...)
	if !l.adopts {
		return want
	}
	want.Adopt = &billing.Adoption{ProductID: "prod_old", Prices: map[string]string{}}
	for i, id := range []string{"price_m", "price_x"} {
		if i < len(names) && l.IntN(2) == 0 {
			want.Adopt.Prices[names[i]] = id
		}
	}
	for _, id := range want.Adopt.Prices {
		l.p.known.PriceIDs = append(l.p.known.PriceIDs, id)
	}
	return want
}

// meddle is what somebody does in the provider's dashboard.
func (l *life) meddle() {
	ids := make([]string, 0, len(l.m.prices))
	for id := range l.m.prices {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return
	}
	slices.Sort(ids)
	pr := l.m.prices[ids[l.IntN(len(ids))]]
	product := l.m.products[pr.ProductID]
	switch l.IntN(5) {
	case 0:
		l.notef("%s becomes active: %t", pr.ID, !pr.Active)
		pr.Active = !pr.Active && product.DefaultPriceID != pr.ID
	case 1:
		l.notef("%s loses its key", pr.ID)
		pr.LookupKey = ""
	case 2:
		l.notef("%s becomes active: %t", product.ID, !product.Active)
		product.Active = !product.Active
	case 3:
		l.notef("%s is renamed", pr.ID)
		pr.Spec.DisplayName = "by somebody"
	case 4:
		if l.m.traits.DefaultPrice && pr.Active {
			l.notef("%s becomes the default", pr.ID)
			product.DefaultPriceID = pr.ID
		}
	}
	l.m.prices[pr.ID], l.m.products[product.ID] = pr, product
}

// kill ends the process at one of its next writes, before or after it takes effect.
func (l *life) kill() {
	at, after := l.m.writes+1+l.IntN(6), l.IntN(2) == 0
	l.notef("killed at write %d, after it: %t", at, after)
	l.m.fault = func(w int) (error, bool) {
		if w == at {
			return errKilled, after
		}
		return nil, false
	}
}

// Whatever happens to a plan, the next process brings it to what its spec says: each name once, at its amount, under
// its own key; and then there is nothing left to do.
func live(t *testing.T, seed uint64) {
	t.Helper()
	g := NewWithT(t)
	l := newLife(seed)
	for range 6 {
		switch l.IntN(4) {
		case 0:
			l.meddle()
		case 1:
			l.kill()
		}
		if l.IntN(6) == 0 {
			l.notef("retired")
			l.retire(g)
			continue
		}
		want := l.spec()
		l.notef("%v, default %s, adopting %v", describe(want), want.Default, want.Adopt)
		before := l.m.writes
		l.settle(g, want)
		where := fmt.Sprintf("seed %d: %q\nwrites: %q", seed, l.history, l.m.history)
		g.Expect(l.m.writes-before).To(BeNumerically("<", 40), where)
		amounts := map[string][]int64{}
		keys := map[string]bool{}
		for _, p := range want.Prices {
			amounts[p.Name] = []int64{p.Spec.Terms.Money.Minor}
		}
		g.Expect(l.m.amounts(owner)).To(Equal(amounts), where)
		for _, p := range l.m.prices {
			if l.m.traits.LookupKeys && p.Active && p.Owner.Same(owner) {
				g.Expect(p.LookupKey).NotTo(BeEmpty(), where)
				g.Expect(keys).NotTo(HaveKey(p.LookupKey), where)
				keys[p.LookupKey] = true
			}
			if l.m.traits.DefaultPrice && p.ID == l.m.products[p.ProductID].DefaultPriceID {
				g.Expect(p.Name).To(Equal(want.Default), where)
			}
		}
		settled := l.m.writes
		g.Expect(l.p.converge(want)).To(Succeed(), where)
		g.Expect(l.m.writes).To(Equal(settled), "an unchanged plan is written again; "+where)
	}
}

func describe(p billing.Plan) (list []string) {
	for _, p := range p.Prices {
		list = append(list, p.Name+" "+p.Spec.Terms.Money.String())
	}
	return list
}

func (l *life) settle(g Gomega, want billing.Plan) {
	for range 20 {
		if err := l.p.converge(want); err == nil {
			l.m.fault = func(int) (error, bool) { return nil, false }
			return
		} else if !errors.Is(err, errKilled) {
			l.m.now = l.m.now.Add(paddleLike.ListSettle)
		}
	}
	g.Expect(l.history).To(BeEmpty(), "does not settle; writes: %q", l.m.history)
}

func (l *life) retire(g Gomega) {
	var err error
	for range 20 {
		var have billing.Observed
		if have, err = l.m.Observe(context.Background(), owner, *l.p.known); err == nil {
			_, err = l.p.executor().Retire(context.Background(), owner, have)
		}
		if err == nil || provider.ClassOf(err) != provider.ClassUnavailable {
			break
		}
	}
	g.Expect(err).NotTo(HaveOccurred(), "%q", l.history)
	l.m.fault = func(int) (error, bool) { return nil, false }
	g.Expect(l.m.purchasable(owner)).To(BeEmpty(), "%q", l.history)
}

func TestLives(t *testing.T) {
	for seed := range uint64(3000) {
		live(t, seed)
		if t.Failed() {
			return
		}
	}
}

func FuzzLives(f *testing.F) {
	f.Add(uint64(0))
	f.Fuzz(func(t *testing.T, seed uint64) { live(t, seed) })
}
