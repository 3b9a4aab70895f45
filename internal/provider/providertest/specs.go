package providertest

import (
	"testing"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// usd is a monthly price. Its tax behaviour is the one that every provider has.
func usd(minor int64) billing.PriceTerms {
	return billing.PriceTerms{
		Money:       billing.Money{Minor: minor, Currency: "USD"},
		Recurring:   billing.Recurring{Interval: billing.Month, Count: 1},
		TaxBehavior: billing.TaxUnspecified,
	}
}

// fitted leaves out what the provider has no place for, as provider.Fit does.
func (f Fixture) fitted(p billing.ProductSpec) billing.ProductSpec {
	if !f.has(provider.CapabilityDescription) {
		p.Description = ""
	}
	if !f.has(provider.CapabilityFeatures) {
		p.Features = nil
	}
	if !f.has(provider.CapabilityUnitLabel) {
		p.UnitLabel = ""
	}
	if !f.has(provider.CapabilityMetadata) {
		p.Metadata = nil
	}
	switch {
	case f.has(provider.CapabilityImages) || len(p.ImageURLs) == 0:
	case f.has(provider.CapabilityImage):
		p.ImageURLs = p.ImageURLs[:1]
	default:
		p.ImageURLs = nil
	}
	p.TaxCode = f.codeOf(p.TaxCode)
	return p
}

// codeOf is the provider's own tax code, or nothing where there are none, or none for that neutral one.
func (f Fixture) codeOf(neutral string) string {
	if !f.has(provider.CapabilityTaxCodes) {
		return ""
	}
	code, err := f.Adapter.TaxCode(neutral)
	if err != nil {
		code, _ = f.Adapter.TaxCode("")
	}
	return code
}

func (f Fixture) plainProduct() billing.ProductSpec {
	return f.fitted(billing.ProductSpec{Name: "Pro"})
}

func (f Fixture) fullProduct() billing.ProductSpec {
	return f.fitted(billing.ProductSpec{
		Name: "Pro & more, 100% “ü”", Description: "For teams\nwith = and &", Features: []string{"Two", "One"},
		TaxCode: billing.TaxCodeSaaS, UnitLabel: "seat",
		ImageURLs: []string{"https://example.com/a.png?x=1&y=2", "https://example.com/0.png"},
		Metadata:  map[string]string{"team": "red", "tier": "2"},
	})
}

// fittedPrice leaves out what a price cannot carry.
func (f Fixture) fittedPrice(p billing.PriceSpec) billing.PriceSpec {
	if !f.has(provider.CapabilityPriceNames) {
		p.DisplayName = ""
	}
	if !f.has(provider.CapabilityPriceTrials) {
		p.TrialDays = 0
	}
	return p
}

func (f Fixture) plainPrice(minor int64) billing.PriceSpec {
	return f.fittedPrice(billing.PriceSpec{Terms: usd(minor), DisplayName: "Per month"})
}

func (f Fixture) createProduct(t *testing.T, conn provider.Connection, o billing.Owner) billing.Product {
	t.Helper()
	p, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{
		Owner: o, Spec: f.plainProduct(), IdempotencyKey: "product-" + o.UID,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f Fixture) newPrice(
	o billing.Owner, p billing.Product, name string, terms billing.PriceTerms,
) provider.CreatePrice {
	return provider.CreatePrice{
		Owner: o, ProductID: p.ID, Name: name, IdempotencyKey: name + "-" + terms.Money.String(),
		Spec: f.fittedPrice(billing.PriceSpec{Terms: terms, DisplayName: "Per month"}),
	}
}

func (f Fixture) createPrice(
	t *testing.T, conn provider.Connection, p billing.Product, name string, terms billing.PriceTerms,
) billing.Price {
	t.Helper()
	price, err := conn.Catalog().CreatePrice(t.Context(), f.newPrice(p.Owner, p, name, terms))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return price
}
