package stripe

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

// parseInt reads digits that have been checked.
func parseInt(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// trimDecimal removes what a decimal number does not need: 10.50 is 10.5, and 10.0 is 10.
func trimDecimal(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// amountOf is what a quantity of the price costs in that currency, in minor units, rounded half up. ok is false
// when the price has no amount in the currency.
func (p *Price) amountOf(quantity int64, currency string) (amount int64, ok bool) {
	option, ok := p.inCurrency(currency)
	switch {
	case !ok:
		return 0, false
	case option.CustomUnitAmount != nil:
		if preset := option.CustomUnitAmount.Preset; preset != nil {
			return *preset * quantity, true
		}
		return 0, true
	case option.Tiers != nil:
		return tiered(option.Tiers, *p.TiersMode, quantity), true
	}
	if t := p.TransformQuantity; t != nil {
		whole := quantity / t.DivideBy
		if t.Round == "up" && quantity%t.DivideBy != 0 {
			whole++
		}
		quantity = whole
	}
	return round(times(option.UnitAmountDecimal, quantity)), true
}

// metered: what is billed is reported, and there is no quantity.
func (p *Price) metered() bool { return p.Recurring != nil && p.Recurring.UsageType == "metered" }

func (p *Price) inCurrency(currency string) (CurrencyOption, bool) {
	if currency == p.Currency {
		return CurrencyOption{
			CustomUnitAmount: p.CustomUnitAmount, Tiers: p.Tiers, UnitAmount: p.UnitAmount,
			UnitAmountDecimal: p.UnitAmountDecimal,
		}, true
	}
	o, ok := p.CurrencyOptions[currency]
	return o, ok
}

func tiered(tiers []Tier, mode string, quantity int64) int64 {
	sum, done := new(big.Rat), int64(0)
	for _, t := range tiers {
		last := t.UpTo == nil || quantity <= *t.UpTo
		switch {
		case mode == "volume" && !last:
			continue
		case mode == "volume":
			sum.Add(times(t.UnitAmountDecimal, quantity), times(t.FlatAmountDecimal, 1))
			return round(sum)
		}
		upTo := quantity
		if !last {
			upTo = *t.UpTo
		}
		sum.Add(sum, times(t.UnitAmountDecimal, upTo-done))
		sum.Add(sum, times(t.FlatAmountDecimal, 1))
		if done = upTo; last {
			break
		}
	}
	return round(sum)
}

// times is decimal × n; no decimal counts as zero.
func times(decimal *string, n int64) *big.Rat {
	out := new(big.Rat)
	if decimal == nil {
		return out
	}
	if _, ok := out.SetString(*decimal); !ok {
		return new(big.Rat)
	}
	return out.Mul(out, new(big.Rat).SetInt64(n))
}

// round rounds a number that is not negative half up.
func round(r *big.Rat) int64 {
	twice := new(big.Int).Mul(r.Num(), big.NewInt(2))
	twice.Add(twice, r.Denom())
	return twice.Quo(twice, new(big.Int).Mul(r.Denom(), big.NewInt(2))).Int64()
}

// readable shows an amount in minor units, such as 29.00 USD. Stripe counts ISK and UGX with two decimals and
// MGA with none.
func readable(amount int64, currency string) string {
	code := strings.ToUpper(currency)
	digits, ok := billing.Currency(code).Digits()
	switch {
	case currency == "isk" || currency == "ugx" || !ok:
		digits = 2
	case currency == "mga":
		digits = 0
	}
	text := formatInt(amount)
	for len(text) <= digits {
		text = "0" + text
	}
	if digits > 0 {
		text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	}
	return text + " " + code
}
