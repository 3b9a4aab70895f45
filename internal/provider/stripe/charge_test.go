package stripe

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

const (
	perUnit  = `"currency":"usd","unit_amount":2900,"unit_amount_decimal":"2900","billing_scheme":"per_unit"`
	everyTwo = `"recurring":{"interval":"month","interval_count":2,"usage_type":"licensed","aggregate_usage":null}`
	sold     = `"quantity":3,"price":{"id":"price_1",` + perUnit + `,"transform_quantity":null,` + everyTwo + `}`
)

// What a period costs is told where one item costs the same for every unit of it, and nowhere else.
func TestCharge(t *testing.T) {
	charge := func(unit billing.Money, quantity int) *billing.EventCharge {
		return &billing.EventCharge{Unit: unit, Quantity: quantity, Interval: billing.Month, Count: 2}
	}
	yen := billing.Money{Minor: 2900, Currency: "JPY"}
	inYen := `"price":{"id":"price_1","currency":"jpy","unit_amount":2900,` + everyTwo + `}`
	cases := []struct {
		reason, currency, items string
		want                    *billing.EventCharge
	}{
		{"an item", "usd", `{` + sold + `}`, charge(usd(2900), 3)},
		{"an item of the API of 2025", "usd", `{"id":"si_1","quantity":1,"current_period_end":1714592000,"billed_until":null,
			"price":{"id":"price_1","currency":"usd","unit_amount":2900,"unit_amount_decimal":"2900","billing_scheme":"per_unit",
			"custom_unit_amount":null,"recurring":{"interval":"month","interval_count":2,"meter":null,
			"trial_period_days":null,"usage_type":"licensed"}}}`, charge(usd(2900), 1)},
		{"for nothing", "usd", `{"quantity":1,"price":{"currency":"usd","unit_amount":0,` + everyTwo + `}}`,
			charge(usd(0), 1)},
		{"none of it", "usd", `{"quantity":0,"price":{` + perUnit + `,` + everyTwo + `}}`, charge(usd(2900), 0)},
		{"a currency without decimals", "jpy", `{"quantity":1,` + inYen + `}`, charge(yen, 1)},
		{"a subscription of the time before its currency was told", "", `{"quantity":1,` + inYen + `}`, charge(yen, 1)},
		{"two items", "usd", `{` + sold + `},{` + sold + `}`, nil},
		{"no item", "usd", ``, nil},
		{"a fraction of a cent", "usd", `{"quantity":1,"price":{"currency":"usd","unit_amount":null,
			"unit_amount_decimal":"0.5",` + everyTwo + `}}`, nil},
		{"tiers", "usd", `{"quantity":1,"price":{"currency":"usd","unit_amount":null,"billing_scheme":"tiered",` +
			everyTwo + `}}`, nil},
		{"packages", "usd", `{"quantity":1,"price":{` + perUnit + `,"transform_quantity":{"divide_by":5},` +
			everyTwo + `}}`, nil},
		{"usage", "usd", `{"quantity":1,"price":{` + perUnit + `,"recurring":{"interval":"month","interval_count":1,
			"usage_type":"metered"}}}`, nil},
		{"a quantity that is not told", "usd", `{"price":{` + perUnit + `,` + everyTwo + `}}`, nil},
		{"a period that nobody knows", "usd", `{"quantity":1,"price":{` + perUnit + `,"recurring":{"interval":"moon",
			"interval_count":1}}}`, nil},
		{"a price that is paid once", "usd", `{"quantity":1,"price":{` + perUnit + `,"recurring":null}}`, nil},
		{"a currency that nobody knows", "usdc", `{"quantity":1,"price":{"currency":"usdc","unit_amount":5,` +
			everyTwo + `}}`, nil},
	}
	for _, c := range cases {
		g := NewWithT(t)
		s := parseItems(t, c.currency, c.items)
		g.Expect(s.Charge).To(Equal(c.want), c.reason)
		g.Expect(s.Quantity).To(BeZero(), c.reason)
	}
}

// An item's price tells what it costs in its own currency. For another one somebody else has to know it.
func TestChargeInAnotherCurrency(t *testing.T) {
	g := NewWithT(t)
	s := parseItems(t, "eur", `{`+sold+`}`)
	g.Expect(s.Charge).To(BeNil())
	g.Expect(s.Quantity).To(Equal(3))
	g.Expect(s.Currency).To(BeEquivalentTo("EUR"))
	s = parseItems(t, "usd", `{"quantity":3,"price":"price_1"}`)
	g.Expect(s.Charge).To(BeNil(), "the price's id alone is told")
	g.Expect(s.Quantity).To(Equal(3))
	g.Expect(s.Currency).To(BeEquivalentTo("USD"))
	s = parseItems(t, "usdc", `{`+sold+`}`)
	g.Expect(s.Quantity).To(BeZero(), "its currency would be taken for the price's")
}

func parseItems(t *testing.T, currency, items string) *billing.EventSubscription {
	t.Helper()
	if currency != "" {
		currency = `"currency":"` + currency + `",`
	}
	e, err := Codec{}.Parse(eventBody("customer.subscription.updated", `{"id":"sub_1","object":"subscription",
		"status":"active",`+currency+`"items":{"object":"list","data":[`+items+`],"has_more":false}}`, ""))
	if err != nil {
		t.Fatal(err)
	}
	return e.Subscription
}
