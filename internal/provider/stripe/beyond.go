package stripe

import (
	"cmp"
	"maps"
	"slices"

	stripe "github.com/stripe/stripe-go/v76"
)

// said collects names of fields that are set.
type said []string

func (s *said) when(set bool, field string) {
	if set {
		*s = append(*s, field)
	}
}

// productBeyond are the fields of a product that a Plan has no place for:
// https://docs.stripe.com/api/products/object.
func productBeyond(p *stripe.Product) []string {
	var s said
	s.when(p.StatementDescriptor != "", "statement_descriptor")
	s.when(p.URL != "", "url")
	s.when(p.Shippable, "shippable")
	s.when(p.PackageDimensions != nil, "package_dimensions")
	return s
}

// priceBeyond are the fields of a price that a Plan has no place for, and that are no terms:
// https://docs.stripe.com/api/prices/object.
func priceBeyond(p *stripe.Price) []string {
	for key := range p.Metadata {
		if !isMark(key) {
			return []string{"metadata"}
		}
	}
	return nil
}

// termsBeyond are the fields by which a price has terms that Kassa cannot express.
func termsBeyond(p *stripe.Price) []string {
	var s said
	s.when(p.CustomUnitAmount != nil, "custom_unit_amount")
	s.when(p.TransformQuantity != nil, "transform_quantity")
	s.when(amountOf(p.UnitAmount, p.UnitAmountDecimal).fraction(), "unit_amount_decimal")
	s.when(slices.ContainsFunc(p.Tiers, fractionOfTier), "a fraction in tiers")
	if r := p.Recurring; r != nil {
		s.when(r.Meter != "", "recurring.meter")
		_, known := ours(aggregates, r.AggregateUsage)
		s.when(r.AggregateUsage != "" && !known, "recurring.aggregate_usage "+string(r.AggregateUsage))
	}
	for _, code := range slices.Sorted(maps.Keys(p.CurrencyOptions)) {
		if o := p.CurrencyOptions[code]; o != nil && code != string(p.Currency) {
			s.option("currency_options."+code, o, p)
		}
	}
	return s
}

func (s *said) option(field string, o *stripe.PriceCurrencyOptions, p *stripe.Price) {
	s.when(o.CustomUnitAmount != nil, field+".custom_unit_amount")
	unspecified := string(stripe.PriceTaxBehaviorUnspecified)
	s.when(cmp.Or(string(o.TaxBehavior), unspecified) != cmp.Or(string(p.TaxBehavior), unspecified),
		field+".tax_behavior "+string(o.TaxBehavior))
	fraction := amountOf(o.UnitAmount, o.UnitAmountDecimal).fraction()
	s.when(fraction, field+".unit_amount_decimal")
	s.when(slices.ContainsFunc(o.Tiers, func(t *stripe.PriceCurrencyOptionsTier) bool {
		return fractionOfTier((*stripe.PriceTier)(t))
	}), "a fraction in "+field+".tiers")
}

func fractionOfTier(t *stripe.PriceTier) bool {
	return t != nil && (amountOf(t.UnitAmount, t.UnitAmountDecimal).fraction() ||
		amountOf(t.FlatAmount, t.FlatAmountDecimal).fraction())
}

// ownTrial is the trial that Stripe gives where trial_from_plan asks for it, which Kassa's checkouts do not: they say
// how long it is.
func ownTrial(p *stripe.Price) int {
	if p.Recurring == nil {
		return 0
	}
	return int(p.Recurring.TrialPeriodDays)
}
