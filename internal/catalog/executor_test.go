package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

var (
	stripeLike = provider.Traits{LookupKeys: true, DefaultPrice: true, IdempotentCreate: true}
	paddleLike = provider.Traits{ListSettle: 30 * time.Second, FrozenArchive: true}
	owner      = billing.Owner{Cluster: "c1", Namespace: "shop", Name: "pro", UID: "u1"}
)

func price(name, amount string, r billing.Recurring) billing.DesiredPrice {
	m, err := billing.ParseMoney(amount, "USD")
	if err != nil {
		panic(err)
	}
	return billing.DesiredPrice{Name: name, Spec: billing.PriceSpec{
		Terms:       billing.PriceTerms{Money: m, Recurring: r, TaxBehavior: billing.TaxUnspecified},
		DisplayName: name,
	}}
}

var (
	monthly = billing.Recurring{Interval: billing.Month, Count: 1}
	yearly  = billing.Recurring{Interval: billing.Year, Count: 1}
)

func plan(defaultPrice string, prices ...billing.DesiredPrice) billing.Plan {
	return billing.Plan{
		Owner: owner, Product: billing.ProductSpec{Name: "Pro", Metadata: map[string]string{"team": "growth"}},
		Prices: prices, Default: defaultPrice,
	}
}

// process is an operator: it observes and converges. Journal and known ids outlive it, as a Plan's status does.
type process struct {
	m       *memory
	journal *memoryJournal
	known   *provider.Known
}

type memoryJournal struct {
	m       *memory
	pending map[string]time.Time
}

func (j *memoryJournal) Begun(op catalog.Operation) (time.Time, bool) {
	t, ok := j.pending[string(op.Kind)+op.Price]
	return t, ok
}

func (j *memoryJournal) Begin(_ context.Context, op catalog.Operation) error {
	j.pending[string(op.Kind)+op.Price] = j.m.now
	return nil
}

func (j *memoryJournal) End(_ context.Context, op catalog.Operation) error {
	delete(j.pending, string(op.Kind)+op.Price)
	return nil
}

func newProcess(m *memory) process {
	return process{m, &memoryJournal{m, map[string]time.Time{}}, &provider.Known{}}
}

func (p process) executor() catalog.Executor {
	e := catalog.NewExecutor(p.m, p.m.traits, p.journal)
	e.Now = func() time.Time { return p.m.now }
	return e
}

func (p process) converge(want billing.Plan) error {
	ctx := context.Background()
	have, err := p.m.Observe(ctx, want.Owner, *p.known)
	if err != nil {
		return err
	}
	have, err = p.executor().Converge(ctx, want, have)
	if errors.Is(err, errKilled) {
		return err // nothing but the journal was written down
	}
	if have.Product != nil {
		p.known.ProductID = have.Product.ID
		for _, pr := range have.Prices {
			p.known.PriceIDs = append(p.known.PriceIDs, pr.ID)
		}
	}
	if err == nil {
		p.journal.pending = map[string]time.Time{}
	}
	return err
}

// settle converges until nothing fails, as an operator does that is started again and again.
func (p process) settle(t *testing.T, want billing.Plan) {
	t.Helper()
	for range 50 {
		err := p.converge(want)
		if err == nil {
			return
		}
		var await catalog.AwaitError
		if errors.As(err, &await) {
			p.m.now = await.Until
		}
	}
	t.Fatal("does not converge")
}

// scenarios are the changes that move money: from a settled plan to another.
var scenarios = []struct {
	name     string
	from, to *billing.Plan
}{
	{"create", nil, ptr(plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly)))},
	{
		"change the amount of the default price",
		ptr(plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly))),
		ptr(plan("monthly", price("monthly", "39", monthly), price("yearly", "290", yearly))),
	},
	{
		"change both amounts and the default",
		ptr(plan("monthly", price("monthly", "29", monthly), price("yearly", "290", yearly))),
		ptr(plan("yearly", price("monthly", "39", monthly), price("yearly", "390", yearly))),
	},
	{
		"rename the default price",
		ptr(plan("monthly", price("monthly", "29", monthly))),
		ptr(plan("month", price("month", "29", monthly))),
	},
	{
		"from subscription to one-time",
		ptr(plan("p", price("p", "29", monthly))), ptr(plan("p", price("p", "29", billing.Recurring{}))),
	},
}

