package page_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/net/html"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/checkoutserver/page"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

func settings() page.Settings {
	return page.Settings{
		URL: "https://pay.example.com", SuccessURL: "https://app.example.com/done?session={SESSION_ID}", Anonymous: true,
		Page:     v1alpha1.PricingPage{Description: "Start small. Change plans whenever you like."},
		Redirect: func(string) (string, error) { return "", errors.New("nothing else is allowed") },
	}
}

func newPages(t testing.TB, s page.Settings) *page.Pages {
	t.Helper()
	p, err := page.New(s)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return p
}

func monthly(minor int64, more ...storefront.Amount) storefront.Price {
	return storefront.Price{Name: "monthly", Currency: "USD", Tax: billing.TaxExclusive,
		Amounts:   append([]storefront.Amount{{Currency: "USD", Minor: minor}}, more...),
		Recurring: &storefront.Recurring{Interval: billing.Month, Count: 1}}
}

func yearly(minor int64, more ...storefront.Amount) storefront.Price {
	p := monthly(minor, more...)
	p.Name, p.Recurring = "yearly", &storefront.Recurring{Interval: billing.Year, Count: 1}
	return p
}

func eur(minor int64) storefront.Amount { return storefront.Amount{Currency: "EUR", Minor: minor} }

// shop sells three plans for months and years in two currencies, and one for once.
func shop() *storefront.Document {
	pro := monthly(2900, eur(2700))
	pro.Trial = &storefront.Trial{Days: 14}
	team := monthly(1200, eur(1100))
	return &storefront.Document{
		Providers: []storefront.Provider{
			{Namespace: "shop", Name: "stripe", Type: billing.Stripe, Mode: billing.Live, Weight: 1, Ready: true},
			{Namespace: "shop", Name: "lemon", Type: billing.LemonSqueezy, Mode: billing.Live, Weight: 1, Ready: true},
		},
		Plans: []storefront.Plan{
			{Name: "starter", DisplayName: "Starter", Description: "For a first project of your own.", DefaultPrice: "monthly",
				Features: []string{"One project", "Community support"},
				Prices:   []storefront.Price{monthly(900, eur(800)), yearly(9000, eur(8000))}},
			{Name: "pro", DisplayName: "Pro", Description: "For people who build every day.",
				Features: []string{"Unlimited projects", "Daily backups", "Support within a day", "Custom domains"},
				Prices:   []storefront.Price{pro, yearly(29000, eur(27000))}},
			{Name: "team", DisplayName: "Team", Description: "For teams that build together.", UnitLabel: "seat",
				Features: []string{"Everything in Pro", "Roles and single sign-on", "Audit log"},
				Prices:   []storefront.Price{team, yearly(12000, eur(11000))}},
			{Name: "lifetime", DisplayName: "Lifetime", Description: "Pay once, keep it.",
				Features: []string{"Everything in Pro", "All later versions"},
				Prices: []storefront.Price{{Name: "once", Currency: "USD", Tax: billing.TaxInclusive,
					Amounts: []storefront.Amount{{Currency: "USD", Minor: 49900}, eur(46900)}}}},
		},
	}
}

// get asks for the pricing page.
func get(p *page.Pages, doc *storefront.Document, query string, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "https://pay.example.com/"+query, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.Pricing(doc, w, r)
	return w.Result()
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return string(b)
}

// tree is a parsed page.
type tree struct{ root *html.Node }

func parse(t testing.TB, text string) tree {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return tree{root}
}

// all finds the elements with one of the names, or all of them.
func (t tree) all(names ...string) []tree {
	var found []tree
	for n := range t.root.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			found = append(found, tree{n})
		}
	}
	return found
}

func (t tree) attr(name string) string {
	for _, a := range t.root.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func (t tree) text() string {
	var b strings.Builder
	for n := range t.root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == ' ' || r == '\n' }), " ")
}

// plain has ordinary spaces, for comparisons that are not about them.
func plain(s string) string { return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s) }

// card is the plan's article.
func card(t testing.TB, page, name string) tree {
	t.Helper()
	for _, a := range parse(t, page).all("article") {
		if a.all("h2")[0].text() == name {
			return a
		}
	}
	t.Fatalf("no plan %q on the page", name)
	return tree{}
}

func values(form tree) map[string]string {
	out := map[string]string{}
	for _, in := range form.all("input") {
		out[in.attr("name")] = in.attr("value")
	}
	return out
}
