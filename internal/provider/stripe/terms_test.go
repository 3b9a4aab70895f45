package stripe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func jpy(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: "JPY"} }

// readOne reads a price of which the answer has these fields.
func readOne(t *testing.T, fields string) billing.PriceTerms {
	t.Helper()
	conn, _ := connect(t, func(sent) reply {
		return ok(`{"id":"r","object":"price","product":"p","currency":"usd",` + fields + `}`)
	})
	p, err := conn.Catalog().UpdatePrice(t.Context(), "r", provider.PricePatch{Active: ptr(true)})
	if err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return p.Spec.Terms
}

const (
	month    = `"recurring":{"interval":"month","interval_count":1,"usage_type":"licensed"}`
	plainEUR = `"tax_behavior":"unspecified","unit_amount":2700,"unit_amount_decimal":"2700"`
	plainUSD = `"unit_amount":2900,"unit_amount_decimal":"2900"`
)

func tiersJSON(mode string, tiers ...string) string {
	return `"billing_scheme":"tiered","tiers_mode":"` + mode + `","unit_amount":null,"unit_amount_decimal":null,` +
		month + `,"tiers":[` + strings.Join(tiers, ",") + `]`
}

func tierJSON(upTo, unit, flat any) string {
	decimal := func(v any) string {
		if v == "null" {
			return "null"
		}
		return fmt.Sprintf("%q", fmt.Sprint(v))
	}
	return fmt.Sprintf(`{"up_to":%v,"unit_amount":%v,"unit_amount_decimal":%s,"flat_amount":%v,"flat_amount_decimal":%s}`,
		upTo, unit, decimal(unit), flat, decimal(flat))
}

func euros(tiers ...string) string {
	return `,"currency_options":{"eur":{"tiers":[` + strings.Join(tiers, ",") + `]}}`
}

func meteredBy(aggregate string) string {
	return `"unit_amount":1,"recurring":{"interval":"month","usage_type":"metered","aggregate_usage":` + aggregate + `}`
}

