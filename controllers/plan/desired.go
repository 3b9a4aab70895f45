package plan

import (
	"cmp"
	"fmt"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// desired translates a spec. The API server has checked what CEL can; what it could not gives an error.
func desired(owner billing.Owner, spec *v1alpha1.PlanSpec) (billing.Plan, error) {
	want := billing.Plan{
		Owner: owner,
		Product: billing.ProductSpec{
			Name: spec.DisplayName, Description: spec.Description, Features: spec.Features,
			UnitLabel: spec.UnitLabel, ImageURLs: spec.ImageURLs, Metadata: map[string]string{},
		},
		Default: cmp.Or(spec.DefaultPrice, spec.Prices[0].Name),
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

func desiredPrice(p *v1alpha1.Price) (billing.DesiredPrice, error) {
	money, err := billing.ParseMoney(string(p.Amount), string(p.Currency))
	if err != nil {
		return billing.DesiredPrice{}, err
	}
	terms := billing.PriceTerms{
		Money: money, TaxBehavior: billing.TaxBehavior(cmp.Or(p.TaxBehavior, v1alpha1.TaxUnspecified)),
	}
	if rec := p.Recurring; rec != nil {
		terms.Recurring = billing.Recurring{
			Interval: billing.Interval(rec.Interval), Count: int(max(rec.IntervalCount, 1)),
		}
	}
	return billing.DesiredPrice{
		Name: p.Name, Spec: billing.PriceSpec{Terms: terms, DisplayName: cmp.Or(p.DisplayName, p.Name)},
	}, nil
}
