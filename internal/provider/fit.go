package provider

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Fit makes of a plan what the adapter's provider can hold. What the provider has no place for is left out and named
// in omitted, as paths below spec, as long as no customer pays another amount, at another time or by another rule
// because of it. Everything else that the provider cannot do is an error, one for all of it, which names the provider
// and each field; fitted counts only without one. The given plan stays as it is.
func Fit(a Adapter, plan billing.Plan) (fitted billing.Plan, omitted []string, err error) {
	f := fitter{adapter: a, capabilities: a.Capabilities()}
	plan.Product = f.product(plan.Product)
	prices := make([]billing.DesiredPrice, len(plan.Prices))
	for i, p := range plan.Prices {
		p.Spec = f.price(p.Name, p.Spec)
		prices[i] = p
	}
	plan.Prices = prices
	if !f.can(CapabilityCatalogWrite) {
		f.adoptsAll(plan)
	}
	return plan, f.omitted, errors.Join(f.refusals...)
}

type fitter struct {
	adapter      Adapter
	capabilities []Capability
	omitted      []string
	refusals     []error
}

func (f *fitter) can(c Capability) bool { return slices.Contains(f.capabilities, c) }

func (f *fitter) refuse(field, why string) {
	f.refusals = append(f.refusals, fmt.Errorf("spec.%s: %s: %s", field, f.adapter.Type(), why))
}

// leaveOut notes a field that is set and has no place.
func (f *fitter) leaveOut(c Capability, set bool, field string) (leave bool) {
	if !set || f.can(c) {
		return false
	}
	f.omitted = append(f.omitted, field)
	return true
}

func (f *fitter) product(p billing.ProductSpec) billing.ProductSpec {
	if f.leaveOut(CapabilityDescription, p.Description != "", "description") {
		p.Description = ""
	}
	if f.leaveOut(CapabilityFeatures, len(p.Features) > 0, "features") {
		p.Features = nil
	}
	if f.leaveOut(CapabilityUnitLabel, p.UnitLabel != "", "unitLabel") {
		p.UnitLabel = ""
	}
	if f.leaveOut(CapabilityMetadata, len(p.Metadata) > 0, "metadata") {
		p.Metadata = nil
	}
	p.ImageURLs = f.images(p.ImageURLs)
	if f.leaveOut(CapabilityTaxCodes, p.TaxCode != "", "taxCode") {
		p.TaxCode = ""
	}
	if f.can(CapabilityTaxCodes) {
		code, err := f.adapter.TaxCode(p.TaxCode)
		if err != nil {
			f.refuse("taxCode", err.Error())
		}
		p.TaxCode = code
	}
	return p
}

func (f *fitter) images(urls []string) []string {
	switch {
	case len(urls) == 0 || f.can(CapabilityImages):
		return urls
	case !f.can(CapabilityImage):
		f.omitted = append(f.omitted, "imageURLs")
		return nil
	case len(urls) > 1:
		f.omitted = append(f.omitted, "imageURLs after the first")
	}
	return slices.Clone(urls[:1])
}

func (f *fitter) price(name string, p billing.PriceSpec) billing.PriceSpec {
	field := fmt.Sprintf("prices[%s]", name)
	before := len(f.refusals)
	if len(p.Terms.Options) > 0 && !f.can(CapabilityMultiCurrency) {
		f.refuse(field+".currencyOptions", "a price has one currency here; leave currencyOptions out, or sell the price "+
			"in a Plan without this provider")
	}
	if (p.Terms.TierMode != "" || len(p.Terms.Tiers) > 0) && !f.can(CapabilityTiers) {
		f.refuse(field+".tiers", "there are no tiered prices here; use one amount, or a price for each quantity")
	}
	if p.Terms.Metered != "" && !f.can(CapabilityMeteredUsage) {
		f.refuse(field+".metered", "usage cannot be billed here; use a price without metered")
	}
	if tax := p.Terms.TaxBehavior; tax != billing.TaxUnspecified && tax != "" && !f.can(CapabilityTaxBehavior) {
		f.refuse(field+".taxBehavior", "the store's own setting decides whether amounts contain tax; "+
			"leave taxBehavior out")
	}
	if !f.can(CapabilityPriceTrials) {
		p.TrialDays = 0 // given at checkout
	}
	// Without a name of its own a price is called by its name in the plan, which nobody misses.
	if f.leaveOut(CapabilityPriceNames, p.DisplayName != "" && p.DisplayName != name, field+".displayName") ||
		!f.can(CapabilityPriceNames) {
		p.DisplayName = ""
	}
	if len(f.refusals) == before {
		if err := f.adapter.CheckPrice(p); err != nil {
			f.refuse(field, err.Error())
		}
	}
	return p
}

// adoptsAll refuses a plan of which something would have to be created.
func (f *fitter) adoptsAll(plan billing.Plan) {
	if plan.Adopt == nil {
		f.refuse("providers", "the API cannot create products; make the product and its prices in the dashboard and "+
			"name their ids under adopt")
		return
	}
	for _, p := range plan.Prices {
		if plan.Adopt.Prices[p.Name] == "" {
			f.refuse("providers", fmt.Sprintf("adopt.prices names no id for the price %q, and the API cannot create one; "+
				"make it in the dashboard and name its id", p.Name))
		}
	}
}
