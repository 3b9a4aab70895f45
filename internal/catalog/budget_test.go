package catalog_test

import (
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
)

func TestReplacementBudget(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	mirror := catalog.NewMirror(m, func() time.Time { return m.now })
	at := func(uid string) billing.Owner { o := owner; o.UID, o.Name = uid, uid; return o }
	put := func(uid string, prices ...billing.Price) {
		product := billing.Product{ID: "prod_" + uid, Owner: at(uid), Active: true}
		mirror.Put(billing.Observed{Product: &product, Prices: prices})
	}
	made := func(id, uid string, ago time.Duration) billing.Price {
		return billing.Price{ID: id, ProductID: "prod_" + uid, Owner: at(uid), Name: "p", Created: m.now.Add(-ago)}
	}
	// A first price is no replacement, however young; one that followed another within the hour is.
	put("a", made("a1", "a", time.Minute))
	put("b", made("b1", "b", 100*time.Hour), made("b2", "b", 30*time.Minute))
	put("c", made("c1", "c", 100*time.Hour), made("c2", "c", 90*time.Minute))

	g.Expect(mirror.Spend(at("d"), 1, 2)).To(Succeed())
	var e catalog.BudgetError
	g.Expect(errors.As(mirror.Spend(at("e"), 1, 2), &e)).To(BeTrue(), "d is still at it")
	g.Expect(e).To(Equal(catalog.BudgetError{Wanted: 1, Done: 2, Max: 2, Until: m.now.Add(30 * time.Minute)}))
	g.Expect(mirror.Spend(at("d"), 1, 2)).To(Succeed(), "the same plan again")
	mirror.Done(at("d"), nil)
	g.Expect(mirror.Spend(at("e"), 1, 2)).To(Succeed(), "nothing came of d's")
	mirror.Done(at("e"), nil)
	g.Expect(errors.As(mirror.Spend(at("e"), 3, 2), &e)).To(BeTrue())
	g.Expect(e.Until.IsZero()).To(BeTrue(), "waiting does not help")
	g.Expect(mirror.Spend(at("e"), 1, 0)).NotTo(Succeed())

	m.now = m.now.Add(31 * time.Minute)
	g.Expect(mirror.Spend(at("e"), 2, 2)).To(Succeed())
}

// An old price that is put back on sale counts although the catalogue has no date for it.
func TestReactivationCountsAsReplacement(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	for _, amount := range []string{"29", "39"} {
		p.settle(t, plan("monthly", price("monthly", amount, monthly)))
	}
	m.now = m.now.Add(2 * time.Hour)
	have, _ := m.Observe(t.Context(), owner, *p.known)
	want := plan("monthly", price("monthly", "29", monthly))
	e := p.executor()
	steps, err := e.Rules.Steps(want, have)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(catalog.Replacements(steps)).To(Equal(1))

	mirror := spendAll(t, m, e, want, have, 1)
	g.Expect(mirror.Spend(owner, 1, 1)).NotTo(Succeed())
	m.now = m.now.Add(time.Hour)
	g.Expect(mirror.Spend(owner, 1, 1)).To(Succeed())
}

// A catalogue whose prices get other names is replaced just as one whose amounts change, and so is one whose prices go.
func TestPricesWhoseNamesAreGoneCountAsReplaced(t *testing.T) {
	before := plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly))
	for reason, want := range map[string]billing.Plan{
		"other names": plan("m", price("m", "2.90", monthly), price("y", "2.90", yearly)),
		"one renamed, one changed": plan("m", price("m", "29", monthly),
			price("yearly", "390", yearly)),
		"all go but a new one": plan("free", price("free", "0", monthly)),
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(stripeLike)
			p := newProcess(m)
			p.settle(t, before)
			have, _ := m.Observe(t.Context(), owner, *p.known)
			e := p.executor()
			steps, err := e.Rules.Steps(want, have)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(catalog.Replacements(steps)).To(Equal(2))

			mirror := spendAll(t, m, e, want, have, 2)
			g.Expect(mirror.Spend(owner, 1, 2)).NotTo(Succeed())
		})
	}
}

// spendAll carries a plan out that takes a whole budget.
func spendAll(
	t *testing.T, m *memory, e catalog.Executor, want billing.Plan, have billing.Observed, budget int,
) *catalog.Mirror {
	t.Helper()
	g := NewWithT(t)
	mirror := catalog.NewMirror(m, func() time.Time { return m.now })
	g.Expect(mirror.Spend(owner, budget, budget)).To(Succeed())
	var done []catalog.Operation
	e.Done = func(op catalog.Operation) { done = append(done, op) }
	have, err := e.Converge(t.Context(), want, have)
	g.Expect(err).NotTo(HaveOccurred())
	mirror.Put(have)
	mirror.Done(owner, done)
	return mirror
}
