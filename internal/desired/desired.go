// Package desired says in neutral words what a Plan asks of one of its providers. It is pure.
package desired

import (
	"cmp"
	"fmt"
	"slices"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// Plan translates a spec for one of its providers. The API server has checked what CEL can; what it could not gives an
// error.
func Plan(owner billing.Owner, spec *v1alpha1.PlanSpec, at *v1alpha1.PlanProvider) (billing.Plan, error) {
	want := billing.Plan{
		Owner: owner,
		Product: billing.ProductSpec{
			Name: spec.DisplayName, Description: spec.Description, Features: spec.Features, TaxCode: spec.TaxCode,
			UnitLabel: spec.UnitLabel, ImageURLs: spec.ImageURLs, Metadata: map[string]string{},
		},
		Default: spec.DefaultPrice,
		Adopt:   adoption(at),
	}
	if want.Adopt == nil {
		want.Default = cmp.Or(want.Default, spec.Prices[0].Name)
	}
	for k, v := range spec.Metadata {
		want.Product.Metadata[k] = string(v)
	}
	for i := range spec.Prices {
		price, err := desiredPrice(&spec.Prices[i])
		if err != nil {
			return billing.Plan{}, fmt.Errorf("spec.prices[%s]: %w", spec.Prices[i].Name, err)
		}
		want.Prices = append(want.Prices, price)
	}
	return want, nil
}

func adoption(at *v1alpha1.PlanProvider) *billing.Adoption {
	if at.Adopt == nil {
		return nil
	}
	a := &billing.Adoption{ProductID: at.Adopt.ProductID, Prices: map[string]string{}}
	for _, p := range at.Adopt.Prices {
		a.Prices[p.Name] = p.ID
	}
	return a
}

func desiredPrice(p *v1alpha1.Price) (billing.DesiredPrice, error) {
	terms, err := desiredTerms(p)
	if err != nil {
		return billing.DesiredPrice{}, err
	}
	spec := billing.PriceSpec{Terms: terms, DisplayName: cmp.Or(p.DisplayName, p.Name)}
	if p.Trial != nil {
		spec.TrialDays = int(p.Trial.Days)
	}
	return billing.DesiredPrice{Name: p.Name, Spec: spec}, nil
}

func desiredTerms(p *v1alpha1.Price) (billing.PriceTerms, error) {
	currency := billing.Currency(p.Currency)
	terms := billing.PriceTerms{
		Money:       billing.Money{Currency: currency},
		TaxBehavior: billing.TaxBehavior(cmp.Or(p.TaxBehavior, v1alpha1.TaxUnspecified)),
	}
	var err error
	if terms.Money.Minor, err = minor(p.Amount, currency); err != nil {
		return terms, err
	}
	if p.Tiers != nil {
		terms.TierMode = billing.TierMode(p.Tiers.Mode)
		for _, t := range p.Tiers.Tiers {
			tier, err := desiredTier(t.UpTo, t.UnitAmount, t.FlatAmount, currency)
			if err != nil {
				return terms, fmt.Errorf("tiers: %w", err)
			}
			terms.Tiers = append(terms.Tiers, tier)
		}
	}
	for i := range p.CurrencyOptions {
		option, err := desiredOption(&p.CurrencyOptions[i], terms.Tiers)
		if err != nil {
			return terms, fmt.Errorf("currencyOptions[%s]: %w", p.CurrencyOptions[i].Currency, err)
		}
		terms.Options = append(terms.Options, option)
	}
	slices.SortFunc(terms.Options, func(a, b billing.CurrencyOption) int {
		return cmp.Compare(a.Money.Currency, b.Money.Currency)
	})
	if rec := p.Recurring; rec != nil {
		terms.Recurring = billing.Recurring{
			Interval: billing.Interval(rec.Interval), Count: int(max(rec.IntervalCount, 1)),
		}
	}
	if p.Metered != nil {
		terms.Metered = billing.Aggregate(p.Metered.Aggregate)
	}
	return terms, nil
}

func desiredOption(o *v1alpha1.CurrencyOption, tiers []billing.Tier) (billing.CurrencyOption, error) {
	currency := billing.Currency(o.Currency)
	option := billing.CurrencyOption{Money: billing.Money{Currency: currency}}
	var err error
	if option.Money.Minor, err = minor(o.Amount, currency); err != nil {
		return option, err
	}
	if len(o.Tiers) != len(tiers) {
		return option, fmt.Errorf("there are %d tiers, and %d in the price", len(o.Tiers), len(tiers))
	}
	for i, t := range o.Tiers {
		tier, err := desiredTier(tiers[i].UpTo, t.UnitAmount, t.FlatAmount, currency)
		if err != nil {
			return option, err
		}
		option.Tiers = append(option.Tiers, tier)
	}
	return option, nil
}

func desiredTier(upTo int64, unit, flat v1alpha1.Amount, c billing.Currency) (billing.Tier, error) {
	tier := billing.Tier{UpTo: upTo}
	var err error
	if tier.Unit, err = minor(unit, c); err != nil {
		return tier, err
	}
	tier.Flat, err = minor(flat, c)
	return tier, err
}

// minor reads an amount; an absent one is 0, which the API server admits only where there are tiers.
func minor(a v1alpha1.Amount, c billing.Currency) (int64, error) {
	m, err := billing.ParseMoney(string(cmp.Or(a, "0")), string(c))
	return m.Minor, err
}
