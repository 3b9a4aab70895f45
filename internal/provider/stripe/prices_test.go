package stripe

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func TestPriceForms(t *testing.T) {
	g := NewWithT(t)
	conn, f := connect(t, func(sent) reply { return ok(priceJSON("price_1")) })
	in := provider.CreatePrice{
		Owner: testOwner, ProductID: "prod_1", Name: "yearly", LookupKey: "kassa:u1:yearly", IdempotencyKey: "key",
		Spec: billing.PriceSpec{DisplayName: "Yearly", Terms: billing.PriceTerms{
			Money: billing.Money{Minor: 500, Currency: "ISK"}, Recurring: billing.Recurring{Interval: billing.Year, Count: 2},
			TaxBehavior: billing.TaxUnspecified,
		}},
	}
	got, err := conn.Catalog().CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Spec.Terms).To(Equal(billing.PriceTerms{Money: usd(2900), TaxBehavior: billing.TaxUnspecified}))
	marked := map[string]string{
		"metadata[kassa_cluster]": "c1", "metadata[kassa_uid]": "u1", "metadata[kassa_plan]": "shop/pro",
		"metadata[kassa_price]": "yearly",
	}
	want := map[string]string{
		"product": "prod_1", "currency": "isk", "unit_amount": "50000", "recurring[interval]": "year",
		"recurring[interval_count]": "2", "tax_behavior": "unspecified", "nickname": "Yearly",
		"lookup_key": "kassa:u1:yearly", "transfer_lookup_key": "true", "expand[0]": "tiers",
		"expand[1]": "currency_options",
	}
	for k, v := range marked {
		want[k] = v
	}
	compareForm(t, f.requests()[0], want)

	_, err = conn.Catalog().UpdatePrice(t.Context(), "price_1", provider.PricePatch{
		Owner: &testOwner, Name: ptr("yearly"), Active: ptr(true), LookupKey: ptr("k"), DisplayName: ptr(""),
	})
	g.Expect(err).NotTo(HaveOccurred())
	want = map[string]string{
		"active": "true", "lookup_key": "k", "transfer_lookup_key": "true", "nickname": "", "expand[0]": "tiers",
		"expand[1]": "currency_options",
	}
	for k, v := range marked {
		want[k] = v
	}
	compareForm(t, f.requests()[1], want)

	in.Spec.Terms.Money = billing.Money{Minor: 550, Currency: "MGA"}
	_, err = conn.Catalog().CreatePrice(t.Context(), in)
	g.Expect(err).To(MatchError(ContainSubstring("whole units")))
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal))
	in.Spec.Terms = billing.PriceTerms{Money: usd(1), Recurring: billing.Recurring{Interval: "Fortnight", Count: 1}}
	_, err = conn.Catalog().CreatePrice(t.Context(), in)
	g.Expect(err).To(MatchError(ContainSubstring("no interval")))
	g.Expect(f.requests()).To(HaveLen(2), "what Stripe cannot take is not sent")
}

// TestShapeForms compares what is sent of tiers, usage and currencies with Stripe's own names.
func TestShapeForms(t *testing.T) {
	conn, f := connect(t, func(sent) reply { return ok(priceJSON("price_1")) })
	_, err := conn.Catalog().CreatePrice(t.Context(), provider.CreatePrice{
		Owner: testOwner, ProductID: "prod_1", Name: "usage", KeptKey: "pro.usage", LookupKey: "pro.usage",
		IdempotencyKey: "key", Spec: billing.PriceSpec{Terms: billing.PriceTerms{
			Money: usd(0), TierMode: billing.TiersGraduated, Metered: billing.AggregateLast,
			Tiers:     []billing.Tier{{UpTo: 10, Flat: 500}, {Unit: 5}},
			Options:   []billing.CurrencyOption{{Money: jpy(0), Tiers: []billing.Tier{{UpTo: 10, Flat: 600}, {Unit: 6}}}},
			Recurring: billing.Recurring{Interval: billing.Month, Count: 1}, TaxBehavior: billing.TaxInclusive,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	compareForm(t, f.requests()[0], map[string]string{
		"product": "prod_1", "currency": "usd", "billing_scheme": "tiered", "tiers_mode": "graduated",
		"tiers[0][up_to]": "10", "tiers[0][unit_amount]": "0", "tiers[0][flat_amount]": "500",
		"tiers[1][up_to]": "inf", "tiers[1][unit_amount]": "5", "currency_options[jpy][tax_behavior]": "inclusive",
		"currency_options[jpy][tiers][0][up_to]": "10", "currency_options[jpy][tiers][0][unit_amount]": "0",
		"currency_options[jpy][tiers][0][flat_amount]": "600", "currency_options[jpy][tiers][1][up_to]": "inf",
		"currency_options[jpy][tiers][1][unit_amount]": "6", "recurring[interval]": "month",
		"recurring[interval_count]": "1", "recurring[usage_type]": "metered",
		"recurring[aggregate_usage]": "last_during_period", "tax_behavior": "inclusive", "lookup_key": "pro.usage",
		"transfer_lookup_key": "true", "metadata[kassa_cluster]": "c1", "metadata[kassa_uid]": "u1",
		"metadata[kassa_plan]": "shop/pro", "metadata[kassa_price]": "usage", "metadata[kassa_lookup_key]": "pro.usage",
		"expand[0]": "tiers", "expand[1]": "currency_options", "expand[2]": "currency_options.jpy.tiers",
	})
}

// TestKeptKeyForms: the mark is written, kept when nothing is said about it, and removed by an empty value, which is
// not sent to a price that has none.
func TestKeptKeyForms(t *testing.T) {
	for reason, c := range map[string]struct {
		current string
		patch   *string
		sent    []string
	}{
		"new":            {"", ptr("pro"), []string{"pro"}},
		"another":        {"basic", ptr("pro"), []string{"pro"}},
		"nothing said":   {"pro", nil, []string{"pro"}},
		"removed":        {"pro", ptr(""), []string{""}},
		"none as before": {"", ptr(""), nil},
	} {
		conn, f := connect(t, func(sent) reply { return ok(priceJSON("price_1")) })
		_, err := conn.Catalog().UpdatePrice(t.Context(), "price_1", provider.PricePatch{
			Current: billing.Price{KeptKey: c.current}, Owner: &testOwner, Name: ptr("monthly"), KeptKey: c.patch,
		})
		g := NewWithT(t)
		g.Expect(err).NotTo(HaveOccurred(), reason)
		g.Expect(f.requests()[0].form["metadata[kassa_lookup_key]"]).To(Equal(c.sent), reason)
	}
}
