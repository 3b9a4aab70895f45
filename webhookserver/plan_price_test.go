package webhookserver

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

func pricedPlan() *v1alpha1.Plan {
	every := func(interval v1alpha1.Interval, count int32) *v1alpha1.Recurring {
		return &v1alpha1.Recurring{Interval: interval, IntervalCount: count}
	}
	p := &v1alpha1.Plan{}
	p.Name = "pro"
	p.Spec.Prices = []v1alpha1.Price{
		{Name: "monthly", Amount: "29.00", Currency: "USD", Recurring: every(v1alpha1.IntervalMonth, 0),
			CurrencyOptions: []v1alpha1.CurrencyOption{{Currency: "JPY", Amount: "4000"}}},
		{Name: "yearly", Amount: "290.00", Currency: "USD", Recurring: every(v1alpha1.IntervalYear, 2)},
		{Name: "tiered", Currency: "USD", Recurring: every(v1alpha1.IntervalMonth, 1),
			Tiers: &v1alpha1.Tiers{Mode: v1alpha1.TierVolume}},
		{Name: "metered", Amount: "1", Currency: "USD", Recurring: every(v1alpha1.IntervalMonth, 1),
			Metered: &v1alpha1.Metered{Aggregate: v1alpha1.UsageSum}},
		{Name: "once", Amount: "99.00", Currency: "USD"},
	}
	active := func(name string) v1alpha1.PlanPriceStatus {
		return v1alpha1.PlanPriceStatus{Name: name, ID: "price_" + name, State: v1alpha1.PriceActive}
	}
	outdated := v1alpha1.PlanPriceStatus{Name: "monthly", ID: "price_outdated", State: v1alpha1.PriceOutdated}
	p.Status.Providers = []v1alpha1.PlanProviderStatus{
		{Name: "stripe", Prices: []v1alpha1.PlanPriceStatus{
			active("monthly"), active("yearly"), active("tiered"), active("metered"), active("once"), active("gone"),
		}, RetiredPrices: []v1alpha1.RetiredPrice{
			{ID: "price_old", Name: "monthly", Amount: "19.00", Currency: "EUR"},
			{ID: "price_monthly", Name: "monthly", Amount: "9.00", Currency: "USD"},
			{ID: "price_zero", Name: "monthly", Amount: "0.00", Currency: "USD"},
			{ID: "price_unknown", Name: "monthly"},
			{ID: "price_lost", Name: "weekly", Amount: "9.00", Currency: "USD"},
		}},
		{Name: "lemonsqueezy", Prices: []v1alpha1.PlanPriceStatus{outdated}},
	}
	return p
}

// What an event does not tell about the costs of a subscription the Plan does.
func TestPlanCharges(t *testing.T) {
	p := newPlans("c1", "shop")
	p.set("pro", pricesOf(pricedPlan()))
	charge := func(id string, quantity int, currency billing.Currency) *billing.EventCharge {
		e := billing.Event{Subscription: &billing.EventSubscription{PriceID: id, Quantity: quantity, Currency: currency}}
		p.name(&e)
		return e.Subscription.Charge
	}
	costs := func(minor int64, currency billing.Currency, quantity int, interval billing.Interval, n int,
	) *billing.EventCharge {
		return &billing.EventCharge{
			Unit: billing.Money{Minor: minor, Currency: currency}, Quantity: quantity, Interval: interval, Count: n,
		}
	}
	for _, c := range []struct {
		reason, id string
		quantity   int
		currency   billing.Currency
		want       *billing.EventCharge
	}{
		{"the price's own currency", "price_monthly", 3, "", costs(2900, "USD", 3, billing.Month, 1)},
		{"the same, named", "price_monthly", 1, "USD", costs(2900, "USD", 1, billing.Month, 1)},
		{"a further currency", "price_monthly", 1, "JPY", costs(4000, "JPY", 1, billing.Month, 1)},
		{"a currency that is not sold in", "price_monthly", 1, "GBP", nil},
		{"several units in a period", "price_yearly", 1, "", costs(29000, "USD", 1, billing.Year, 2)},
		{"no one quantity", "price_monthly", 0, "", nil},
		{"tiers", "price_tiered", 1, "", nil},
		{"usage", "price_metered", 1, "", nil},
		{"paid once", "price_once", 1, "", nil},
		{"a name that the spec has no more", "price_gone", 1, "", nil},
		{"a retired price costs what it did", "price_old", 2, "", costs(1900, "EUR", 2, billing.Month, 1)},
		{"in no other currency", "price_old", 2, "USD", nil},
		{"a retired price of which 0 is told", "price_zero", 1, "", nil},
		{"a retired price of which nothing is told", "price_unknown", 1, "", nil},
		{"a retired price whose period is lost", "price_lost", 1, "", nil},
		{"a price that is not like the spec", "price_outdated", 1, "", nil},
		{"another's price", "price_x", 1, "", nil},
	} {
		NewWithT(t).Expect(charge(c.id, c.quantity, c.currency)).To(Equal(c.want), c.reason)
	}
}

// What the event tells counts, and an event is not changed for others who hold it.
func TestToldChargesCount(t *testing.T) {
	g, p := NewWithT(t), newPlans("c1", "shop")
	p.set("pro", pricesOf(pricedPlan()))
	cent := billing.Money{Minor: 1, Currency: "USD"}
	told := &billing.EventCharge{Unit: cent, Quantity: 1, Interval: billing.Day, Count: 1}
	e := billing.Event{Subscription: &billing.EventSubscription{PriceID: "price_monthly", Charge: told, Quantity: 1}}
	p.name(&e)
	g.Expect(e.Subscription.Charge).To(Equal(told))
	mine := &billing.EventSubscription{PriceID: "price_monthly", Quantity: 1}
	e.Subscription = mine
	p.name(&e)
	g.Expect(e.Subscription.Charge).NotTo(BeNil())
	g.Expect(mine.Charge).To(BeNil())
}

// While the status speaks of an earlier spec, the provider's price may still cost what that said.
func TestChargesOfASpecThatWasNotSeen(t *testing.T) {
	g, p := NewWithT(t), newPlans("c1", "shop")
	plan := pricedPlan()
	plan.Generation = 2
	p.set("pro", pricesOf(plan))
	e := billing.Event{Subscription: &billing.EventSubscription{PriceID: "price_monthly", Quantity: 1}}
	p.name(&e)
	g.Expect(e.Subscription.Price).To(Equal("monthly"))
	g.Expect(e.Subscription.Charge).To(BeNil())
}
