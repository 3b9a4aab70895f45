package lemonsqueezy

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// price is a price of a variant. A changed price is a new object; the old ones stay.
type price struct {
	VariantID        int64   `json:"variant_id"`
	Category         string  `json:"category"`          // one_time, subscription, lead_magnet, pwyw
	Scheme           string  `json:"scheme"`            // standard, package, graduated, volume
	UsageAggregation *string `json:"usage_aggregation"` // sum, last_during_period, last_ever, max
	UnitPrice        *int64  `json:"unit_price"`        // in cents; nil for tiers
	UnitPriceDecimal *string `json:"unit_price_decimal"`
	SetupFeeEnabled  *bool   `json:"setup_fee_enabled"`
	SetupFee         *int64  `json:"setup_fee"`
	PackageSize      int64   `json:"package_size"`
	Tiers            []tier  `json:"tiers"`
	IntervalUnit     *string `json:"renewal_interval_unit"`
	IntervalCount    *int64  `json:"renewal_interval_quantity"`
	TrialUnit        *string `json:"trial_interval_unit"`
	TrialCount       *int64  `json:"trial_interval_quantity"`
	CreatedAt        string  `json:"created_at"`
}

type tier struct {
	LastUnit         json.RawMessage `json:"last_unit"` // a number or "inf"
	UnitPrice        *int64          `json:"unit_price"`
	UnitPriceDecimal *string         `json:"unit_price_decimal"`
	FixedFee         int64           `json:"fixed_fee"`
}

// newest are the current prices, by variant.
func newest(prices []resource[price]) map[string]*resource[price] {
	out := map[string]*resource[price]{}
	for i := range prices {
		p := &prices[i]
		id := number(p.Attributes.VariantID)
		old := out[id]
		if old == nil || cmp.Or(cmp.Compare(p.Attributes.CreatedAt, old.Attributes.CreatedAt),
			cmp.Compare(len(p.ID), len(old.ID)), cmp.Compare(p.ID, old.ID)) > 0 {
			out[id] = p
		}
	}
	return out
}

// spec has zero terms where Kassa cannot express what the price says: packages, set-up fees, amounts that the buyer
// chooses, fractions of a cent, and usage that is never reset.
func (p *price) spec(currency string) billing.PriceSpec {
	terms, ok := p.terms(currency)
	if !ok {
		terms = billing.PriceTerms{}
	}
	return billing.PriceSpec{Terms: terms, TrialDays: p.trialDays()}
}

var aggregates = map[string]billing.Aggregate{
	"sum": billing.AggregateSum, "max": billing.AggregateMax, "last_during_period": billing.AggregateLast,
}

var units = map[string]billing.Interval{
	"day": billing.Day, "week": billing.Week, "month": billing.Month, "year": billing.Year,
}

func (p *price) terms(code string) (billing.PriceTerms, bool) {
	currency, err := billing.ParseCurrency(code)
	if err != nil || p.fee() != 0 || p.PackageSize > 1 {
		return billing.PriceTerms{}, false
	}
	terms := billing.PriceTerms{Money: billing.Money{Currency: currency}, TaxBehavior: billing.TaxUnspecified}
	switch p.Category {
	case "one_time":
	case "lead_magnet":
		return terms, true // free, once
	case "subscription":
		terms.Recurring = billing.Recurring{Interval: units[text(p.IntervalUnit)], Count: int(value(p.IntervalCount))}
		if terms.Recurring.Interval == "" || terms.Recurring.Count < 1 {
			return terms, false
		}
	default:
		return terms, false
	}
	if p.UsageAggregation != nil {
		if terms.Metered = aggregates[*p.UsageAggregation]; terms.Metered == "" {
			return terms, false
		}
	}
	var ok bool
	switch p.Scheme {
	case "standard":
		terms.Money.Minor, ok = cents(p.UnitPrice, p.UnitPriceDecimal)
		return terms, ok
	case "graduated":
		terms.TierMode = billing.TiersGraduated
	case "volume":
		terms.TierMode = billing.TiersVolume
	default:
		return terms, false
	}
	terms.Tiers, ok = tiersOf(p.Tiers)
	return terms, ok
}

func (p *price) fee() int64 {
	if p.SetupFeeEnabled != nil && !*p.SetupFeeEnabled {
		return 0
	}
	return value(p.SetupFee)
}

// trialDays is a number of days. A trial of months, years or an unknown unit is negative, so that it equals no number
// of days.
func (p *price) trialDays() int {
	n, unit := int(value(p.TrialCount)), text(p.TrialUnit)
	switch {
	case unit == "":
		return 0
	case units[unit] == billing.Day:
		return n
	case units[unit] == billing.Week:
		return 7 * n
	default:
		return -n
	}
}

// endless are the ends of a last tier.
var endless = []string{"inf", "null", ""}

func tiersOf(tiers []tier) ([]billing.Tier, bool) {
	var out []billing.Tier
	last := int64(0)
	for i, t := range tiers {
		unit, ok := cents(t.UnitPrice, t.UnitPriceDecimal)
		if !ok {
			return nil, false
		}
		made := billing.Tier{Unit: unit, Flat: t.FixedFee}
		end := strings.Trim(string(t.LastUnit), `"`)
		upTo, err := strconv.ParseInt(end, 10, 64)
		open := slices.Contains(endless, end)
		switch {
		case open != (i == len(tiers)-1):
			return nil, false
		case !open && (err != nil || upTo <= last):
			return nil, false
		case !open:
			made.UpTo, last = upTo, upTo
		}
		out = append(out, made)
	}
	return out, len(out) > 0
}

// cents is the amount, if it is a whole number of them. A decimal tells more than the rounded number beside it.
func cents(whole *int64, exact *string) (int64, bool) {
	if exact != nil && *exact != "" {
		digits, fraction, _ := strings.Cut(*exact, ".")
		n, err := strconv.ParseInt(digits, 10, 64)
		return n, err == nil && strings.Trim(fraction, "0") == "" && n >= 0
	}
	if whole == nil {
		return 0, false
	}
	return *whole, *whole >= 0
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
