package paddle

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

// What a period costs is told where one item recurs, in its price's own currency, and no country has another amount in
// that.
func TestCharge(t *testing.T) {
	seats := func(quantity, unit, elsewhere, cycle string) string {
		return fmt.Sprintf(`{"status":"active","quantity":%s,"recurring":true,"price":{"id":"pri_1","unit_price":%s,`+
			`"unit_price_overrides":%s,"billing_cycle":%s}}`, quantity, unit, elsewhere, cycle)
	}
	const dollars, quarterly = `{"amount":"2900","currency_code":"USD"}`, `{"interval":"month","frequency":3}`
	override := func(currency string) string {
		return `[{"country_codes":["DE","US"],"unit_price":{"amount":"1","currency_code":"` + currency + `"}}]`
	}
	charge := func(unit billing.Money, quantity int) *billing.EventCharge {
		return &billing.EventCharge{Unit: unit, Quantity: quantity, Interval: billing.Month, Count: 3}
	}
	one := seats("10", dollars, "[]", quarterly)
	cases := []struct {
		reason, currency, items string
		want                    *billing.EventCharge
	}{
		{"seats", "USD", one, charge(usd(2900), 10)},
		{"beside what was bought once", "USD", oneTimeItem + "," + one, charge(usd(2900), 10)},
		{"a currency without decimals", "JPY", seats("1", `{"amount":"500","currency_code":"JPY"}`, "[]", quarterly),
			charge(billing.Money{Minor: 500, Currency: "JPY"}, 1)},
		{"for nothing", "USD", seats("1", `{"amount":"0","currency_code":"USD"}`, "[]", quarterly), charge(usd(0), 1)},
		{"another amount for countries of another currency", "USD", seats("1", dollars, override("EUR"), quarterly),
			charge(usd(2900), 1)},
		{"another amount for some country", "USD", seats("1", dollars, override("USD"), quarterly), nil},
		{"a buyer with another currency", "EUR", seats("1", dollars, override("EUR"), quarterly), nil},
		{"a currency that is not told", "", one, nil},
		{"two items", "USD", one + "," + one, nil},
		{"no item", "USD", "", nil},
		{"nothing that recurs", "USD", oneTimeItem, nil},
		{"no quantity", "USD", seats("null", dollars, "[]", quarterly), nil},
		{"an amount of tomorrow", "USD", seats("1", `{"amount":"29.00","currency_code":"USD"}`, "[]", quarterly), nil},
		{"a currency of tomorrow", "XXX", seats("1", `{"amount":"1","currency_code":"XXX"}`, "[]", quarterly), nil},
		{"a period of tomorrow", "USD", seats("1", dollars, "[]", `{"interval":"moon","frequency":1}`), nil},
		{"a period of no length", "USD", seats("1", dollars, "[]", `{"interval":"month","frequency":0}`), nil},
	}
	for _, c := range cases {
		g := NewWithT(t)
		e, err := Codec{}.Parse(eventBody("subscription.updated", fmt.Sprintf(
			`{"id":"sub_1","status":"active","items":[%s],"currency_code":%q}`, c.items, c.currency)))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.Subscription.Charge).To(Equal(c.want), c.reason)
	}
}