func ptr[T any](v T) *T { return &v }

// Kill the process before and after the commit of every single write, start another, and look at the end state.
func TestEveryCrashPoint(t *testing.T) {
	for traitsName, traits := range map[string]provider.Traits{"stripe-like": stripeLike, "paddle-like": paddleLike} {
		for _, lag := range []time.Duration{0, 10 * time.Second} {
			if lag > 0 && traits.IdempotentCreate {
				continue
			}
			for _, s := range scenarios {
				t.Run(fmt.Sprintf("%s/lag=%s/%s", traitsName, lag, s.name), func(t *testing.T) {
					for point := 1; ; point++ {
						for _, after := range []bool{false, true} {
							if crashed := crashAt(t, traits, lag, s.from, *s.to, point, after); !crashed {
								if point < 3 {
									t.Fatalf("the sequence has only %d writes", point-1)
								}
								return
							}
						}
					}
				})
			}
		}
	}
}

func crashAt(
	t *testing.T, traits provider.Traits, lag time.Duration, from *billing.Plan, to billing.Plan, point int, after bool,
) bool {
	t.Helper()
	g := NewWithT(t)
	m := newMemory(traits)
	p := newProcess(m)
	if from != nil {
		p.settle(t, *from)
	}
	start := m.writes
	m.lag = lag
	crashed := false
	m.fault = func(write int) (error, bool) {
		if write-start != point {
			return nil, false
		}
		crashed = true
		return errKilled, after
	}
	p.settle(t, to)

	where := fmt.Sprintf("killed at write %d, after commit: %t; writes: %v", point, after, m.history)
	want := map[string]int{}
	for _, wp := range to.Prices {
		want[wp.Name] = 1
	}
	g.Expect(m.purchasable(owner)).To(Equal(want), where)
	g.Expect(m.products).To(HaveLen(1), where)
	g.Expect(m.prices).To(HaveLen(undisturbed(t, traits, from, to)), "duplicates; "+where)
	again := m.writes
	g.Expect(p.converge(to)).To(Succeed())
	g.Expect(m.writes).To(Equal(again), "an unchanged plan is written again; "+where)
	return crashed
}

// undisturbed is how many prices there are in the end when nothing fails.
func undisturbed(t *testing.T, traits provider.Traits, from *billing.Plan, to billing.Plan) int {
	t.Helper()
	m := newMemory(traits)
	p := newProcess(m)
	if from != nil {
		p.settle(t, *from)
	}
	p.settle(t, to)
	return len(m.prices)
}

// Nothing that is sold in both plans is ever unavailable between them.
func TestNeverAMomentWithNothingToBuy(t *testing.T) {
	for _, s := range scenarios {
		if s.from == nil {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			g := NewWithT(t)
			m := newMemory(stripeLike)
			p := newProcess(m)
			p.settle(t, *s.from)
			m.fault = func(int) (error, bool) {
				g.Expect(m.purchasable(owner)).NotTo(BeEmpty())
				for _, d := range s.to.Prices {
					for _, old := range s.from.Prices {
						if old.Name == d.Name {
							g.Expect(m.purchasable(owner)[d.Name]).To(BeNumerically(">=", 1), d.Name)
						}
					}
				}
				return nil, false
			}
			p.settle(t, *s.to)
		})
	}
}

