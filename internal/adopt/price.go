package adopt

import (
	"errors"
	"fmt"
	"regexp"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// Bounds of the API.
const (
	maxPriceName = 150
	maxTiers     = 20
	maxOptions   = 32
	maxTrial     = 730
	maxUpTo      = 1_000_000_000_000
)

// longest are the longest billing periods.
var longest = map[billing.Interval]int{billing.Day: 1095, billing.Week: 156, billing.Month: 36, billing.Year: 3}

var amounts = regexp.MustCompile(`^(0|[1-9]\d{0,8})([.]\d{1,6})?$`)

// priceOf writes a price as a spec has it. The error says what a spec cannot express. Money is at stake in all of it,
// so such a price is left out as a whole.
func priceOf(name string, of *billing.Price) (v1alpha1.Price, error) {
	spec := of.Spec
	t := spec.Terms
	switch {
	case t.Money.Currency == "" && len(of.BeyondTerms) > 0:
		return v1alpha1.Price{}, errors.New("a Plan cannot express " + said(of.BeyondTerms))
	case t.Money.Currency == "":
		return v1alpha1.Price{}, errors.New("a Plan cannot express its terms, such as a fraction of a cent, a package, a " +
			"set-up fee, an amount that the customer chooses, or one for some countries only")
	}
	p := v1alpha1.Price{Name: name, Currency: v1alpha1.Currency(t.Money.Currency)}
	if spec.DisplayName != name {
		p.DisplayName = spec.DisplayName
	}
	if err := setAmounts(&p, t); err != nil {
		return p, err
	}
	if r := t.Recurring; r.Interval != "" {
		if r.Count > longest[r.Interval] {
			return p, fmt.Errorf("its billing period is longer than three years: %s", r)
		}
		p.Recurring = &v1alpha1.Recurring{Interval: v1alpha1.Interval(r.Interval)}
		if r.Count > 1 {
			p.Recurring.IntervalCount = int32(r.Count) //nolint:gosec // at most 1095
		}
	}
	if t.Metered != "" {
		p.Metered = &v1alpha1.Metered{Aggregate: v1alpha1.UsageAggregate(t.Metered)}
	}
	switch days := spec.TrialDays; {
	case days < 0:
		return p, errors.New("its trial is not a number of days or weeks")
	case days > maxTrial:
		return p, fmt.Errorf("its trial of %d days is longer than %d", days, maxTrial)
	case days > 0:
		p.Trial = &v1alpha1.Trial{Days: int32(days)}
	}
	if p.Recurring == nil && (p.Metered != nil || p.Trial != nil) {
		return p, errors.New("it is paid once, and metered or with a trial")
	}
	if t.TaxBehavior != billing.TaxUnspecified {
		p.TaxBehavior = v1alpha1.TaxBehavior(t.TaxBehavior)
	}
	return p, nil
}

func setAmounts(p *v1alpha1.Price, t billing.PriceTerms) error {
	if len(t.Tiers) > maxTiers || len(t.Options) > maxOptions {
		return fmt.Errorf("it has more than %d tiers or %d further currencies", maxTiers, maxOptions)
	}
	var a amountWriter
	if t.TierMode == "" {
		p.Amount = a.amount(t.Money.Minor, t.Money.Currency)
	} else {
		p.Tiers = &v1alpha1.Tiers{Mode: v1alpha1.TierMode(t.TierMode)}
	}
	for _, tier := range t.Tiers {
		if tier.UpTo > maxUpTo {
			return fmt.Errorf("a tier ends at %d", tier.UpTo)
		}
		made := a.tier(tier, t.Money.Currency)
		p.Tiers.Tiers = append(p.Tiers.Tiers, v1alpha1.Tier{
			UpTo: tier.UpTo, UnitAmount: made.UnitAmount, FlatAmount: made.FlatAmount,
		})
	}
	for _, o := range t.Options {
		option := v1alpha1.CurrencyOption{Currency: v1alpha1.Currency(o.Money.Currency)}
		if t.TierMode == "" {
			option.Amount = a.amount(o.Money.Minor, o.Money.Currency)
		}
		for _, tier := range o.Tiers {
			option.Tiers = append(option.Tiers, a.tier(tier, o.Money.Currency))
		}
		p.CurrencyOptions = append(p.CurrencyOptions, option)
	}
	return a.err
}

// amountWriter writes amounts, and keeps the first that a spec cannot have.
type amountWriter struct{ err error }

func (w *amountWriter) amount(minor int64, c billing.Currency) v1alpha1.Amount {
	m := billing.Money{Minor: minor, Currency: c}
	if !amounts.MatchString(m.Major()) && w.err == nil {
		w.err = fmt.Errorf("an amount is negative, or a thousand millions: %s", m)
	}
	return v1alpha1.Amount(m.Major())
}

func (w *amountWriter) tier(t billing.Tier, c billing.Currency) v1alpha1.TierAmount {
	out := v1alpha1.TierAmount{UnitAmount: w.amount(t.Unit, c)}
	if t.Flat != 0 {
		out.FlatAmount = w.amount(t.Flat, c)
	}
	return out
}
