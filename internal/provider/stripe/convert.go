package stripe

import (
	"slices"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
)

func productOf(p *stripe.Product) billing.Product {
	out := billing.Product{
		ID: p.ID, Owner: ownerOf(p.Metadata, markPlan), Active: p.Active,
		Spec: billing.ProductSpec{
			Name: p.Name, Description: p.Description, UnitLabel: p.UnitLabel, Metadata: userMetadata(p.Metadata),
		},
		Beyond: productBeyond(p),
	}
	if p.TaxCode != nil {
		out.Spec.TaxCode = p.TaxCode.ID
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

// priceOf needs a price whose tiers and currency options were expanded.
func priceOf(p *stripe.Price) billing.Price {
	out := billing.Price{
		ID: p.ID, Owner: ownerOf(p.Metadata, markPlan), Name: p.Metadata[markPrice],
		KeptKey: p.Metadata[markKeptKey], Active: p.Active, LookupKey: p.LookupKey, Created: time.Unix(p.Created, 0).UTC(),
		Spec:        billing.PriceSpec{Terms: termsOf(p), DisplayName: p.Nickname},
		BeyondTerms: termsBeyond(p), Beyond: priceBeyond(p), OwnTrial: ownTrial(p),
	}
	if p.Product != nil {
		out.ProductID = p.Product.ID
	}
	return out
}
