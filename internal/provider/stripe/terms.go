package stripe

import (
	"cmp"
	"slices"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
)

var intervals = map[billing.Interval]stripe.PriceRecurringInterval{
	billing.Day:   stripe.PriceRecurringIntervalDay,
	billing.Week:  stripe.PriceRecurringIntervalWeek,
	billing.Month: stripe.PriceRecurringIntervalMonth,
	billing.Year:  stripe.PriceRecurringIntervalYear,
}

var taxBehaviors = map[billing.TaxBehavior]stripe.PriceTaxBehavior{
	billing.TaxExclusive:   stripe.PriceTaxBehaviorExclusive,
	billing.TaxInclusive:   stripe.PriceTaxBehaviorInclusive,
	billing.TaxUnspecified: stripe.PriceTaxBehaviorUnspecified,
}

var aggregates = map[billing.Aggregate]stripe.PriceRecurringAggregateUsage{
	billing.AggregateSum:  stripe.PriceRecurringAggregateUsageSum,
	billing.AggregateMax:  stripe.PriceRecurringAggregateUsageMax,
	billing.AggregateLast: stripe.PriceRecurringAggregateUsageLastDuringPeriod,
}

var tierModes = map[billing.TierMode]stripe.PriceTiersMode{
	billing.TiersGraduated: stripe.PriceTiersModeGraduated,
	billing.TiersVolume:    stripe.PriceTiersModeVolume,
}

// ours finds what is called theirs at Stripe.
func ours[O, T comparable](names map[O]T, theirs T) (o O, ok bool) {
	for o, t := range names {
		if t == theirs {
			return o, true
		}
	}
	return o, false
}

// termsOf has the zero value for terms that Kassa cannot express, such as fractions of a cent, packages, or amounts
// that the customer chooses: they equal nothing that a Plan declares.
func termsOf(p *stripe.Price) billing.PriceTerms {
	terms, ok := readTerms(p)
	if !ok {
		return billing.PriceTerms{}
	}
	return terms
}

func readTerms(p *stripe.Price) (t billing.PriceTerms, ok bool) {
	if p.CustomUnitAmount != nil || p.TransformQuantity != nil {
		return t, false
	}
	if t.TaxBehavior, ok = ours(taxBehaviors, cmp.Or(p.TaxBehavior, stripe.PriceTaxBehaviorUnspecified)); !ok {
		return t, false
	}
	if t.Recurring, t.Metered, ok = readRecurring(p.Recurring); !ok {
		return t, false
	}
	tiered := p.BillingScheme == stripe.PriceBillingSchemeTiered
	if tiered {
		if t.TierMode, ok = ours(tierModes, p.TiersMode); !ok {
			return t, false
		}
	} else if p.BillingScheme != stripe.PriceBillingSchemePerUnit && p.BillingScheme != "" {
		return t, false
	}
	if t.Money, t.Tiers, ok = readAmounts(string(p.Currency), tiered, amountOf(p.UnitAmount, p.UnitAmountDecimal),
		p.Tiers); !ok {
		return t, false
	}
	t.Options, ok = readOptions(p, t, tiered)
	return t, ok
}

func readRecurring(r *stripe.PriceRecurring) (rec billing.Recurring, by billing.Aggregate, ok bool) {
	if r == nil {
		return rec, "", true
	}
	if rec.Interval, ok = ours(intervals, r.Interval); !ok {
		return rec, "", false
	}
	rec.Count = int(max(r.IntervalCount, 1))
	switch r.UsageType {
	case stripe.PriceRecurringUsageTypeMetered:
		// A price of a billing meter, which later API versions have, has no aggregate.
		by, ok = ours(aggregates, r.AggregateUsage)
		return rec, by, ok
	case stripe.PriceRecurringUsageTypeLicensed, "":
		return rec, "", true
	default:
		return rec, "", false
	}
}

// readOptions reads the amounts in other currencies; Stripe lists the price's own among them. An option whose tax
// behaviour is another than the price's cannot be expressed.
func readOptions(p *stripe.Price, t billing.PriceTerms, tiered bool) (options []billing.CurrencyOption, ok bool) {
	for code, o := range p.CurrencyOptions {
		if code == string(p.Currency) {
			continue
		}
		if o == nil || o.CustomUnitAmount != nil {
			return nil, false
		}
		tax := cmp.Or(string(o.TaxBehavior), string(stripe.PriceTaxBehaviorUnspecified))
		if tax != string(taxBehaviors[t.TaxBehavior]) {
			return nil, false
		}
		tiers := make([]*stripe.PriceTier, 0, len(o.Tiers))
		for _, tier := range o.Tiers {
			tiers = append(tiers, (*stripe.PriceTier)(tier))
		}
		option := billing.CurrencyOption{}
		option.Money, option.Tiers, ok = readAmounts(code, tiered, amountOf(o.UnitAmount, o.UnitAmountDecimal), tiers)
		if !ok || !sameEnds(t.Tiers, option.Tiers) {
			return nil, false
		}
		options = append(options, option)
	}
	slices.SortFunc(options, func(a, b billing.CurrencyOption) int {
		return cmp.Compare(a.Money.Currency, b.Money.Currency)
	})
	return options, true
}

// amount is a number of minor units as Stripe gives it, twice: the whole number is 0 where the exact one has a
// fraction.
type amount struct {
	whole int64
	exact float64
}

func amountOf(whole int64, exact float64) amount { return amount{whole, exact} }

func (a amount) money(currency string) (billing.Money, bool) {
	if a.fraction() {
		return billing.Money{}, false
	}
	return fromStripe(a.whole, currency)
}

func (a amount) fraction() bool { return a.exact != 0 && a.exact != float64(a.whole) }

func readAmounts(
	currency string, tiered bool, unit amount, tiers []*stripe.PriceTier,
) (m billing.Money, out []billing.Tier, ok bool) {
	if m, ok = unit.money(currency); !ok || !tiered {
		return m, nil, ok
	}
	for _, t := range tiers {
		if t == nil {
			return m, nil, false
		}
		each, eachOK := amountOf(t.UnitAmount, t.UnitAmountDecimal).money(currency)
		once, onceOK := amountOf(t.FlatAmount, t.FlatAmountDecimal).money(currency)
		if !eachOK || !onceOK {
			return m, nil, false
		}
		out = append(out, billing.Tier{UpTo: t.UpTo, Unit: each.Minor, Flat: once.Minor})
	}
	return m, out, m.Minor == 0 && len(out) > 0 && checkEnds(out) == nil
}
