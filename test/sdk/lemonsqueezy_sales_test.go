package sdk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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

const (
	lemonKey   = "eyJ0" + "ZXN0"
	lemonStore = "77"
)

// till is store 77 with one checkout and the subscription 601, and notes the last request.
type till struct {
	status string // of the subscription
	got    request
}

func (s *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.got = answer(httptest.NewRecorder(), r)
	kind, id, attributes := "checkouts", "5e8b546c-c561-4a2c-a586-40c18bb2a195", `"url":"https://a.example"`
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1/subscriptions"):
		kind, id = "subscriptions", "601"
		attributes = fmt.Sprintf(`"variant_id":88,"status":%q,"first_subscription_item":{"id":5,"quantity":1}`, s.status)
		switch {
		case r.Method == http.MethodPatch && s.pauses():
			attributes = `"variant_id":88,"status":"paused"`
		case r.Method == http.MethodPatch:
			attributes = `"variant_id":89,"status":"active"`
		}
	case r.URL.Path == "/v1/orders":
		kind, id, attributes = "orders", "5", `"status":"paid"`
	case strings.HasPrefix(r.URL.Path, "/v1/subscription-invoices"):
		kind, id, attributes = "subscription-invoices", "5", `"status":"pending","subscription_id":601`
	case strings.HasPrefix(r.URL.Path, "/v1/subscription-items"):
		kind, id = "subscription-items", "5"
	}
	object := fmt.Sprintf(`{"type":%q,"id":%q,"attributes":{"store_id":77,"test_mode":true,%s}}`, kind, id, attributes)
	if strings.Count(r.URL.Path, "/") == 2 && r.Method == http.MethodGet {
		fmt.Fprintf(w, `{"data":[%s],"meta":{"page":{"currentPage":1,"lastPage":1}}}`, object)
		return
	}
	fmt.Fprintf(w, `{"data":%s}`, object)
}

// pauses says that the last request asked for a pause.
func (s *till) pauses() bool {
	text, err := json.Marshal(s.got.Body)
	return err == nil && strings.Contains(string(text), `"pause"`)
}

// Kassa opens checkouts, and reads and changes subscriptions, as LemonSqueezy's own library does.
func TestLemonSqueezySales(t *testing.T) {
	p := start(t, "lemonsqueezy")
	expires := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	checkout := map[string]any{
		"productOptions":  map[string]any{"redirectUrl": "https://a.example/done", "enabledVariants": []int{88}},
		"checkoutOptions": map[string]any{"discount": true},
		"checkoutData": map[string]any{
			"email": "jane@example.com", "custom": map[string]any{"user_id": "u7", "kassa_plan": "pro"},
			"variantQuantities": []any{map[string]any{"variantId": 88, "quantity": 2}},
		},
		"expiresAt": expires.Format(time.RFC3339), "testMode": true,
	}
	charge := func(immediately bool) map[string]any {
		return map[string]any{"variantId": 89, "invoiceImmediately": immediately, "disableProrations": !immediately}
	}
	move := provider.SubscriptionChange{PriceID: "89", Proration: billing.ProrateImmediately}
	for _, c := range []struct {
		reason, status string
		question       map[string]any
		run            func(context.Context, provider.Seller) error
	}{
		{"checkout", "", map[string]any{"ask": "sell", "variant": 88, "checkout": checkout},
			func(ctx context.Context, s provider.Seller) error {
				_, err := s.Checkouts().Open(ctx, provider.CheckoutSpec{
					PriceID: "88", Plan: "pro", Quantity: 2, UserID: "u7", Email: "jane@example.com", PromotionCodes: true,
					SuccessURL: "https://a.example/done", ExpiresAt: expires,
				})
				return err
			}},
		{"list", "active", map[string]any{
			"ask": "subscriptions", "email": "jane@example.com", "page": map[string]any{"number": 1, "size": 100},
		}, func(ctx context.Context, s provider.Seller) error {
			_, err := s.Subscriptions().List(ctx, provider.User{Email: "jane@example.com"})
			return err
		}},
		{"get", "active", map[string]any{"ask": "subscription", "id": "601"},
			func(ctx context.Context, s provider.Seller) error {
				_, err := s.Subscriptions().Get(ctx, "601")
				return err
			}},
		{"cancel", "active", map[string]any{"ask": "cancel", "id": "601"},
			func(ctx context.Context, s provider.Seller) error {
				_, err := s.Subscriptions().Cancel(ctx, "601", false)
				return err
			}},
		{"resume", "cancelled", map[string]any{"ask": "change", "id": "601", "change": map[string]any{"cancelled": false}},
			func(ctx context.Context, s provider.Seller) error {
				_, err := s.Subscriptions().Resume(ctx, "601")
				return err
			}},
		{"change at once", "active", map[string]any{"ask": "change", "id": "601", "change": charge(true)},
			func(ctx context.Context, s provider.Seller) error {
				_, err := s.Subscriptions().Change(ctx, "601", move)
				return err
			}},
		{"change for nothing", "active", map[string]any{"ask": "change", "id": "601", "change": charge(false)},
			func(ctx context.Context, s provider.Seller) error {
				free := move
				free.Proration = billing.ProrationNone
				_, err := s.Subscriptions().Change(ctx, "601", free)
				return err
			}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			sameRequest(t, p, c.status, c.question, func(ctx context.Context, conn provider.Connection) error {
				return c.run(ctx, conn.(provider.Seller))
			})
		})
	}
}

