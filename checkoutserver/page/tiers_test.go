package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/checkoutserver/page"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

func usd(unit, flat int64) storefront.TierAmount {
	return storefront.TierAmount{Currency: "USD", Unit: unit, Flat: flat}
}

// tiers is a price for a month whose tiers end at the quantity, at ten times that, and so on.
func tiers(mode billing.TierMode, upTo int64, each ...storefront.TierAmount) storefront.Price {
	p := monthly(0)
	p.Name, p.Amounts, p.Tiers = "tiers", nil, &storefront.Tiers{Mode: mode}
	for i, amount := range each {
		tier := storefront.Tier{UpTo: upTo, Amounts: []storefront.TierAmount{amount}}
		if i == len(each)-1 {
			tier.UpTo = 0
		}
		p.Tiers.Tiers = append(p.Tiers.Tiers, tier)
		upTo *= 10
	}
	return p
}

// also adds a currency to a price with tiers.
func also(p storefront.Price, currency billing.Currency, each ...storefront.TierAmount) storefront.Price {
	for i, amount := range each {
		amount.Currency = currency
		p.Tiers.Tiers[i].Amounts = append(p.Tiers.Tiers[i].Amounts, amount)
	}
	return p
}

func selling(unit string, p storefront.Price) *storefront.Document {
	return &storefront.Document{Plans: []storefront.Plan{
		{Name: "bulk", DisplayName: "Bulk", UnitLabel: unit, Prices: []storefront.Price{p}},
	}}
}

// rows are the table's, and the sentence below it.
func rows(t *testing.T, from tree) []string {
	t.Helper()
	var out []string
	for _, details := range from.all("details") {
		for _, r := range details.all("tr") {
			NewWithT(t).Expect(r.all("th")[0].attr("scope")).To(Equal("row"))
			out = append(out, plain(r.all("th")[0].text()+": "+r.all("td")[0].text()))
		}
		for _, p := range details.all("p") {
			out = append(out, p.text())
		}
	}
	return out
}

const (
	graduated = "Each unit is charged at the price of its own range."
	volume    = "All units are charged at the price of the range that the quantity falls into."
)

func TestTiers(t *testing.T) {
	usage := tiers(billing.TiersGraduated, 1000, usd(0, 0), usd(2, 0))
	usage.Metered = true
	base := tiers(billing.TiersGraduated, 10, usd(500, 2000), usd(400, 0))
	metered := tiers(billing.TiersGraduated, 10, usd(500, 2000), usd(400, 0))
	metered.Metered = true
	once := tiers(billing.TiersVolume, 1, usd(900, 0), usd(800, 0))
	once.Recurring = nil
	for name, c := range map[string]struct {
		unit string
		of   storefront.Price
		want string
		rows []string
	}{
		"graduated": {"seat", tiers(billing.TiersGraduated, 10, usd(550, 0), usd(400, 0), usd(300, 0)),
			"from $5.50 per seat, per month",
			[]string{"1–10: $5.50 per seat", "11–100: $4.00 per seat", "101 or more: $3.00 per seat", graduated}},
		"volume, once": {"copy", once, "from $9 per copy, one-time payment",
			[]string{"1: $9 per copy", "2 or more: $8 per copy", volume}},
		"units without a name": {"", tiers(billing.TiersVolume, 1000, usd(500, 0), usd(400, 0)),
			"from $5 per unit, per month", []string{"1–1,000: $5 per unit", "1,001 or more: $4 per unit", volume}},
		"flat amounts": {"seat", tiers(billing.TiersVolume, 10, usd(0, 5000), usd(0, 9000)), "from $50 per month",
			[]string{"1–10: $50 flat", "11 or more: $90 flat", volume}},
		"flat amounts and units": {"seat", base, "from $25 per month",
			[]string{"1–10: $20 flat + $5 per seat", "11 or more: $4 per seat", graduated}},
		"usage with a flat amount": {"call", metered, "from $20 per month billed by usage · plus tax",
			[]string{"1–10: $20 flat + $5 per call", "11 or more: $4 per call", graduated}},
		"usage that begins free": {"call", usage, "from $0.00 per call billed by usage · per month · plus tax",
			[]string{"1–1,000: $0.00 per call", "1,001 or more: $0.02 per call", graduated}},
		"one tier":       {"seat", tiers(billing.TiersVolume, 0, usd(500, 0)), "$5 per seat, per month", nil},
		"one tier, flat": {"seat", tiers(billing.TiersVolume, 0, usd(0, 500)), "$5 per month", nil},
		"one tier, flat with units": {"seat", tiers(billing.TiersVolume, 0, usd(1, 500)), "from $5.01 per month",
			[]string{"1 or more: $5.00 flat + $0.01 per seat"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			bulk := card(t, body(t, get(newPages(t, settings()), selling(c.unit, c.of), "")), "Bulk")
			g.Expect(bulk.text()).To(ContainSubstring(" " + c.want + " "))
			g.Expect(strings.Contains(bulk.text(), "from")).To(Equal(strings.HasPrefix(c.want, "from")))
			g.Expect(rows(t, bulk)).To(Equal(c.rows))
			for _, details := range bulk.all("details") {
				g.Expect(details.all("summary")[0].text()).To(Equal("Priced by quantity"))
			}
		})
	}
}

