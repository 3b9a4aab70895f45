package catalog

import (
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
)

// asAdopted is the plan without what its spec has by default alone and an adopted product, or price, has not: a default
// price, and names of prices for people. Otherwise nobody could take over a catalogue as it is.
func (s *state) asAdopted() *billing.Plan {
	want := *s.want
	if want.Default == "" {
		want.Default = s.servedDefault()
	}
	want.Prices = slices.Clone(want.Prices)
	for i := range want.Prices {
		p := &want.Prices[i]
		if p.Spec.DisplayName != p.Name {
			continue
		}
		if have := s.byID(want.Adopt.Prices[p.Name]); have != nil && have.Spec.DisplayName == "" {
			p.Spec.DisplayName = ""
		}
	}
	return &want
}

// servedDefault is the name of the price that the product's default serves. A default that has to leave the sale gives
// way to the first price, and none of the plan's stays what it is.
func (s *state) servedDefault() string {
	if s.have.Product == nil || s.have.Product.DefaultPriceID == "" {
		return ""
	}
	p := s.byID(s.have.Product.DefaultPriceID)
	if p == nil {
		return ""
	}
	for _, w := range s.want.Prices {
		if s.is(w.Name, p) {
			return w.Name
		}
	}
	if s.owns(p) {
		return s.want.Prices[0].Name
	}
	return ""
}
