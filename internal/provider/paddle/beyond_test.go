package paddle

import (
	"testing"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"
	. "github.com/onsi/gomega"
)

// What a Plan has no place for has a name, whether or not the terms can be expressed: nothing is dropped unseen.
func TestWhatAPriceHasBeyondAPlan(t *testing.T) {
	for _, c := range []struct {
		edit        func(*paddle.Price)
		terms, want []string
	}{
		{func(*paddle.Price) {}, nil, nil},
		{func(p *paddle.Price) { p.Quantity = paddle.PriceQuantity{} }, nil, nil},
		{func(p *paddle.Price) { p.CustomData = paddle.CustomData{markUID: "u"} }, nil, nil},
		{
			func(p *paddle.Price) { p.CustomData = paddle.CustomData{markUID: "u", "team": "29"} },
			nil, []string{"custom_data"},
		},
		{func(p *paddle.Price) { p.Quantity.Maximum = 1 }, nil, []string{"quantity from 1 to 1"}},
		{func(p *paddle.Price) { p.Type = paddle.CatalogTypeCustom }, nil, []string{"type custom"}},
		{func(p *paddle.Price) { p.TaxMode = "location" }, []string{"tax_mode location"}, nil},
		{func(p *paddle.Price) {
			p.TrialPeriod = &paddle.Duration{Interval: paddle.IntervalDay, Frequency: 14}
		}, nil, nil},
		{func(p *paddle.Price) {
			p.TrialPeriod = &paddle.Duration{Interval: paddle.IntervalMonth, Frequency: 1}
		}, []string{"trial_period of 1 month"}, nil},
		{func(p *paddle.Price) { p.UnitPriceOverrides[0].CountryCodes = countriesOf("EUR") }, nil, nil},
		{
			func(p *paddle.Price) { p.UnitPriceOverrides[0].CountryCodes = []paddle.CountryCode{"DE"} },
			[]string{"unit_price_overrides for other countries than those of their currency"}, nil,
		},
	} {
		p := &paddle.Price{
			TaxMode: paddle.TaxModeAccountSetting, Quantity: usual, Description: "By hand",
			UnitPrice: paddle.Money{Amount: "2900", CurrencyCode: "USD"},
			UnitPriceOverrides: []paddle.UnitPriceOverride{
				{CountryCodes: countriesOf("EUR"), UnitPrice: paddle.Money{Amount: "2700", CurrencyCode: "EUR"}},
			},
		}
		c.edit(p)
		g := NewWithT(t)
		g.Expect(priceOf(p).BeyondTerms).To(Equal(c.terms))
		g.Expect(priceOf(p).Beyond).To(Equal(c.want))
	}
	g := NewWithT(t)
	data := paddle.CustomData{"list": []any{1}, "number": 5.0, "team": "29", markUID: 5}
	g.Expect(productOf(&paddle.Product{CustomData: data, Type: paddle.CatalogTypeCustom}).Beyond).To(Equal([]string{
		`custom_data "list", which is no text`, `custom_data "number", which is no text`, "type custom",
	}))
	g.Expect(productOf(&paddle.Product{CustomData: paddle.CustomData{"team": "29"}}).Beyond).To(BeEmpty())
}