func TestTiersInEveryCurrency(t *testing.T) {
	g := NewWithT(t)
	p := tiers(billing.TiersGraduated, 10, usd(500, 0), usd(400, 1000))
	p = also(p, "JPY", storefront.TierAmount{Unit: 750}, storefront.TierAmount{Unit: 600, Flat: 1500})
	p = also(p, "KWD", storefront.TierAmount{Unit: 1500}, storefront.TierAmount{Unit: 1234})
	doc, pages := selling("seat", p), newPages(t, settings())
	for query, want := range map[string][]string{
		"":              {"from $5", "1–10: $5 per seat", "11 or more: $10 flat + $4 per seat"},
		"?currency=JPY": {"from ¥750", "1–10: ¥750 per seat", "11 or more: ¥1,500 flat + ¥600 per seat"},
		"?currency=KWD": {"from KWD 1.500", "1–10: KWD 1.500 per seat", "11 or more: KWD 1.234 per seat"},
		"?currency=EUR": {"from $5", "1–10: $5 per seat", "11 or more: $10 flat + $4 per seat"},
	} {
		text := body(t, get(pages, doc, query))
		bulk := card(t, text, "Bulk")
		g.Expect(plain(bulk.text())).To(ContainSubstring(want[0]))
		g.Expect(rows(t, bulk)).To(Equal(append(want[1:], graduated)))
		currency, named := strings.CutPrefix(query, "?currency=")
		if !named || currency == "EUR" {
			currency = "USD"
		}
		g.Expect(values(bulk.all("form")[0])).To(HaveKeyWithValue("currency", currency))
		g.Expect(parse(t, text).all("nav")[0].text()).To(Equal("USD JPY KWD"))
	}
	german := card(t, body(t, get(pages, doc, "?currency=KWD", "Accept-Language", "de")), "Bulk")
	g.Expect(rows(t, german)).To(Equal([]string{
		"1–10: 1,500 KWD pro seat", "ab 11: 1,234 KWD pro seat", "Jede Einheit kostet, was in ihrer eigenen Stufe steht.",
	}))
}

// Decimals that a tier needs are on all amounts of the page.
func TestTiersCountForDecimals(t *testing.T) {
	g := NewWithT(t)
	doc := shop()
	doc.Plans[0].Prices = append(doc.Plans[0].Prices, tiers(billing.TiersVolume, 10, usd(500, 0), usd(450, 0)))
	text := body(t, get(newPages(t, settings()), doc, ""))
	g.Expect(card(t, text, "Pro").text()).To(ContainSubstring("$29.00 "))
	starter := card(t, text, "Starter")
	g.Expect(starter.all("details")).To(HaveLen(1), "of the one price that has tiers")
	g.Expect(starter.text()).To(ContainSubstring("from $5.00 per unit, per month"))
}

func TestATieredPriceIsBoughtInAllItsCurrencies(t *testing.T) {
	g := NewWithT(t)
	doc := selling("seat", also(tiers(billing.TiersVolume, 10, usd(500, 0)), "EUR", usd(450, 0)))
	pages := newPages(t, settings())
	answer := get(pages, doc, "?currency=EUR")
	form := url.Values{}
	for name, value := range values(card(t, body(t, answer), "Bulk").all("form")[0]) {
		form.Set(name, value)
	}
	buy := func() (page.Purchase, error) {
		w, r := record(http.MethodPost, "https://pay.example.com/buy", form.Encode())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.AddCookie(answer.Cookies()[0])
		return pages.Buy(doc, w, r)
	}
	g.Expect(buy()).To(Equal(page.Purchase{Plan: "bulk", Price: "tiers", Currency: "EUR"}))
	form.Set("currency", "JPY")
	_, err := buy()
	g.Expect(err).To(MatchError(page.ErrNotSold))
}

// A document of an operator that told no tiers, or empty ones, is shown without amounts.
func TestTiersThatAreNotTold(t *testing.T) {
	g := NewWithT(t)
	p := tiers(billing.TiersVolume, 10, usd(500, 0), usd(400, 0))
	p.Tiers.Tiers[1].Amounts = nil
	bulk := card(t, body(t, get(newPages(t, settings()), selling("seat", p), "")), "Bulk")
	g.Expect(bulk.text()).To(ContainSubstring("Priced by quantity per seat, per month"))
	g.Expect(bulk.all("details")).To(BeEmpty())
}
