package stripe

import (
	"slices"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
)

var intervals = map[billing.Interval]stripe.PriceRecurringInterval{
	billing.Day:   stripe.PriceRecurringIntervalDay,
	billing.Week:  stripe.PriceRecurringIntervalWeek,
	billing.Month: stripe.PriceRecurringIntervalMonth,
	billing.Year:  stripe.PriceRecurringIntervalYear,
}

var taxBehaviors = map[billing.TaxBehavior]stripe.PriceTaxBehavior{
	billing.TaxExclusive:   stripe.PriceTaxBehaviorExclusive,
	billing.TaxInclusive:   stripe.PriceTaxBehaviorInclusive,
	billing.TaxUnspecified: stripe.PriceTaxBehaviorUnspecified,
}

func productOf(p *stripe.Product) billing.Product {
	out := billing.Product{
		ID: p.ID, Owner: ownerOf(p.Metadata, markPlan), Active: p.Active,
		Spec: billing.ProductSpec{
			Name: p.Name, Description: p.Description, UnitLabel: p.UnitLabel, Metadata: userMetadata(p.Metadata),
		},
	}
	if p.DefaultPrice != nil {
		out.DefaultPriceID = p.DefaultPrice.ID
	}
	for _, f := range p.Features {
		if f != nil {
			out.Spec.Features = append(out.Spec.Features, f.Name)
		}
	}
	if len(p.Images) > 0 {
		out.Spec.ImageURLs = slices.Clone(p.Images)
	}
	return out
}

func priceOf(p *stripe.Price) billing.Price {
	out := billing.Price{
		ID: p.ID, Owner: ownerOf(p.Metadata, markPlan), Name: p.Metadata[markPrice], Active: p.Active,
		LookupKey: p.LookupKey, Created: time.Unix(p.Created, 0).UTC(),
		Spec: billing.PriceSpec{Terms: termsOf(p), DisplayName: p.Nickname},
	}
	if p.Product != nil {
		out.ProductID = p.Product.ID
	}
	return out
}

// termsOf has the zero value for terms that Kassa cannot express, such as tiers, usage or fractions of a cent: they
// equal nothing that a Plan declares.
func termsOf(p *stripe.Price) billing.PriceTerms {
	perUnit := p.BillingScheme == stripe.PriceBillingSchemePerUnit || p.BillingScheme == ""
	if !perUnit || p.CustomUnitAmount != nil || p.TransformQuantity != nil ||
		(p.UnitAmountDecimal != 0 && p.UnitAmountDecimal != float64(p.UnitAmount)) {
		return billing.PriceTerms{}
	}
	money, ok := fromStripe(p.UnitAmount, string(p.Currency))
	if !ok {
		return billing.PriceTerms{}
	}
	terms := billing.PriceTerms{Money: money, TaxBehavior: billing.TaxUnspecified}
	for ours, theirs := range taxBehaviors {
		if p.TaxBehavior == theirs {
			terms.TaxBehavior = ours
		}
	}
	if p.Recurring == nil {
		return terms
	}
	if p.Recurring.UsageType == stripe.PriceRecurringUsageTypeMetered {
		return billing.PriceTerms{}
	}
	for ours, theirs := range intervals {
		if p.Recurring.Interval == theirs {
			terms.Recurring = billing.Recurring{Interval: ours, Count: int(p.Recurring.IntervalCount)}
			return terms
		}
	}
	return billing.PriceTerms{}
}
