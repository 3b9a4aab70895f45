package page_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/checkoutserver/page"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

func TestWhatAPageIsMadeOf(t *testing.T) {
	g := NewWithT(t)
	doc := shop()
	doc.Plans[0].Prices = append(doc.Plans[0].Prices, monthly(1500))
	doc.Plans[0].Prices[2].Name, doc.Plans[0].Prices[2].DisplayName = "plus", "With support"
	root := parse(t, body(t, get(newPages(t, settings()), doc, "")))

	g.Expect(root.all("html")[0].attr("lang")).To(Equal("en"))
	g.Expect(root.all("html")[0].attr("dir")).To(Equal("ltr"))
	g.Expect(root.all("h1")).To(HaveLen(1))
	g.Expect(root.all("main")).To(HaveLen(1))
	g.Expect(root.all("script")).To(BeEmpty(), "works without JavaScript")
	ids := map[string]tree{}
	for _, e := range root.all() {
		for _, a := range e.root.Attr {
			g.Expect(a.Key).NotTo(HavePrefix("on"), "no inline handlers")
			g.Expect(a.Key).NotTo(Equal("style"), "no inline styles")
		}
		if id := e.attr("id"); id != "" {
			g.Expect(ids).NotTo(HaveKey(id))
			ids[id] = e
		}
	}
	for _, article := range root.all("article") {
		g.Expect(ids).To(HaveKey(article.attr("aria-labelledby")))
		g.Expect(article.all("h2")).To(HaveLen(1))
	}
	for _, nav := range root.all("nav") {
		g.Expect(nav.attr("aria-label")).NotTo(BeEmpty())
	}
	for _, button := range root.all("button") {
		g.Expect(button.text()).To(HavePrefix("Choose "))
		described, ok := ids[button.attr("aria-describedby")]
		g.Expect(ok).To(BeTrue())
		g.Expect(described.text()).To(ContainSubstring("$"), "says what the button's price is")
		g.Expect(described.all("button")).To(BeEmpty())
	}
	for _, in := range root.all("input") {
		g.Expect(in.attr("type")).To(Equal("hidden"), "nothing to fill in, so nothing to label")
	}
}

func TestManyCurrenciesAreAListWithALabel(t *testing.T) {
	g := NewWithT(t)
	doc := shop()
	for _, c := range []billing.Currency{"GBP", "CHF", "JPY"} {
		doc.Plans[0].Prices[0].Amounts = append(doc.Plans[0].Prices[0].Amounts, storefront.Amount{Currency: c, Minor: 900})
	}
	root := parse(t, body(t, get(newPages(t, settings()), doc, "?interval=year&currency=GBP")))
	lists := root.all("select")
	g.Expect(lists).To(HaveLen(1))
	g.Expect(root.all("label")[0].attr("for")).To(Equal(lists[0].attr("id")))
	for _, form := range root.all("form") {
		if form.attr("method") == "get" {
			g.Expect(values(form)).To(Equal(map[string]string{"interval": "year"}), "the period stays")
		}
	}
	for _, option := range lists[0].all("option") {
		chosen := false
		for _, a := range option.root.Attr {
			chosen = chosen || a.Key == "selected"
		}
		g.Expect(chosen).To(Equal(option.text() == "GBP"))
	}
}

func TestAnOfferOfEachKind(t *testing.T) {
	doc := shop()
	usage := monthly(3)
	usage.Metered = true
	without := monthly(0)
	without.Amounts = nil
	from := tiers(billing.TiersGraduated, 10, usd(500, 0), usd(400, 0))
	from.Recurring.Count = 3
	doc.Plans = append(doc.Plans,
		storefront.Plan{Name: "api", DisplayName: "API", UnitLabel: "call", Prices: []storefront.Price{usage}},
		storefront.Plan{Name: "nameless", DisplayName: "Nameless", Prices: []storefront.Price{usage}},
		storefront.Plan{Name: "bulk", DisplayName: "Bulk", UnitLabel: "seat", Prices: []storefront.Price{from}},
		storefront.Plan{Name: "old", DisplayName: "Old", Prices: []storefront.Price{without}})
	text := body(t, get(newPages(t, settings()), doc, ""))
	for plan, want := range map[string][]string{
		"Pro":      {"$29.00 per month", "14 days free", "plus tax", "Unlimited projects"},
		"Team":     {"$12.00 per seat, per month"},
		"Lifetime": {"$499.00 one-time payment", "tax included"},
		"API":      {"$0.03 per call billed by usage · per month · plus tax"},
		"Nameless": {"$0.03 per unit billed by usage · per month · plus tax"},
		"Bulk":     {"from $5.00 per seat, every 3 months"},
		"Old":      {"Priced by quantity per month"},
	} {
		for _, words := range want {
			NewWithT(t).Expect(card(t, text, plan).text()).To(ContainSubstring(words), plan)
		}
	}
}

