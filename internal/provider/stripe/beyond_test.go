package stripe

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
)

// What a Plan has no place for has a name, whether or not the terms can be expressed: nothing is dropped unseen.
func TestWhatAPriceHasBeyondAPlan(t *testing.T) {
	option := func(fields string) string { return plainUSD + `,"currency_options":{"eur":{` + fields + `}}` }
	for _, c := range []struct {
		fields string
		want   []string
		terms  bool // can be expressed
		trial  int
	}{
		{plainUSD + `,` + month, nil, true, 0},
		{tiersJSON("graduated", tierJSON(10, 0, 500), tierJSON("null", 5, "null")), nil, true, 0},
		{option(plainEUR), nil, true, 0},
		{plainUSD + `,"metadata":{"kassa_uid":"u","kassa_price":"m"}`, nil, true, 0},
		{plainUSD + `,"metadata":{"team":"29"}`, []string{"metadata"}, true, 0},
		{plainUSD + `,"recurring":{"interval":"month","trial_period_days":14}`, nil, true, 14},
		{`"unit_amount":null,"custom_unit_amount":{"minimum":100}`, []string{"custom_unit_amount"}, false, 0},
		{plainUSD + `,"transform_quantity":{"divide_by":10,"round":"up"}`, []string{"transform_quantity"}, false, 0},
		{`"unit_amount":null,"unit_amount_decimal":"1.5"`, []string{"unit_amount_decimal"}, false, 0},
		{
			tiersJSON("volume", `{"up_to":null,"unit_amount":null,"unit_amount_decimal":"0.5"}`),
			[]string{"a fraction in tiers"}, false, 0,
		},
		{meteredBy(`"last_ever"`), []string{"recurring.aggregate_usage last_ever"}, false, 0},
		{
			`"unit_amount":1,"recurring":{"interval":"month","usage_type":"metered","aggregate_usage":null,"meter":"mtr_1"}`,
			[]string{"recurring.meter"}, false, 0,
		},
		{
			option(`"unit_amount":null,"unit_amount_decimal":"0.5"`),
			[]string{"currency_options.eur.unit_amount_decimal"}, false, 0,
		},
		{
			option(`"custom_unit_amount":{"minimum":1},"tax_behavior":"inclusive"`),
			[]string{"currency_options.eur.custom_unit_amount", "currency_options.eur.tax_behavior inclusive"}, false, 0,
		},
	} {
		g, p := NewWithT(t), &stripe.Price{}
		g.Expect(json.Unmarshal([]byte(`{"id":"r","object":"price","currency":"usd",`+c.fields+`}`), p)).To(Succeed())
		got := priceOf(p)
		names := map[bool][]string{true: got.Beyond, false: got.BeyondTerms}
		g.Expect(names[c.terms]).To(Equal(c.want), c.fields)
		g.Expect(names[!c.terms]).To(BeEmpty(), c.fields)
		g.Expect(got.OwnTrial).To(Equal(c.trial), c.fields)
		g.Expect(got.Spec.TrialDays).To(BeZero(), "it is not compared")
		g.Expect(!got.Spec.Terms.Equal(billing.PriceTerms{})).To(Equal(c.terms), c.fields)
	}
	p := &stripe.Product{}
	g := NewWithT(t)
	g.Expect(json.Unmarshal([]byte(`{"id":"p","name":"Pro","statement_descriptor":"PRO","url":"https://example.com",
		"shippable":true,"package_dimensions":{"height":1},"metadata":{"team":"29"}}`), p)).To(Succeed())
	g.Expect(productOf(p).Beyond).To(Equal([]string{"statement_descriptor", "url", "shippable", "package_dimensions"}))
	g.Expect(productOf(&stripe.Product{ID: "p"}).Beyond).To(BeEmpty())
}
