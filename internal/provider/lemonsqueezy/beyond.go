package lemonsqueezy

import (
	"fmt"
	"slices"
)

// beyond are the fields of a product that a Plan has no place for. What every one has, such as a slug and pictures, is
// left out. See https://docs.lemonsqueezy.com/api/products/the-product-object, and variants/the-variant-object.
func (p *product) beyond() []string {
	if p.Description == "" {
		return nil
	}
	return []string{"description"} // HTML, which a Plan's is not
}

func (v *variant) beyond() []string {
	var out []string
	if v.Description != "" {
		out = append(out, "description")
	}
	if v.HasLicenseKeys {
		out = append(out, "has_license_keys")
	}
	return out
}

// beyond are the fields by which a price has terms that Kassa cannot express.
func (p *price) beyond() []string {
	var out []string
	say := func(set bool, field string) {
		if set {
			out = append(out, field)
		}
	}
	say(p.Category == "pwyw", "category pwyw")
	say(p.fee() != 0, "setup_fee")
	say(p.PackageSize > 1 || p.Scheme == "package", "scheme package")
	use := text(p.UsageAggregation)
	say(use != "" && aggregates[use] == "", "usage_aggregation "+use)
	say(fraction(p.UnitPriceDecimal), "unit_price_decimal")
	say(slices.ContainsFunc(p.Tiers, func(t tier) bool { return fraction(t.UnitPriceDecimal) }),
		"unit_price_decimal in tiers")
	say(p.trialDays() < 0, fmt.Sprintf("trial of %d %s", value(p.TrialCount), text(p.TrialUnit)))
	return out
}

func fraction(exact *string) bool {
	_, whole := cents(new(int64), exact)
	return !whole
}