func TestWhatIsChosen(t *testing.T) {
	p := newPages(t, settings())
	for name, c := range map[string]struct {
		query, language string
		want            string // Pro's price
		current         []string
	}{
		"by default":              {"", "", "$29 per month", []string{"Monthly", "USD"}},
		"a period":                {"?interval=year", "", "$290 per year", []string{"Yearly", "USD"}},
		"a currency":              {"?currency=eur", "", "€27 per month", []string{"Monthly", "EUR"}},
		"both":                    {"?interval=year&currency=EUR", "", "€270 per year", []string{"Yearly", "EUR"}},
		"what there is not":       {"?interval=week&currency=GBP", "", "$29 per month", []string{"Monthly", "USD"}},
		"the browser's country":   {"", "de-DE,de;q=0.9", "27 € pro Monat", []string{"Monatlich", "EUR"}},
		"the query before it":     {"?currency=USD", "de-DE", "29 $ pro Monat", []string{"Monatlich", "USD"}},
		"a language, no country":  {"", "de", "29 $ pro Monat", []string{"Monatlich", "USD"}},
		"a language that is new":  {"", "xx", "$29 per month", []string{"Monthly", "USD"}},
		"a header that is broken": {"", ";;;q=x", "$29 per month", []string{"Monthly", "USD"}},
		"a header of any length": {"", strings.Repeat("de,", 1000), "$29 per month",
			[]string{"Monthly", "USD"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			text := body(t, get(p, shop(), c.query, "Accept-Language", c.language))
			g.Expect(plain(card(t, text, "Pro").text())).To(ContainSubstring(c.want))
			var current []string
			for _, a := range parse(t, text).all("a") {
				if a.attr("aria-current") == "true" {
					current = append(current, a.text())
				}
			}
			g.Expect(current).To(Equal(c.current))
		})
	}
}

func TestTheDefaultPriceOpensThePageAndComesFirst(t *testing.T) {
	g := NewWithT(t)
	doc := shop()
	more := yearly(50000)
	more.Name = "big"
	doc.Plans[0].Prices = append(doc.Plans[0].Prices, more)
	doc.Plans[0].DefaultPrice = "big"
	text := body(t, get(newPages(t, settings()), doc, ""))
	g.Expect(card(t, text, "Pro").text()).To(ContainSubstring("per year"))
	g.Expect(values(card(t, text, "Starter").all("form")[0])).To(HaveKeyWithValue("price", "big"))
}

func TestEveryPlanIsOnThePage(t *testing.T) {
	g := NewWithT(t)
	doc := shop()
	doc.Plans[1].Prices = doc.Plans[1].Prices[:1]
	text := body(t, get(newPages(t, settings()), doc, "?interval=year"))
	g.Expect(card(t, text, "Pro").text()).To(ContainSubstring("$29 per month"), "it has no price for a year")
	g.Expect(body(t, get(newPages(t, settings()), &storefront.Document{}, ""))).To(
		ContainSubstring("Nothing can be bought at the moment."))
}