func TestOrderOfAPriceChange(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	p.settle(t, plan("monthly", price("monthly", "29", monthly)))
	var done []string
	e := p.executor()
	e.Done = func(op catalog.Operation) { done = append(done, op.String()) }
	have, err := m.Observe(context.Background(), owner, provider.Known{})
	g.Expect(err).NotTo(HaveOccurred())
	have, err = e.Converge(context.Background(), plan("monthly", price("monthly", "39", monthly)), have)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(done).To(Equal([]string{"CreatePrice monthly", "SetDefault monthly (defaultPrice)", "ArchivePrice monthly"}))
	g.Expect(have.Prices[0].LookupKey).To(BeEmpty())
	g.Expect(have.Prices[1].LookupKey).To(Equal("u1:monthly"))
}

// Going back to an old amount takes the archived price again instead of making a third.
func TestAnOldPriceIsReactivated(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	for _, amount := range []string{"29", "39", "29"} {
		p.settle(t, plan("monthly", price("monthly", amount, monthly)))
	}
	g.Expect(m.prices).To(HaveLen(2))
	g.Expect(m.purchasable(owner)).To(Equal(map[string]int{"monthly": 1}))
	g.Expect(m.prices["price_1"].Active).To(BeTrue())
	g.Expect(m.prices["price_1"].LookupKey).To(Equal("u1:monthly"))
}

func TestAnotherOwnersProductIsNeverTouched(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	other := owner
	other.Cluster = "c2"
	m.products["prod_u1"] = billing.Product{ID: "prod_u1", Owner: other, Active: true}
	var another catalog.OwnedByAnotherError
	err := newProcess(m).converge(plan("p", price("p", "1", monthly)))
	g.Expect(errors.As(err, &another)).To(BeTrue(), "%v", err)
	g.Expect(m.writes).To(BeZero())
}

func TestAnotherOwnersPriceIsNeverTouched(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	want := plan("p", price("p", "1", monthly))
	p.settle(t, want)
	other := owner
	other.UID = "u2"
	foreign := billing.Price{ID: "price_x", ProductID: "prod_u1", Owner: other, Name: "p", Active: true}
	unmarked := billing.Price{ID: "price_y", ProductID: "prod_u1", Active: true}
	m.prices["price_x"], m.prices["price_y"] = foreign, unmarked
	p.settle(t, want)
	g.Expect(m.prices["price_x"]).To(Equal(foreign))
	g.Expect(m.prices["price_y"]).To(Equal(unmarked))
}

// A provider that acknowledges and does nothing must not be written to for ever.
func TestNoProgress(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(stripeLike)
	p := newProcess(m)
	p.settle(t, plan("p", price("p", "1", monthly)))
	lying := liar{m}
	e := catalog.NewExecutor(lying, stripeLike, p.journal)
	have, _ := m.Observe(context.Background(), owner, provider.Known{})
	want := plan("p", price("p", "1", monthly))
	want.Product.Name = "another name"
	_, err := e.Converge(context.Background(), want, have)
	g.Expect(errors.Is(err, catalog.ErrNoProgress)).To(BeTrue(), "%v", err)
}

type liar struct{ *memory }

func (l liar) UpdateProduct(_ context.Context, id string, _ provider.ProductPatch) (billing.Product, error) {
	return l.products[id], nil
}

// Without idempotent creates a create that was not answered is not repeated before lists must show its outcome.
func TestAnUnansweredCreateIsAwaited(t *testing.T) {
	g := NewWithT(t)
	m := newMemory(paddleLike)
	m.lag = 20 * time.Second
	m.fault = func(w int) (error, bool) {
		if w == 1 {
			return errKilled, true
		}
		return nil, false
	}
	p := newProcess(m)
	want := plan("p", price("p", "1", monthly))
	g.Expect(p.converge(want)).To(MatchError(errKilled))
	var await catalog.AwaitError
	g.Expect(errors.As(p.converge(want), &await)).To(BeTrue())
	g.Expect(await.Until).To(Equal(m.now.Add(paddleLike.ListSettle)))
	g.Expect(m.products).To(HaveLen(1))
	p.settle(t, want)
	g.Expect(m.products).To(HaveLen(1))
}
