package stripe

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func TestCheckPrice(t *testing.T) {
	every := func(i billing.Interval, n int) billing.PriceTerms {
		return billing.PriceTerms{Money: usd(2900), Recurring: billing.Recurring{Interval: i, Count: n}}
	}
	with := func(change func(*billing.PriceTerms)) billing.PriceTerms {
		t := every(billing.Month, 1)
		change(&t)
		return t
	}
	in := func(minor int64, c billing.Currency) billing.PriceTerms {
		return billing.PriceTerms{Money: billing.Money{Minor: minor, Currency: c}}
	}
	tiers := []billing.Tier{{UpTo: 10, Unit: 5}, {Unit: 4}}
	for _, c := range []struct {
		reason string
		terms  billing.PriceTerms
		want   string // empty: it is taken
	}{
		{"free", in(0, "USD"), ""},
		{"one cent", in(1, "USD"), ""},
		{"fils that end in 0", in(5120, "KWD"), ""},
		{"fils that do not", in(5124, "KWD"), "KWD is taken only with a 0 as third decimal, and 5.124 has none"},
		{"half an ariary", in(550, "MGA"), "MGA is taken only in whole units, and 5.50 is not"},
		{"a currency that is not charged", in(100, "IRR"), "IRR is no currency that can be charged in"},
		{"a million dollars", in(100_000_000, "USD"), "1000000.00 USD is more than can be charged at once"},
		{"less than nothing", in(-1, "USD"), "an amount cannot be negative"},
		{"three years in days", every(billing.Day, 1095), ""},
		{"a day more", every(billing.Day, 1096), "interval count of 1095 with the interval Day"},
		{"three years in weeks", every(billing.Week, 156), ""},
		{"a week more", every(billing.Week, 157), "interval count of 156 with the interval Week"},
		{"three years in months", every(billing.Month, 36), ""},
		{"a month more", every(billing.Month, 37), "interval count of 36 with the interval Month"},
		{"three years", every(billing.Year, 3), ""},
		{"four", every(billing.Year, 4), "interval count of 3 with the interval Year"},
		{"an interval to come", every("Fortnight", 1), `no interval "Fortnight"`},
		{"tiers", with(func(t *billing.PriceTerms) { t.TierMode, t.Tiers = billing.TiersVolume, tiers }), ""},
		{"tiers, once", with(func(t *billing.PriceTerms) {
			t.TierMode, t.Tiers, t.Recurring = billing.TiersVolume, tiers, billing.Recurring{}
		}), "a one-time price cannot have tiers"},
		{"tiers without a mode", with(func(t *billing.PriceTerms) { t.Tiers = tiers }), "together or not at all"},
		{"tiers that do not grow", with(func(t *billing.PriceTerms) {
			t.TierMode, t.Tiers = billing.TiersVolume, []billing.Tier{{UpTo: 5}, {UpTo: 5}, {}}
		}), "above the one before"},
		{"tiers that end", with(func(t *billing.PriceTerms) {
			t.TierMode, t.Tiers = billing.TiersVolume, []billing.Tier{{UpTo: 5}}
		}), "the last one has no end"},
		{"a tier that Stripe cannot charge", with(func(t *billing.PriceTerms) {
			t.Money.Currency, t.TierMode, t.Tiers = "KWD", billing.TiersVolume, []billing.Tier{{Flat: 5124}}
			t.Money.Minor = 0
		}), "third decimal, and 5.124"},
		{"usage", with(func(t *billing.PriceTerms) { t.Metered = billing.AggregateMax }), ""},
		{"usage, once", with(func(t *billing.PriceTerms) {
			t.Metered, t.Recurring = billing.AggregateSum, billing.Recurring{}
		}), "usage is billed by the period"},
		{"usage by a rule to come", with(func(t *billing.PriceTerms) { t.Metered = "Median" }), `aggregated by "Median"`},
		{"another currency", with(func(t *billing.PriceTerms) {
			t.Options = []billing.CurrencyOption{{Money: jpy(100)}}
		}), ""},
		{"its own currency twice", with(func(t *billing.PriceTerms) {
			t.Options = []billing.CurrencyOption{{Money: usd(100)}}
		}), "the currency USD is given twice"},
		{"an option that is not charged", with(func(t *billing.PriceTerms) {
			t.Options = []billing.CurrencyOption{{Money: billing.Money{Minor: 1, Currency: "VES"}}}
		}), "VES is no currency"},
		{"an option with other tiers", with(func(t *billing.PriceTerms) {
			t.TierMode, t.Tiers = billing.TiersVolume, tiers
			t.Options = []billing.CurrencyOption{{Money: jpy(0), Tiers: []billing.Tier{{UpTo: 11}, {}}}}
		}), "the tiers in JPY must end at the same quantities as those in USD"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			err := Adapter{}.CheckPrice(billing.PriceSpec{Terms: c.terms})
			conn, f := connect(t, func(sent) reply { return ok(priceJSON("price_1")) })
			_, sent := conn.Catalog().CreatePrice(t.Context(), provider.CreatePrice{
				Owner: testOwner, ProductID: "prod_1", Name: "p", IdempotencyKey: "k", Spec: billing.PriceSpec{Terms: c.terms},
			})
			if c.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(sent).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
			g.Expect(err.Error()).NotTo(ContainSubstring("Stripe"))
			g.Expect(sent).To(MatchError(ContainSubstring(c.want)), "what is refused is not sent either")
			g.Expect(provider.ClassOf(sent)).To(Equal(provider.ClassTerminal))
			g.Expect(f.requests()).To(BeEmpty())
		})
	}
}

func TestTaxCode(t *testing.T) {
	g := NewWithT(t)
	for code, want := range map[string]string{
		"": "", "saas": "txcd_10103001", "ebook": "txcd_10302000", "software": "txcd_10202003",
		"website-hosting": "txcd_10701100", "training": "txcd_20060044", "professional-services": "txcd_20060000",
		"standard": "txcd_10000000", "digital-goods": "txcd_10000000", "txcd_99999999": "txcd_99999999",
	} {
		got, err := Adapter{}.TaxCode(code)
		g.Expect(err).NotTo(HaveOccurred(), code)
		g.Expect(got).To(Equal(want))
	}
	for _, code := range []string{"SaaS", "ebooks", "txcd_", "txcd_123456789", "txcd_1234567x", " txcd_99999999"} {
		_, err := Adapter{}.TaxCode(code)
		g.Expect(err).To(MatchError(ContainSubstring("give one of digital-goods, ebook")), code)
	}
	g.Expect(taxCodes).To(HaveLen(len(billing.TaxCodes())), "each neutral code is translated")
}

// TestTaxCodeOfAProduct: Stripe gives the id, or the whole tax code where somebody expanded it; without one the
// account's preset applies, which is not the product's.
func TestTaxCodeOfAProduct(t *testing.T) {
	for field, want := range map[string]string{
		`"txcd_10103001"`: "txcd_10103001", `{"id":"txcd_10103001","object":"tax_code","name":"SaaS"}`: "txcd_10103001",
		`null`: "",
	} {
		conn, _ := connect(t, func(sent) reply {
			return ok(strings.TrimSuffix(productJSON("prod_1", testOwner), "}") + `,"tax_code":` + field + "}")
		})
		p, err := conn.Catalog().UpdateProduct(t.Context(), "prod_1", provider.ProductPatch{Active: ptr(true)})
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(p.Spec.TaxCode).To(Equal(want), field)
	}
}