// TestTerms reads what Stripe writes in full, such as amounts that are null and the price's own currency among the
// options.
func TestTerms(t *testing.T) {
	monthly := billing.Recurring{Interval: billing.Month, Count: 1}
	tiers := []billing.Tier{{UpTo: 10, Flat: 500}, {Unit: 5}}
	for _, c := range []struct {
		reason, fields string
		want           billing.PriceTerms
	}{
		{"no tax behaviour", plainUSD + `,"tax_behavior":null`, billing.PriceTerms{Money: usd(2900)}},
		{"only its own currency", plainUSD + `,"currency_options":{"usd":{"tax_behavior":"unspecified",` + plainUSD + `}}`,
			billing.PriceTerms{Money: usd(2900)}},
		{"currencies in another order", plainUSD + `,"currency_options":{"usd":{` + plainUSD + `},
			"jpy":{"unit_amount":3000,"unit_amount_decimal":"3000"},"eur":{` + plainEUR + `}}`,
			billing.PriceTerms{Money: usd(2900), Options: []billing.CurrencyOption{
				{Money: billing.Money{Minor: 2700, Currency: "EUR"}}, {Money: jpy(3000)},
			}}},
		{"kronur have two decimals at Stripe", plainUSD + `,"currency_options":{"isk":{"unit_amount":390000}}`,
			billing.PriceTerms{Money: usd(2900), Options: []billing.CurrencyOption{
				{Money: billing.Money{Minor: 3900, Currency: "ISK"}},
			}}},
		{"graduated", tiersJSON("graduated", tierJSON(10, 0, 500), tierJSON("null", 5, "null")),
			billing.PriceTerms{Money: usd(0), Recurring: monthly, TierMode: billing.TiersGraduated, Tiers: tiers}},
		{"volume, without amounts for each", tiersJSON("volume", tierJSON(10, "null", 500), tierJSON("null", 5, 0)),
			billing.PriceTerms{Money: usd(0), Recurring: monthly, TierMode: billing.TiersVolume, Tiers: tiers}},
		{"tiers in another currency", tiersJSON("volume", tierJSON(10, 0, 500), tierJSON("null", 5, 0)) +
			`,"currency_options":{"usd":{"unit_amount":null},"jpy":{"unit_amount":null,"tiers":[` +
			tierJSON(10, 0, 600) + `,` + tierJSON("null", 6, 0) + `]}}`,
			billing.PriceTerms{Money: usd(0), Recurring: monthly, TierMode: billing.TiersVolume, Tiers: tiers,
				Options: []billing.CurrencyOption{{Money: jpy(0), Tiers: []billing.Tier{{UpTo: 10, Flat: 600}, {Unit: 6}}}}}},
		{"usage", plainUSD + `,"recurring":{"interval":"week","interval_count":2,"usage_type":"metered",
			"aggregate_usage":"max"}`, billing.PriceTerms{Money: usd(2900), Metered: billing.AggregateMax,
			Recurring: billing.Recurring{Interval: billing.Week, Count: 2}}},
	} {
		c.want.TaxBehavior = billing.TaxUnspecified
		got := readOne(t, c.fields)
		if diff := cmp.Diff(c.want, got); diff != "" || !c.want.Equal(got) {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
	}
}

// TestTermsThatKassaCannotExpress makes sure that a price with other terms never passes for one with an amount.
func TestTermsThatKassaCannotExpress(t *testing.T) {
	two := []string{tierJSON(10, 1, 0), tierJSON("null", 1, 0)}
	for reason, fields := range map[string]string{
		"a fraction of a cent":      `"billing_scheme":"per_unit","unit_amount":null,"unit_amount_decimal":"0.5"`,
		"usage by its last ever":    meteredBy(`"last_ever"`),
		"usage of a meter":          meteredBy("null"),
		"another kind of usage":     `"unit_amount":1,"recurring":{"interval":"month","usage_type":"guessed"}`,
		"packages":                  `"unit_amount":1,"transform_quantity":{"divide_by":5,"round":"up"}`,
		"what the customer chooses": `"unit_amount":null,"custom_unit_amount":{"minimum":1}`,
		"a unit of time to come":    `"unit_amount":1,"recurring":{"interval":"decade","interval_count":1}`,
		"a scheme to come":          `"unit_amount":1,"billing_scheme":"auction"`,
		"a tax behaviour to come":   `"unit_amount":1,"tax_behavior":"sometimes"`,
		"a currency to come":        `"unit_amount":1,"currency_options":{"xyz":{"unit_amount":1}}`,
		"tiers that are not shown":  `"billing_scheme":"tiered","tiers_mode":"volume","unit_amount":null`,
		"tiers of a mode to come":   tiersJSON("bundled", two...),
		"tiers with half a cent":    tiersJSON("volume", tierJSON(10, 1, 0), `{"up_to":null,"unit_amount_decimal":"0.5"}`),
		"a flat half a cent":        tiersJSON("volume", `{"up_to":null,"unit_amount":1,"flat_amount_decimal":"0.5"}`),
		"tiers that do not grow":    tiersJSON("volume", tierJSON(10, 1, 0), tierJSON(10, 1, 0), tierJSON("null", 1, 0)),
		"tiers that end":            tiersJSON("volume", tierJSON(10, 1, 0), tierJSON(20, 1, 0)),
		"two tiers without end":     tiersJSON("volume", tierJSON("null", 1, 0), tierJSON("null", 1, 0)),
		"an option with another tax behaviour": `"unit_amount":1,"tax_behavior":"exclusive","currency_options":{"eur":` +
			`{"unit_amount":1,"tax_behavior":"inclusive"}}`,
		"an option with a fraction":   `"unit_amount":1,"currency_options":{"eur":{"unit_amount_decimal":"0.5"}}`,
		"an option that is chosen":    `"unit_amount":1,"currency_options":{"eur":{"custom_unit_amount":{"minimum":1}}}`,
		"an option with other tiers":  tiersJSON("volume", two...) + euros(tierJSON(11, 1, 0), tierJSON("null", 1, 0)),
		"an option with fewer tiers":  tiersJSON("volume", two...) + euros(tierJSON("null", 1, 0)),
		"an option whose tiers end":   tiersJSON("volume", two...) + euros(tierJSON(10, 1, 0), tierJSON(20, 1, 0)),
		"an option that is not there": `"unit_amount":1,"currency_options":{"eur":null}`,
	} {
		if got := readOne(t, fields); !cmp.Equal(got, billing.PriceTerms{}) {
			t.Errorf("%s passes for %+v", reason, got)
		}
	}
}

// TestTiersThatAreNotShown: a list cannot name each price's currencies, so the tiers of options are read by price.
func TestTiersThatAreNotShown(t *testing.T) {
	tiers := tiersJSON("volume", tierJSON(10, 1, 0), tierJSON("null", 1, 0))
	without := `{"id":"r","object":"price","product":"p","currency":"usd","metadata":` +
		asJSON(priceMarks(testOwner, "seats", "", false)) + `,` + tiers + `,"currency_options":{"usd":{},"jpy":{},"eur":{}}}`
	with := strings.ReplaceAll(without, `{},"eur":{}`,
		`{"tiers":[`+tierJSON(10, 2, 0)+`,`+tierJSON("null", 2, 0)+`]},"eur":{"tiers":[`+tierJSON(10, 3, 0)+`,`+
			tierJSON("null", 3, 0)+`]}`)
	shown := with
	conn, f := connect(t, func(s sent) reply {
		switch {
		case s.path == "/v1/prices/r":
			return ok(shown)
		case s.path == "/v1/prices" && s.form.Get("active") == "true":
			return ok(listJSON(false, without))
		default:
			return ok(listJSON(false))
		}
	})
	g := NewWithT(t)
	s, err := conn.Catalog().Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Calls).To(Equal(4), "a snapshot counts what it reads more")
	g.Expect(s.Prices[0].Spec.Terms.Options).To(Equal([]billing.CurrencyOption{
		{Money: billing.Money{Currency: "EUR"}, Tiers: []billing.Tier{{UpTo: 10, Unit: 3}, {Unit: 3}}},
		{Money: jpy(0), Tiers: []billing.Tier{{UpTo: 10, Unit: 2}, {Unit: 2}}},
	}))
	var asked []string
	for _, r := range f.requests() {
		if r.path == "/v1/prices/r" {
			for i := range 5 {
				asked = append(asked, r.form.Get(fmt.Sprintf("expand[%d]", i)))
			}
		}
	}
	g.Expect(asked).To(Equal([]string{
		"tiers", "currency_options", "currency_options.eur.tiers", "currency_options.jpy.tiers", "",
	}))

	shown = without
	_, err = conn.Catalog().Snapshot(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("without the tiers")), "it must not pass for one with other terms")
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
	shown = strings.ReplaceAll(without, "kassa_", "his_")
	s, err = conn.Catalog().Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred(), "somebody else's price hides nobody's catalogue")
	g.Expect(s.Prices[0].Spec.Terms).To(BeZero())
}

// TestCreateOfTiersThatAreNotShown: the answer to a create that was carried out is not doubted because its tiers cannot
// be read; another price under another key would be one too many.
func TestCreateOfTiersThatAreNotShown(t *testing.T) {
	created := `{"id":"r","object":"price","product":"p","currency":"usd",` +
		tiersJSON("volume", tierJSON("null", 1, 0)) + `,"currency_options":{"jpy":{}}}`
	for _, replayed := range []string{"false", "true"} {
		conn, f := connect(t, func(s sent) reply {
			if s.method == "GET" {
				return failure(500, "api_error", "")
			}
			return ok(created).with("Idempotent-Replayed", replayed)
		})
		g := NewWithT(t)
		_, err := conn.Catalog().CreatePrice(t.Context(), createPrice())
		g.Expect(err).To(HaveOccurred())
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
		g.Expect(keysOf(f)).To(Equal([]string{"k"}), "replayed: "+replayed)
	}
}