// sameRequest expects Kassa to make the request that LemonSqueezy's library makes to a question.
func sameRequest(
	t *testing.T, p *peer, status string, question map[string]any,
	run func(context.Context, provider.Connection) error,
) {
	t.Helper()
	g := NewWithT(t)
	question["key"], question["store"] = lemonKey, lemonStore
	var want request
	g.Expect(p.ask(question, &want)).To(Succeed())
	peer := &till{status: status}
	srv := httptest.NewServer(peer)
	defer srv.Close()
	conn, err := lemonsqueezy.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: lemonKey, StoreID: lemonStore, BaseURL: srv.URL, HTTP: srv.Client(),
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(run(t.Context(), conn)).To(Succeed())
	for name, value := range want.Headers {
		g.Expect(peer.got.Headers).To(HaveKeyWithValue(name, value))
	}
	peer.got.Headers, want.Headers = nil, nil
	maps.DeleteFunc(want.Query, func(_, value string) bool { return value == "" }) // asks for nothing
	g.Expect(peer.got).To(Equal(want))
}

// found is what the library makes of one object.
type found struct {
	Data struct {
		ID         string
		Attributes map[string]any
	}
}

// lemonShop is a sandbox with two variants, and LemonSqueezy's library as its customer.
type lemonShop struct {
	Gomega
	peer     *peer
	address  string
	variants []int64
}

func newLemonShop(t *testing.T) *lemonShop {
	t.Helper()
	g := NewWithT(t)
	sb := sandbox.New(sandbox.Options{})
	srv := httptest.NewServer(sb.Handler())
	t.Cleanup(srv.Close)
	shop := sb.LemonSqueezy()
	shop.AddStore(dashboard.Store{ID: 77, Name: "Shop", Currency: "EUR"})
	price := func(amount int64) dashboard.DraftVariant {
		return dashboard.DraftVariant{Name: "Monthly", Price: dashboard.Price{UnitPrice: &amount}}
	}
	_, variants, err := shop.AddProduct(dashboard.Draft{
		StoreID: 77, Name: "Pro", Variants: []dashboard.DraftVariant{price(1000), price(3000)},
	})
	g.Expect(err).NotTo(HaveOccurred())
	return &lemonShop{g, start(t, "lemonsqueezy"), srv.URL + "/lemonsqueezy", variants}
}

func (s *lemonShop) ask(into any, question map[string]any) error {
	question["key"], question["store"], question["at"] = lemonKey, lemonStore, s.address
	return s.peer.ask(question, into)
}

// pay buys what a checkout is for.
func (s *lemonShop) pay(checkout found) {
	paid, err := http.PostForm(checkout.Data.Attributes["url"].(string), url.Values{
		"number": {"4242424242424242"}, "exp": {"12/40"}, "cvc": {"123"}, "email": {"jane@example.com"},
	})
	s.Expect(err).NotTo(HaveOccurred())
	_, _ = io.Copy(io.Discard, paid.Body)
	s.Expect(paid.Body.Close()).To(Succeed())
	s.Expect(paid.StatusCode).To(Equal(http.StatusOK))
}

// LemonSqueezy's library sells at the sandbox, and reads and changes what was sold.
func TestLemonSqueezySandbox(t *testing.T) {
	g := newLemonShop(t)
	ask, variants := g.ask, g.variants

	var made, again found
	g.Expect(ask(&made, map[string]any{"ask": "sell", "variant": variants[0], "checkout": map[string]any{
		"checkoutData": map[string]any{"email": "jane@example.com", "custom": map[string]any{"user_id": "u7"}},
	}})).To(Succeed())
	g.Expect(ask(&again, map[string]any{"ask": "checkout", "id": made.Data.ID})).To(Succeed())
	g.Expect(again).To(Equal(made))
	g.Expect(made.Data.Attributes["checkout_data"]).To(HaveKeyWithValue("custom", HaveKeyWithValue("user_id", "u7")))

	g.pay(made)

	var list struct{ Data []struct{ ID string } }
	g.Expect(ask(&list, map[string]any{"ask": "subscriptions", "email": "jane@example.com", "page": map[string]any{}})).
		To(Succeed())
	g.Expect(list.Data).To(HaveLen(1))
	id := list.Data[0].ID
	sub := func(question map[string]any) map[string]any {
		question["id"] = id
		var out found
		g.Expect(ask(&out, question)).To(Succeed())
		return out.Data.Attributes
	}
	g.Expect(sub(map[string]any{"ask": "subscription"})).To(HaveKeyWithValue("status", "active"))
	g.Expect(sub(map[string]any{"ask": "change", "change": map[string]any{"variantId": variants[1]}})).
		To(HaveKeyWithValue("variant_id", float64(variants[1])))
	g.Expect(sub(map[string]any{"ask": "cancel"})).To(HaveKeyWithValue("status", "cancelled"))
	g.Expect(sub(map[string]any{"ask": "change", "change": map[string]any{"cancelled": false}})).
		To(HaveKeyWithValue("status", "active"))
	item := sub(map[string]any{"ask": "subscription"})["first_subscription_item"].(map[string]any)["id"]
	var resized found
	g.Expect(ask(&resized, map[string]any{"ask": "resize", "id": item, "change": map[string]any{"quantity": 4}})).
		To(Succeed())
	g.Expect(resized.Data.Attributes).To(HaveKeyWithValue("quantity", 4.))

	var invoices struct{ Data []json.RawMessage }
	g.Expect(ask(&invoices, map[string]any{"ask": "invoices", "id": id})).To(Succeed())
	g.Expect(invoices.Data).To(HaveLen(1))
	g.Expect(ask(&found{}, map[string]any{"ask": "subscription", "id": "1"})).To(MatchError(ContainSubstring("Not Found")))
}
