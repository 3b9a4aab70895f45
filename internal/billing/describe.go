package billing

import (
	"fmt"
	"strings"
)

// String is the amount or the tiers, with further currencies: "29.00 USD", "graduated tiers in USD: 5.00 up to 10,
// then 4.00".
func (t PriceTerms) String() string {
	var b strings.Builder
	b.WriteString(t.AmountString())
	if len(t.Options) > 0 {
		b.WriteString(" (also " + t.OptionsString() + ")")
	}
	if r := t.Recurring.String(); r != "" {
		b.WriteString(" " + r)
	}
	if t.Metered != "" {
		fmt.Fprintf(&b, ", metered by %s", strings.ToLower(string(t.Metered)))
	}
	if t.TaxBehavior != TaxUnspecified && t.TaxBehavior != "" {
		fmt.Fprintf(&b, ", tax %s", strings.ToLower(string(t.TaxBehavior)))
	}
	return b.String()
}

// AmountString is the price's own amount or its tiers: "29.00 USD".
func (t PriceTerms) AmountString() string {
	if t.Money.Currency == "" {
		return "terms that Kassa cannot express"
	}
	if t.TierMode == "" {
		return t.Money.String()
	}
	return fmt.Sprintf("%s tiers in %s: %s", strings.ToLower(string(t.TierMode)), t.Money.Currency,
		tiersString(t.Tiers, t.Money.Currency))
}

// OptionsString lists the amounts in further currencies: "27.00 EUR, 25.00 GBP".
func (t PriceTerms) OptionsString() string {
	texts := make([]string, len(t.Options))
	for i, o := range t.Options {
		texts[i] = o.String()
	}
	return strings.Join(texts, ", ")
}

// String is the amount or the tiers in that currency.
func (o CurrencyOption) String() string {
	if len(o.Tiers) == 0 {
		return o.Money.String()
	}
	return fmt.Sprintf("%s: %s", o.Money.Currency, tiersString(o.Tiers, o.Money.Currency))
}

func tiersString(tiers []Tier, c Currency) string {
	texts := make([]string, len(tiers))
	for i, t := range tiers {
		text := Money{t.Unit, c}.Major()
		if t.Flat != 0 {
			text += " + " + Money{t.Flat, c}.Major() + " flat"
		}
		switch {
		case t.UpTo > 0:
			text += fmt.Sprintf(" up to %d", t.UpTo)
		case i > 0:
			text = "then " + text
		}
		texts[i] = text
	}
	return strings.Join(texts, ", ")
}

// String is "every month", "every 3 months", or nothing for a one-time price.
func (r Recurring) String() string {
	unit := strings.ToLower(string(r.Interval))
	switch {
	case r.Interval == "":
		return ""
	case r.Count <= 1:
		return "every " + unit
	default:
		return fmt.Sprintf("every %d %ss", r.Count, unit)
	}
}
