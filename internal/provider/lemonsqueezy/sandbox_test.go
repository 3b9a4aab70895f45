package lemonsqueezy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/sandbox"
	dashboard "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

// A checkout that is opened for a user, and paid, becomes a subscription that is found by the buyer's email and can be
// changed. Every event of it carries the user's id.
func TestAPurchaseAndWhatComesOfIt(t *testing.T) {
	for mode, key := range modes {
		t.Run(string(mode), func(t *testing.T) {
			g := NewWithT(t)
			sb := sandbox.New(sandbox.Options{})
			srv := httptest.NewServer(sb.Handler())
			defer srv.Close()
			arrived := make(chan billing.Event, 100)
			inbox := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if e, err := (lemonsqueezy.Codec{}).Parse(body); err == nil {
					arrived <- e
				}
			}))
			defer inbox.Close()
			sb.LemonSqueezy().AddStore(dashboard.Store{ID: storeID, Name: "Shop", Currency: "EUR"})
			_, variants, err := sb.LemonSqueezy().AddProduct(dashboard.Draft{
				StoreID: storeID, Name: "Pro", Live: mode == billing.Live, Variants: []dashboard.DraftVariant{
					{Name: "Monthly", Price: month(dashboard.Price{UnitPrice: ptr(int64(2900))})},
					{Name: "Larger", Price: month(dashboard.Price{UnitPrice: ptr(int64(5900))})},
				},
			})
			g.Expect(err).NotTo(HaveOccurred())
			conn := dial(t, mode, key, srv.URL+"/lemonsqueezy")
			all, _ := lemonsqueezy.Codec{}.NativeEvents([]string{"*"})
			_, err = conn.Endpoints().Create(t.Context(), provider.EndpointSpec{
				URL: inbox.URL, Events: all, Secret: "first-0123456789",
			})
			g.Expect(err).NotTo(HaveOccurred())
			shop, user := conn.(provider.Seller), provider.User{ID: "u7", Email: "jane@example.com"}
			happened := func(n int) {
				for range n {
					select {
					case e := <-arrived:
						g.Expect(e.Customer.UserID).To(Equal("u7"), e.NativeType)
						g.Expect(e.Metadata).To(Equal(map[string]string{"user_id": "u7", "team": "blue"}))
					case <-time.After(10 * time.Second):
						t.Fatal("an event did not come")
					}
				}
			}

			in := purchase()
			in.PriceID, in.Currency, in.ExpiresAt = text(variants[0]), "EUR", time.Time{}
			opened, err := shop.Checkouts().Open(t.Context(), in)
			g.Expect(err).NotTo(HaveOccurred())
			pay(g, opened.URL)
			happened(3)

			subs := shop.Subscriptions()
			list, err := subs.List(t.Context(), user)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(list).To(HaveLen(1))
			got := list[0]
			g.Expect(got.CurrentPeriodEnd).To(BeTemporally(">", time.Now().Add(27*24*time.Hour)))
			g.Expect([]any{got.Status, got.PriceID, got.Quantity, got.Email}).To(
				Equal([]any{billing.StatusActive, text(variants[0]), 3, "jane@example.com"}))

			got, err = subs.Change(t.Context(), got.ID, provider.SubscriptionChange{
				PriceID: text(variants[1]), Quantity: 1, Proration: billing.ProrationNone,
			})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect([]any{got.PriceID, got.Quantity}).To(Equal([]any{text(variants[1]), 1}))
			happened(2)
			got, err = subs.Cancel(t.Context(), got.ID, false)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect([]any{got.Status, got.EndsAt}).To(Equal([]any{billing.StatusCanceling, got.CurrentPeriodEnd}))
			got, err = subs.Resume(t.Context(), got.ID)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.Status).To(Equal(billing.StatusActive))
			happened(4)

			link, err := subs.Portal(t.Context(), got, "")
			g.Expect(err).NotTo(HaveOccurred())
			page, err := http.Get(link)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(page.Body.Close()).To(Succeed())
			g.Expect(page.StatusCode).To(Equal(http.StatusOK))

			_, err = subs.Cancel(t.Context(), got.ID, false)
			g.Expect(err).NotTo(HaveOccurred())
			sb.Clock().Advance(32 * 24 * time.Hour)
			happened(4)
			g.Expect(subs.List(t.Context(), user)).To(BeEmpty())
			got, err = subs.Get(t.Context(), got.ID)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.Status).To(Equal(billing.StatusCanceled))
		})
	}
}

// pay pays a checkout with a good card.
func pay(g *WithT, at string) {
	form := url.Values{
		"number": {"4242424242424242"}, "exp": {"12/40"}, "cvc": {"123"}, "email": {"jane@example.com"},
	}
	req, err := http.NewRequest(http.MethodPost, at, strings.NewReader(form.Encode()))
	g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(resp.Body.Close()).To(Succeed())
	g.Expect(resp.StatusCode).To(Equal(http.StatusOK))
}
