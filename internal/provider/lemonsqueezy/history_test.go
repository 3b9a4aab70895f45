package lemonsqueezy_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/sandbox"
	dashboard "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

// What was bought, is had and was paid for is told as it is now, with the same ids each time until it changes.
func TestHistory(t *testing.T) {
	g := NewWithT(t)
	sb := sandbox.New(sandbox.Options{})
	srv := httptest.NewServer(sb.Handler())
	defer srv.Close()
	sb.LemonSqueezy().AddStore(dashboard.Store{ID: storeID, Name: "Shop", Currency: "EUR"})
	_, variants, err := sb.LemonSqueezy().AddProduct(dashboard.Draft{
		StoreID: storeID, Name: "Pro", Variants: []dashboard.DraftVariant{
			{Name: "Monthly", Price: month(dashboard.Price{UnitPrice: ptr(int64(2900))})},
		},
	})
	g.Expect(err).NotTo(HaveOccurred())
	conn := dial(t, billing.Test, modes[billing.Test], srv.URL+"/lemonsqueezy")
	begin := time.Now().Add(-time.Second)
	in := purchase()
	in.PriceID, in.Currency, in.ExpiresAt = text(variants[0]), "EUR", time.Time{}
	shop := conn.(provider.Seller)
	opened, err := shop.Checkouts().Open(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	pay(g, opened.URL)

	history := conn.(provider.History)
	told := func(span provider.Span) (names, ids []string) {
		for cursor := ""; ; {
			page, err := history.Events(t.Context(), span, cursor)
			g.Expect(err).NotTo(HaveOccurred())
			for _, e := range page.Events {
				g.Expect(e.Mode).To(Equal(billing.Test))
				g.Expect(e.Customer.UserID).To(BeEmpty(), "the API does not tell custom data")
				names, ids = append(names, e.NativeType), append(ids, e.ID)
			}
			if cursor = page.Next; cursor == "" {
				return names, ids
			}
		}
	}
	bought := []string{"order_created", "subscription_created", "subscription_updated", "subscription_payment_success"}
	names, ids := told(provider.Span{From: begin})
	g.Expect(names).To(Equal(bought))
	_, again := told(provider.Span{From: begin})
	g.Expect(again).To(Equal(ids))
	g.Expect(slices.Compact(slices.Sorted(slices.Values(ids)))).To(HaveLen(len(ids)))
	_, calls := providertest.ReadHistory(t, history, provider.Span{From: begin})
	g.Expect(calls).To(Equal(3))

	before := provider.Span{From: begin.Add(-time.Hour), To: begin.Add(-time.Minute)}
	names, _ = told(before)
	g.Expect(names).To(BeEmpty())
	list, err := shop.Subscriptions().List(t.Context(), provider.User{ID: "u7", Email: "jane@example.com"})
	g.Expect(err).NotTo(HaveOccurred())
	sb.Clock().Advance(time.Hour)
	_, err = shop.Subscriptions().Cancel(t.Context(), list[0].ID, false)
	g.Expect(err).NotTo(HaveOccurred())
	names, later := told(provider.Span{From: begin.Add(30 * time.Minute)})
	g.Expect(names).To(Equal([]string{"subscription_cancelled"}))
	g.Expect(ids).NotTo(ContainElement(later[0]))
}

// A cursor of another list, or of none, is refused and not sent anywhere.
func TestHistoryCursor(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	history := dial(t, billing.Test, modes[billing.Test], srv.URL).(provider.History)
	for _, cursor := range []string{"x", "orders", "orders:", "orders:0", "orders:-1", "webhooks:1", "orders:99999"} {
		_, err := history.Events(t.Context(), provider.Span{}, cursor)
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("there is no such page")), cursor)
	}
}