func TestDecimalsAreOnAllAmountsOrOnNone(t *testing.T) {
	g := NewWithT(t)
	doc := shop()
	doc.Plans[0].Prices[0].Amounts[0].Minor = 950
	p := newPages(t, settings())
	text := body(t, get(p, doc, ""))
	g.Expect(card(t, text, "Starter").text()).To(ContainSubstring("$9.50 "))
	g.Expect(card(t, text, "Pro").text()).To(ContainSubstring("$29.00 "))
	g.Expect(card(t, body(t, get(p, doc, "?currency=EUR")), "Pro").text()).To(ContainSubstring("€27 "))
}

func TestButtonsLeadToTheAppWhereUsersAreKnown(t *testing.T) {
	for name, c := range map[string]struct{ cancel, want string }{
		"the cancel URL":     {"https://app.example.com/pricing?from=shop", "https://app.example.com/pricing?"},
		"without one":        {"", "https://app.example.com/?"},
		"one that is a loop": {"https://pay.example.com/", "https://app.example.com/?"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := settings()
			s.Anonymous, s.CancelURL = false, c.cancel
			answer := get(newPages(t, s), shop(), "?currency=EUR")
			g.Expect(answer.Cookies()).To(BeEmpty())
			pro := card(t, body(t, answer), "Pro")
			g.Expect(pro.all("form", "button")).To(BeEmpty())
			href := pro.all("a")[0].attr("href")
			g.Expect(href).To(HavePrefix(c.want))
			u, err := url.Parse(href)
			g.Expect(err).NotTo(HaveOccurred())
			want := url.Values{"plan": {"pro"}, "price": {"monthly"}, "currency": {"EUR"}}
			if c.cancel != "" && strings.Contains(c.cancel, "from=") {
				want.Set("from", "shop")
			}
			g.Expect(u.Query()).To(Equal(want))
		})
	}
}

func TestHostileWordsStayWords(t *testing.T) {
	g := NewWithT(t)
	evil := `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.Nonce}}</style>`
	doc := shop()
	for i := range doc.Plans {
		p := &doc.Plans[i]
		p.Name, p.DisplayName, p.Description, p.UnitLabel, p.Features = evil, evil, evil, evil, []string{evil}
		p.ImageURL = "javascript:alert(1)"
		p.Prices[0].Name, p.Prices[0].DisplayName = evil, evil
	}
	doc.Plans[0].ImageURL = `https://img.example.com/a.png"onload="x`
	s := settings()
	s.Page = v1alpha1.PricingPage{Title: evil, Description: evil}
	for _, anonymous := range []bool{true, false} {
		s.Anonymous = anonymous
		root := parse(t, body(t, get(newPages(t, s), doc, "")))
		g.Expect(root.all("script")).To(BeEmpty())
		g.Expect(root.all("img")).To(HaveLen(1), "only what https has")
		for _, e := range root.all() {
			for _, a := range e.root.Attr {
				g.Expect(a.Key).NotTo(HavePrefix("on"))
			}
		}
		g.Expect(root.all("h1")[0].text()).To(Equal(evil))
		g.Expect(root.all("h2")[0].text()).To(Equal(evil))
	}
}

var nonceIn = regexp.MustCompile(`'nonce-([A-Z2-7]{26})'`)

func TestHeaders(t *testing.T) {
	g := NewWithT(t)
	doc := shop()
	doc.Providers = append(doc.Providers, storefront.Provider{Type: billing.Stripe, BaseURL: "http://sandbox:12111/x"})
	s := settings()
	s.AllowedOrigins = []string{"https://buy.example.com", "https://evil; script-src *"}
	p := newPages(t, s)
	seen := map[string]bool{}
	for range 3 {
		answer := get(p, doc, "")
		h := answer.Header
		policy := h.Get("Content-Security-Policy")
		nonce := nonceIn.FindStringSubmatch(policy)
		g.Expect(nonce).NotTo(BeNil())
		g.Expect(seen).NotTo(HaveKey(nonce[1]))
		seen[nonce[1]] = true
		g.Expect(policy).To(Equal("default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'nonce-" +
			nonce[1] + "'; img-src https:; form-action 'self' https://pay.example.com https://checkout.stripe.com " +
			"https://*.lemonsqueezy.com http://sandbox:12111 https://buy.example.com"))
		root := parse(t, body(t, answer))
		g.Expect(root.all("style")).To(HaveLen(1))
		g.Expect(root.all("style")[0].attr("nonce")).To(Equal(nonce[1]))
		g.Expect(h.Get("X-Content-Type-Options")).To(Equal("nosniff"))
		g.Expect(h.Get("Referrer-Policy")).To(Equal("strict-origin"))
		g.Expect(h.Get("Cache-Control")).To(Equal("no-store"))
		g.Expect(h.Get("Permissions-Policy")).To(ContainSubstring("payment=()"))
	}
}

