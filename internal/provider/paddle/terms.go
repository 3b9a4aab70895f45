package paddle

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
)

var intervals = map[billing.Interval]paddle.Interval{
	billing.Day: paddle.IntervalDay, billing.Week: paddle.IntervalWeek,
	billing.Month: paddle.IntervalMonth, billing.Year: paddle.IntervalYear,
}

var taxModes = map[billing.TaxBehavior]paddle.TaxMode{
	billing.TaxUnspecified: paddle.TaxModeAccountSetting,
	billing.TaxExclusive:   paddle.TaxModeExternal,
	billing.TaxInclusive:   paddle.TaxModeInternal,
}

func moneyTo(m billing.Money) paddle.Money {
	return paddle.Money{
		Amount: strconv.FormatInt(m.Minor, 10), CurrencyCode: paddle.CurrencyCode(m.Currency),
	}
}

func moneyFrom(m paddle.Money) (billing.Money, bool) {
	minor, err := strconv.ParseInt(m.Amount, 10, 64)
	if err != nil {
		return billing.Money{}, false
	}
	c, err := billing.ParseCurrency(string(m.CurrencyCode))
	return billing.Money{Minor: minor, Currency: c}, err == nil
}

func cycleTo(r billing.Recurring) *paddle.Duration {
	if r.Interval == "" {
		return nil
	}
	return &paddle.Duration{Interval: intervals[r.Interval], Frequency: r.Count}
}

func trialTo(days int) *paddle.Duration {
	if days == 0 {
		return nil
	}
	return &paddle.Duration{Interval: paddle.IntervalDay, Frequency: days}
}

// trialFrom is a number of days. A trial of months or years is negative, so that it equals no number of days.
func trialFrom(d *paddle.Duration) int {
	switch {
	case d == nil:
		return 0
	case d.Interval == paddle.IntervalDay:
		return d.Frequency
	case d.Interval == paddle.IntervalWeek:
		return 7 * d.Frequency
	default:
		return -max(d.Frequency, 1)
	}
}

// overridesTo are one override for each currency, for the countries whose currency it is.
func overridesTo(options []billing.CurrencyOption) []paddle.UnitPriceOverride {
	var out []paddle.UnitPriceOverride
	for _, o := range options {
		out = append(out, paddle.UnitPriceOverride{
			CountryCodes: countriesOf(o.Money.Currency), UnitPrice: moneyTo(o.Money),
		})
	}
	return out
}

// optionsFrom reads overrides back. ok is false for overrides that no currencyOptions make: for other countries than
// those of the currency.
func optionsFrom(overrides []paddle.UnitPriceOverride) (options []billing.CurrencyOption, ok bool) {
	for _, o := range overrides {
		money, ok := moneyFrom(o.UnitPrice)
		countries := slices.Sorted(slices.Values(o.CountryCodes))
		again := slices.ContainsFunc(options, func(x billing.CurrencyOption) bool {
			return x.Money.Currency == money.Currency
		})
		if !ok || again || len(countries) == 0 || !slices.Equal(countries, countriesOf(money.Currency)) {
			return nil, false
		}
		options = append(options, billing.CurrencyOption{Money: money})
	}
	slices.SortFunc(options, func(a, b billing.CurrencyOption) int {
		return cmp.Compare(a.Money.Currency, b.Money.Currency)
	})
	return options, true
}

func priceOf(p *paddle.Price) billing.Price {
	out := billing.Price{
		ID: p.ID, ProductID: p.ProductID, Owner: ownerOf(p.CustomData), Name: text(p.CustomData, markPrice),
		Active:      p.Status == paddle.StatusActive,
		Spec:        billing.PriceSpec{Terms: termsOf(p), TrialDays: trialFrom(p.TrialPeriod)},
		BeyondTerms: termsBeyond(p), Beyond: priceBeyond(p),
	}
	if p.Name != nil {
		out.Spec.DisplayName = *p.Name
	}
	if at, err := time.Parse(time.RFC3339Nano, p.CreatedAt); err == nil {
		out.Created = at.UTC()
	}
	return out
}

// termsOf has the zero value for terms that Kassa cannot express.
func termsOf(p *paddle.Price) billing.PriceTerms {
	money, ok := moneyFrom(p.UnitPrice)
	if !ok {
		return billing.PriceTerms{}
	}
	terms := billing.PriceTerms{Money: money}
	if terms.Options, ok = optionsFrom(p.UnitPriceOverrides); !ok {
		return billing.PriceTerms{}
	}
	for ours, theirs := range taxModes {
		if p.TaxMode == theirs {
			terms.TaxBehavior = ours
		}
	}
	if p.BillingCycle != nil {
		for ours, theirs := range intervals {
			if p.BillingCycle.Interval == theirs {
				terms.Recurring = billing.Recurring{Interval: ours, Count: p.BillingCycle.Frequency}
			}
		}
		if terms.Recurring.Interval == "" {
			return billing.PriceTerms{}
		}
	}
	if terms.TaxBehavior == "" {
		return billing.PriceTerms{}
	}
	return terms
}

// CheckPrice refuses currencies that Paddle does not sell in, and further currencies that no country can be named for.
func (Adapter) CheckPrice(spec billing.PriceSpec) error {
	if !slices.Contains(currencies, spec.Terms.Money.Currency) {
		return fmt.Errorf("currency %s is not sold in", spec.Terms.Money.Currency)
	}
	for _, o := range spec.Terms.Options {
		switch {
		case !slices.Contains(currencies, o.Money.Currency):
			return fmt.Errorf("currencyOptions: currency %s is not sold in", o.Money.Currency)
		case len(countriesOf(o.Money.Currency)) == 0:
			return fmt.Errorf("currencyOptions: further amounts are for countries, and none that is sold to uses %s",
				o.Money.Currency)
		}
	}
	if r := spec.Terms.Recurring; r.Count > longest[r.Interval] {
		if r.Interval == billing.Day {
			return fmt.Errorf("recurring: a billing period has at most %d days", maxFrequency)
		}
		return errors.New("recurring: a billing period is at most three years")
	}
	if spec.TrialDays > maxFrequency {
		return fmt.Errorf("trial: a trial has at most %d days", maxFrequency)
	}
	for _, m := range append([]billing.CurrencyOption{{Money: spec.Terms.Money}}, spec.Terms.Options...) {
		if m.Money.Minor > maxAmount {
			return fmt.Errorf("amount %s is more than can be charged", m.Money)
		}
	}
	return nil
}

const (
	// maxFrequency is Paddle's bound on the number of days, or other units, of a billing period and of a trial.
	maxFrequency = 999
	// maxAmount keeps amounts, in minor units, within what every consumer of Paddle's JSON reads exactly.
	maxAmount = 999_999_999_999
)

// longest is the largest count of each interval: three years, as everywhere in Kassa, but of days only as many as
// Paddle takes.
var longest = map[billing.Interval]int{
	"": 0, billing.Day: maxFrequency, billing.Week: 156, billing.Month: 36, billing.Year: 3,
}
