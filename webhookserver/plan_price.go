package webhookserver

import (
	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// planPrice is a price of a Plan.
type planPrice struct {
	name string
	// repeats: it is a subscription's.
	repeats bool
	// amounts are what one costs in a period, in each currency, the price's own first. There are none where that is not
	// known, or not all there is to know: of tiers, and of usage.
	amounts   []billing.Money
	recurring billing.Recurring
}

// charge is what a subscription to the price costs, or nil. The adapter says by the quantity that it is one price times
// that many.
func (p *planPrice) charge(s *billing.EventSubscription) *billing.EventCharge {
	if s.Quantity == 0 {
		return nil
	}
	for _, unit := range p.amounts {
		if s.Currency == "" || unit.Currency == s.Currency {
			return &billing.EventCharge{
				Unit: unit, Quantity: s.Quantity, Interval: p.recurring.Interval, Count: p.recurring.Count,
			}
		}
	}
	return nil
}

// pricesOf are a Plan's prices by the provider's id. A current price wins over a retired one.
func pricesOf(plan *v1alpha1.Plan) map[string]planPrice {
	named := map[string]*v1alpha1.Price{}
	for i := range plan.Spec.Prices {
		named[plan.Spec.Prices[i].Name] = &plan.Spec.Prices[i]
	}
	// Of a spec that was changed since, nobody has said yet that a provider's price is like it.
	seen := plan.Status.ObservedGeneration == plan.Generation
	out := map[string]planPrice{}
	for _, at := range plan.Status.Providers {
		for _, r := range at.RetiredPrices {
			out[r.ID] = retiredPrice(r, named[r.Name])
		}
		for _, c := range at.Prices {
			out[c.ID] = planPrice{name: c.Name, repeats: repeats(named[c.Name])}
			if seen && c.State == v1alpha1.PriceActive {
				out[c.ID] = currentPrice(c.Name, named[c.Name])
			}
		}
	}
	return out
}

// currentPrice costs what the spec says.
func currentPrice(name string, spec *v1alpha1.Price) planPrice {
	p := planPrice{name: name}
	if !p.recurs(spec) {
		return p
	}
	p.add(string(spec.Amount), string(spec.Currency))
	for _, o := range spec.CurrencyOptions {
		p.add(string(o.Amount), string(o.Currency))
	}
	return p
}

// retiredPrice costs what it cost when it was current, in its own currency, and recurs as the price that has its name
// does now. An amount of 0 may be that of tiers, which the status does not keep.
func retiredPrice(r v1alpha1.RetiredPrice, spec *v1alpha1.Price) planPrice {
	p := planPrice{name: r.Name}
	if p.recurs(spec) {
		p.add(r.Amount, r.Currency)
	}
	if len(p.amounts) == 1 && p.amounts[0].Minor == 0 {
		p.amounts = nil
	}
	return p
}

func repeats(spec *v1alpha1.Price) bool { return spec != nil && spec.Recurring != nil }

func (p *planPrice) recurs(spec *v1alpha1.Price) bool {
	p.repeats = repeats(spec)
	if !p.repeats || spec.Tiers != nil || spec.Metered != nil {
		return false
	}
	p.recurring = billing.Recurring{
		Interval: billing.Interval(spec.Recurring.Interval), Count: int(max(spec.Recurring.IntervalCount, 1)),
	}
	return true
}

func (p *planPrice) add(amount, currency string) {
	if m, err := billing.ParseMoney(amount, currency); err == nil {
		p.amounts = append(p.amounts, m)
	}
}
