package stripe_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
)

// A price with tiers in more currencies than one request may name is made, changed and read like any other: by its id
// after a create that is repeated, and in the lists.
func TestTiersInManyCurrencies(t *testing.T) {
	g := NewWithT(t)
	s := sandbox.New(sandbox.Options{WebhookTransport: offline{}})
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	conn, err := stripe.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: "sk_" + "test_many", BaseURL: srv.URL,
		HTTP: instrument.Client(instrument.Options{Provider: billing.Stripe}),
	})
	g.Expect(err).NotTo(HaveOccurred())
	c, owner := conn.Catalog(), billing.Owner{Cluster: "c", Namespace: "n", Name: "p", UID: "u"}
	product, err := c.CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro"}, IdempotencyKey: "product",
	})
	g.Expect(err).NotTo(HaveOccurred())

	codes := strings.Fields("AED AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KRW MXN " +
		"MYR NOK NZD PHP PLN SEK SGD THB TRY ZAR")
	g.Expect(codes).To(HaveLen(32))
	for _, n := range []int{0, 1, 18, 19, 32} {
		in := provider.CreatePrice{
			Owner: owner, ProductID: product.ID, Name: "seats", LookupKey: "k", IdempotencyKey: "price" + string(rune('a'+n)),
			Spec: billing.PriceSpec{Terms: billing.PriceTerms{
				Money: billing.Money{Currency: "USD"}, Recurring: billing.Recurring{Interval: billing.Month, Count: 1},
				TaxBehavior: billing.TaxUnspecified, TierMode: billing.TiersVolume,
				Tiers: []billing.Tier{{UpTo: 10, Unit: 100}, {Unit: 200}},
			}},
		}
		for i, code := range codes[:n] {
			unit := int64(i+1) * 100
			in.Spec.Terms.Options = append(in.Spec.Terms.Options, billing.CurrencyOption{
				Money: billing.Money{Currency: billing.Currency(code)},
				Tiers: []billing.Tier{{UpTo: 10, Unit: unit}, {Unit: 2 * unit}},
			})
		}
		same := func(p billing.Price, err error) string {
			g.Expect(err).NotTo(HaveOccurred(), "%d currencies", n)
			g.Expect(p.Spec.Terms.Equal(in.Spec.Terms)).To(BeTrue(), "%d currencies: %s", n, p.Spec.Terms)
			return p.ID
		}
		before := len(s.Requests())
		id := same(c.CreatePrice(t.Context(), in))
		g.Expect(len(s.Requests())-before).To(Equal(1+n/19), "calls for %d currencies", n)
		g.Expect(same(c.CreatePrice(t.Context(), in))).To(Equal(id), "repeated")
		name := "Seats"
		patch := provider.PricePatch{Current: billing.Price{Spec: in.Spec}, DisplayName: &name}
		g.Expect(same(c.UpdatePrice(t.Context(), id, patch))).To(Equal(id))
		seen, err := c.Observe(t.Context(), owner, provider.Known{ProductID: product.ID})
		g.Expect(err).NotTo(HaveOccurred())
		for _, p := range seen.Prices {
			if p.ID == id {
				same(p, nil)
			}
		}
		g.Expect(seen.Prices).To(ContainElement(HaveField("ID", id)))
	}
}
