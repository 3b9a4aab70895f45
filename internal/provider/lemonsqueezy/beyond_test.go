package lemonsqueezy

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

// What a Plan has no place for has a name, whether or not the terms can be expressed: nothing is dropped unseen.
func TestWhatAVariantHasBeyondAPlan(t *testing.T) {
	const monthly = `"category":"subscription","renewal_interval_unit":"month","renewal_interval_quantity":1,` +
		`"scheme":"standard","unit_price":500`
	for _, c := range []struct {
		variant, price, title string
		terms, want           []string
	}{
		{`"name":"Default","status":"pending"`, monthly, "", nil, nil},
		{`"name":"Plus","status":"published"`, monthly, "Plus", nil, nil},
		{`"description":"<p>","has_license_keys":true`, monthly, "", nil, []string{"description", "has_license_keys"}},
		{"", monthly + `,"usage_aggregation":"sum"`, "", nil, nil},
		{"", monthly + `,"usage_aggregation":"last_ever"`, "", []string{"usage_aggregation last_ever"}, nil},
		{"", monthly + `,"setup_fee_enabled":true,"setup_fee":100`, "", []string{"setup_fee"}, nil},
		{"", monthly + `,"setup_fee_enabled":false,"setup_fee":100,"package_size":1`, "", nil, nil},
		{"", monthly + `,"scheme":"package","package_size":10`, "", []string{"scheme package"}, nil},
		{"", `"category":"pwyw","scheme":"standard","unit_price":500`, "", []string{"category pwyw"}, nil},
		{"", monthly + `,"unit_price_decimal":"500.5"`, "", []string{"unit_price_decimal"}, nil},
		{"", monthly + `,"unit_price_decimal":"500.0"`, "", nil, nil},
		{
			"", monthly + `,"scheme":"volume","tiers":[{"last_unit":"inf","unit_price_decimal":"0.5"}]`, "",
			[]string{"unit_price_decimal in tiers"}, nil,
		},
		{
			"", monthly + `,"trial_interval_unit":"month","trial_interval_quantity":1`, "",
			[]string{"trial of 1 month"}, nil,
		},
		{"", monthly + `,"trial_interval_unit":"day","trial_interval_quantity":14`, "", nil, nil},
	} {
		g := NewWithT(t)
		v, p := resource[variant]{}, resource[price]{}
		g.Expect(json.Unmarshal([]byte("{"+c.variant+"}"), &v.Attributes)).To(Succeed())
		g.Expect(json.Unmarshal([]byte("{"+c.price+"}"), &p.Attributes)).To(Succeed())
		got := priceOf(billing.Product{Active: true}, v, true, &p, "USD")
		g.Expect(got.BeyondTerms).To(Equal(c.terms), c.variant+c.price)
		g.Expect(got.Beyond).To(Equal(c.want), c.variant+c.price)
		g.Expect(got.Title).To(Equal(c.title))
	}
	g := NewWithT(t)
	g.Expect((&product{Description: "<p>For teams</p>"}).beyond()).To(Equal([]string{"description"}))
	g.Expect((&product{Name: "Pro"}).beyond()).To(BeEmpty())
}
