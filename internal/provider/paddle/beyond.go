package paddle

import (
	"fmt"
	"maps"
	"slices"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"
)

// usual is the quantity that Paddle gives a price by itself.
var usual = paddle.PriceQuantity{Minimum: 1, Maximum: 100}

// productBeyond are the fields of a product that a Plan has no place for:
// https://developer.paddle.com/api-reference/products/overview.
func productBeyond(p *paddle.Product) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(p.CustomData)) {
		if _, isText := p.CustomData[key].(string); !isText && !isMark(key) {
			out = append(out, fmt.Sprintf("custom_data %q, which is no text", key))
		}
	}
	if p.Type == paddle.CatalogTypeCustom {
		out = append(out, "type custom")
	}
	return out
}

// termsBeyond are the fields by which a price has terms or a trial that Kassa cannot express:
// https://developer.paddle.com/api-reference/prices/overview.
func termsBeyond(p *paddle.Price) []string {
	var out []string
	if _, ok := optionsFrom(p.UnitPriceOverrides); !ok {
		out = append(out, "unit_price_overrides for other countries than those of their currency")
	}
	if !slices.Contains(slices.Collect(maps.Values(taxModes)), p.TaxMode) {
		out = append(out, "tax_mode "+string(p.TaxMode))
	}
	if p.TrialPeriod != nil && trialFrom(p.TrialPeriod) < 0 {
		out = append(out, fmt.Sprintf("trial_period of %d %s", p.TrialPeriod.Frequency, p.TrialPeriod.Interval))
	}
	return out
}

// priceBeyond are the fields of a price that a Plan has no place for, and that are no terms. The description, which
// every price has and no buyer sees, is left out.
func priceBeyond(p *paddle.Price) []string {
	var out []string
	if q := p.Quantity; q != usual && q != (paddle.PriceQuantity{}) {
		out = append(out, fmt.Sprintf("quantity from %d to %d", q.Minimum, q.Maximum))
	}
	if p.Type == paddle.CatalogTypeCustom {
		out = append(out, "type custom")
	}
	for key := range p.CustomData {
		if !isMark(key) {
			return append(out, "custom_data")
		}
	}
	return out
}