func TestANewDocumentIsShownAtOnce(t *testing.T) {
	g := NewWithT(t)
	p, doc := newPages(t, settings()), shop()
	g.Expect(body(t, get(p, doc, ""))).To(ContainSubstring("$29"))
	next := shop()
	next.Plans[1].Prices[0].Amounts[0].Minor = 3100
	g.Expect(body(t, get(p, next, ""))).To(And(ContainSubstring("$31"), Not(ContainSubstring("$29"))))
}

func TestAnEndpointBelowAPath(t *testing.T) {
	g := NewWithT(t)
	s := settings()
	s.URL = "https://example.com/pay/"
	root := parse(t, body(t, get(newPages(t, s), shop(), "")))
	g.Expect(root.all("form")[0].attr("action")).To(Equal("/pay/buy"))
	g.Expect(root.all("nav")[0].all("a")[0].attr("href")).To(HavePrefix("/pay/?"))
}

func TestTestModeIsSaid(t *testing.T) {
	g := NewWithT(t)
	doc := shop()
	p := newPages(t, settings())
	g.Expect(body(t, get(p, doc, ""))).NotTo(ContainSubstring("Test mode"))
	doc = shop()
	doc.Providers[0].Mode = billing.Test
	g.Expect(body(t, get(p, doc, ""))).To(ContainSubstring("Test mode"))
}

// six plans with all that a plan may have on a page.
func six() *storefront.Document {
	doc := shop()
	doc.Plans = append(doc.Plans, doc.Plans[0], doc.Plans[1])
	for i := range doc.Plans {
		doc.Plans[i].Description = strings.Repeat("A sentence about the plan. ", 5)
		doc.Plans[i].ImageURL = "https://img.example.com/plan.png"
		for range 8 {
			doc.Plans[i].Features = append(doc.Plans[i].Features, "Something that is in the plan")
		}
		doc.Plans[i].UnitLabel = "seat"
		doc.Plans[i].Prices = append(doc.Plans[i].Prices, tiers(billing.TiersVolume, 10, usd(500, 2000), usd(400, 0),
			usd(300, 0), usd(200, 0), usd(100, 0)))
	}
	return doc
}

func TestThePageIsSmall(t *testing.T) {
	NewWithT(t).Expect(len(body(t, get(newPages(t, settings()), six(), "")))).To(BeNumerically("<=", 30_000))
}

func TestSettingsAreChecked(t *testing.T) {
	g := NewWithT(t)
	for _, change := range []func(*page.Settings){
		func(s *page.Settings) { s.URL = "pay.example.com" },
		func(s *page.Settings) { s.SuccessURL = "/done" },
		func(s *page.Settings) { s.CancelURL = "http://[" },
	} {
		s := settings()
		change(&s)
		_, err := page.New(s)
		g.Expect(err).To(HaveOccurred())
	}
}

func TestFailedSaysSoInTheBuyersLanguage(t *testing.T) {
	g := NewWithT(t)
	p := newPages(t, settings())
	w, r := record(http.MethodPost, "https://pay.example.com/buy", "")
	r.Header.Set("Accept-Language", "fr")
	p.Failed(w, r, http.StatusBadGateway)
	g.Expect(w.Code).To(Equal(http.StatusBadGateway))
	root := parse(t, w.Body.String())
	g.Expect(root.all("html")[0].attr("lang")).To(Equal("fr"))
	g.Expect(root.all("h1")[0].text()).To(Equal("Cela n’a pas fonctionné"))
	g.Expect(root.all("a")[0].attr("href")).To(Equal("/"))
}
