package checkoutendpoint

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// price tells the terms of a price. Those of the spec may be newer than what the providers have: until one of them was
// compared with the spec, or has a new price, the terms are told under which the same price was sold before.
func (s *sale) price(plan *v1alpha1.Plan, spec *v1alpha1.Price, at []storefront.At) (storefront.Price, error) {
	if !slices.ContainsFunc(at, func(a storefront.At) bool { return compared(plan, a.Provider) }) {
		if before := s.sold(plan, spec.Name, at); before != nil {
			p := *before
			p.At = at
			return p, nil
		}
	}
	p, err := terms(spec)
	p.At = at
	return p, err
}

// compared says whether the states of a plan's prices at a provider speak of its present spec.
func compared(plan *v1alpha1.Plan, key string) bool {
	there := planAt(plan, key)
	return there != nil && !plan.Spec.Suspend && plan.Status.ObservedGeneration == plan.Generation &&
		(there.Ready == metav1.ConditionTrue || there.Reason == v1alpha1.ReasonDrifted ||
			there.Reason == v1alpha1.ReasonPendingChanges)
}

// sold is a price as it was sold before, if one of its ids is still the same, and no provider has another one: at a
// provider an id keeps its terms, and what took its place was made for those of the spec.
func (s *sale) sold(plan *v1alpha1.Plan, name string, at []storefront.At) *storefront.Price {
	if s.before == nil {
		return nil
	}
	p, price := s.before.Price(plan.Name, name)
	if p == nil || p.UID != string(plan.UID) {
		return nil
	}
	same := false
	for _, a := range at {
		i := slices.IndexFunc(price.At, func(b storefront.At) bool { return a.Provider == b.Provider })
		switch {
		case i < 0:
		case price.At[i] != a:
			return nil
		default:
			same = true
		}
	}
	if !same {
		return nil
	}
	return price
}

func terms(spec *v1alpha1.Price) (storefront.Price, error) {
	p := storefront.Price{
		Name: spec.Name, DisplayName: spec.DisplayName, Currency: billing.Currency(spec.Currency),
		Tax: billing.TaxBehavior(spec.TaxBehavior), Metered: spec.Metered != nil,
	}
	if r := spec.Recurring; r != nil {
		p.Recurring = &storefront.Recurring{
			Interval: billing.Interval(r.Interval), Count: int(max(r.IntervalCount, 1)),
		}
	}
	if t := spec.Trial; t != nil {
		p.Trial = &storefront.Trial{
			Days:      int(t.Days),
			OnMissing: billing.MissingPaymentMethod(cmp.Or(t.OnMissingPaymentMethod, v1alpha1.MissingCancel)),
		}
	}
	if spec.Tiers != nil {
		var err error
		p.Tiers, err = tiers(spec)
		return p, err
	}
	amounts := []v1alpha1.CurrencyOption{{Currency: spec.Currency, Amount: spec.Amount}}
	for _, o := range append(amounts, spec.CurrencyOptions...) {
		money, err := billing.ParseMoney(string(o.Amount), string(o.Currency))
		if err != nil {
			return p, err
		}
		p.Amounts = append(p.Amounts, storefront.Amount{Currency: money.Currency, Minor: money.Minor})
	}
	return p, nil
}

// tiers has every currency in each tier; the spec has every tier in each currency.
func tiers(spec *v1alpha1.Price) (*storefront.Tiers, error) {
	out := &storefront.Tiers{Mode: billing.TierMode(spec.Tiers.Mode)}
	for i, tier := range spec.Tiers.Tiers {
		own, err := tierAmount(spec.Currency, tier.UnitAmount, tier.FlatAmount)
		if err != nil {
			return nil, err
		}
		t := storefront.Tier{UpTo: tier.UpTo, Amounts: []storefront.TierAmount{own}}
		for _, o := range spec.CurrencyOptions {
			if i >= len(o.Tiers) {
				return nil, fmt.Errorf("tier %d has no amount in %s", i+1, o.Currency)
			}
			a, err := tierAmount(o.Currency, o.Tiers[i].UnitAmount, o.Tiers[i].FlatAmount)
			if err != nil {
				return nil, err
			}
			t.Amounts = append(t.Amounts, a)
		}
		out.Tiers = append(out.Tiers, t)
	}
	return out, nil
}

func tierAmount(currency v1alpha1.Currency, unit, flat v1alpha1.Amount) (storefront.TierAmount, error) {
	each, err := billing.ParseMoney(string(unit), string(currency))
	if err != nil {
		return storefront.TierAmount{}, err
	}
	once, err := billing.ParseMoney(string(cmp.Or(flat, "0")), string(currency))
	return storefront.TierAmount{Currency: each.Currency, Unit: each.Minor, Flat: once.Minor}, err
}
