// Package dunning has subscriptions at the sandbox whose cards fail, and looks at what a real operator does about them,
// with receivers that leave events for it.
package dunning

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	lemon "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

const (
	often       = 20 * time.Millisecond
	day         = 24 * time.Hour
	failingCard = "4000000000000341" // attaches, and fails when it is charged
	goodCard    = "4242424242424242"
	email       = "jane@example.com"
)

// buyer has bought a subscription with a card that fails later.
type buyer struct {
	*stack.Stack
	t    *testing.T
	g    *WithT
	conn provider.Connection
	provider.Seller
	sub  string
	made atomic.Int64 // notices, by operators in this process
}

// sale is what differs between the providers.
type sale struct {
	name    string
	adapter provider.Adapter
	path    string                                                          // of the sandbox's URL
	key     func(*stack.Stack) string                                       // of an account of the test's own
	price   func(*buyer) string                                             // makes one that can be bought
	spec    func(s *stack.Stack, b *buyer, p *v1alpha1.PaymentProviderSpec) // of the PaymentProvider
	// failure is an event that tells of the failure of an invoice.
	failure func(id, invoice, subscription string) string
	invoice func(b *buyer) string // that is open
	pay     func(b *buyer, checkout provider.Checkout) string
	waits   []time.Duration // until the invoice has failed once, twice and so on
}

var storeOf = map[*stack.Stack]int64{}

var sales = []sale{stripeSale, paddleSale, lemonSale}

var stripeSale = sale{
	name: "stripe", adapter: stripe.Adapter{},
	key:   func(s *stack.Stack) string { return s.APIKey() },
	price: catalogPrice,
	spec: func(_ *stack.Stack, _ *buyer, p *v1alpha1.PaymentProviderSpec) {
		p.Stripe = &v1alpha1.StripeProvider{APIKeySecretRef: keyOf}
	},
	failure: func(id, invoice, subscription string) string {
		return fmt.Sprintf(`{"id":%q,"type":"invoice.payment_failed","created":%d,"livemode":false,"data":{"object":`+
			`{"id":%q,"object":"invoice","subscription":%q,"customer":"cus_1","customer_email":%q,"currency":"usd",`+
			`"status":"open","amount_due":2900,"attempt_count":1}}}`, id, time.Now().Unix(), invoice, subscription, email)
	},
	invoice: func(b *buyer) string {
		for _, e := range b.Sandbox.Stripe().Account(b.APIKey()).Events() {
			if e.Type == "invoice.payment_failed" {
				var o struct{ ID string }
				b.g.Expect(json.Unmarshal(e.Data.Object, &o)).To(Succeed())
				return o.ID
			}
		}
		return ""
	},
	pay:   func(b *buyer, c provider.Checkout) string { b.post(c.URL, failingCard, ""); return "" },
	waits: []time.Duration{32 * day, 3 * day, 5 * day},
}

var paddleSale = sale{
	name: "paddle", adapter: paddle.Adapter{}, path: "/paddle",
	key:   func(s *stack.Stack) string { return stack.Peers[1].Key(s.Namespace) },
	price: catalogPrice,
	spec: func(_ *stack.Stack, _ *buyer, p *v1alpha1.PaymentProviderSpec) {
		p.Paddle = &v1alpha1.PaddleProvider{APIKeySecretRef: keyOf}
	},
	failure: func(id, invoice, subscription string) string {
		return fmt.Sprintf(`{"event_id":%q,"event_type":"transaction.payment_failed","occurred_at":%q,"data":{"id":%q,`+
			`"status":"past_due","origin":"subscription_recurring","collection_mode":"automatic","subscription_id":%q,`+
			`"currency_code":"USD","payments":[{"status":"error"}],"details":{"totals":{"grand_total":"2900",`+
			`"currency_code":"USD"}}}}`, id, time.Now().UTC().Format(time.RFC3339), invoice, subscription)
	},
	invoice: func(b *buyer) string {
		for _, t := range b.Sandbox.Paddle().Account(stack.Peers[1].Key(b.Namespace)).Transactions() {
			if t.Status == "past_due" {
				return t.ID
			}
		}
		return ""
	},
	pay: func(b *buyer, c provider.Checkout) string {
		b.post(b.SandboxURL+"/paddle-checkout/"+c.ID, failingCard, "")
		return ""
	},
	waits: []time.Duration{32 * day, 3 * day, 5 * day},
}

var lemonSale = sale{
	name: "lemonsqueezy", adapter: lemonsqueezy.Adapter{}, path: "/lemonsqueezy",
	key: lemonKey,
	price: func(b *buyer) string {
		unit, one, amount := "month", int64(1), int64(2900)
		_, variants, err := b.Sandbox.LemonSqueezy().AddProduct(lemon.Draft{
			StoreID: storeOf[b.Stack], Name: "Pro", Variants: []lemon.DraftVariant{{
				Name: "Monthly", Price: lemon.Price{UnitPrice: &amount, IntervalUnit: &unit, IntervalCount: &one},
			}},
		})
		b.g.Expect(err).NotTo(HaveOccurred())
		return strconv.FormatInt(variants[0], 10)
	},
	spec: func(s *stack.Stack, b *buyer, p *v1alpha1.PaymentProviderSpec) {
		p.LemonSqueezy = &v1alpha1.LemonSqueezyProvider{
			APIKeySecretRef: keyOf, StoreID: strconv.FormatInt(storeOf[s], 10),
		}
	},
	failure: func(id, invoice, subscription string) string {
		return fmt.Sprintf(`{"meta":{"test_mode":true,"event_name":"subscription_payment_failed","webhook_id":%q},`+
			`"data":{"type":"subscription-invoices","id":%q,"attributes":{"subscription_id":%s,"customer_id":1,`+
			`"user_email":%q,"currency":"USD","total":2900,"status":"pending",`+
			`"updated_at":"2026-03-01T10:00:00.000000Z"}}}`, id, invoice, subscription, email)
	},
	invoice: func(b *buyer) string {
		var page struct{ Data []struct{ ID string } }
		b.read("/lemonsqueezy/v1/subscription-invoices?filter[status]=pending", lemonKey(b.Stack), &page)
		if len(page.Data) == 0 {
			return ""
		}
		return page.Data[0].ID
	},
	pay:   func(b *buyer, c provider.Checkout) string { b.post(c.URL, failingCard, ""); return "" },
	waits: []time.Duration{32 * day, 4 * day, 4 * day},
}

func lemonKey(*stack.Stack) string { return "eyJ0" + "ZXN0a2V5MTIz" }

var keyOf = v1alpha1.SecretKeyReference{Name: "key", Key: "key"}

// catalogPrice makes a monthly price where the API can.
func catalogPrice(b *buyer) string {
	owner := billing.Owner{Cluster: "c", Namespace: b.Namespace, Name: "pro", UID: "u"}
	product, err := b.conn.Catalog().CreateProduct(b.t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro"}, IdempotencyKey: "product",
	})
	b.g.Expect(err).NotTo(HaveOccurred())
	price, err := b.conn.Catalog().CreatePrice(b.t.Context(), provider.CreatePrice{
		Owner: owner, ProductID: product.ID, Name: "monthly", IdempotencyKey: "price",
		Spec: billing.PriceSpec{Terms: billing.PriceTerms{
			Money: billing.Money{Minor: 2900, Currency: "USD"}, TaxBehavior: billing.TaxUnspecified,
			Recurring: billing.Recurring{Interval: billing.Month, Count: 1},
		}},
	})
	b.g.Expect(err).NotTo(HaveOccurred())
	return price.ID
}

// buy makes a stack with a PaymentProvider and a subscription of that account.
func (x *sale) buy(t *testing.T, o stack.Options) *buyer {
	t.Helper()
	b := &buyer{Stack: stack.New(t, o), t: t, g: NewWithT(t)}
	store := ""
	if x.name == "lemonsqueezy" {
		storeOf[b.Stack] = b.Sandbox.LemonSqueezy().AddStore(lemon.Store{Name: "Shop", Currency: "USD"})
		store = strconv.FormatInt(storeOf[b.Stack], 10)
	}
	var err error
	b.conn, err = x.adapter.Connect(provider.Config{
		Mode: billing.Test, APIKey: x.key(b.Stack), BaseURL: b.SandboxURL + x.path, StoreID: store, HTTP: &http.Client{},
	})
	b.g.Expect(err).NotTo(HaveOccurred())
	b.Seller, _ = b.conn.(provider.Seller)
	price := x.price(b)
	checkout, err := b.Checkouts().Open(t.Context(), provider.CheckoutSpec{
		PriceID: price, ProductID: "1", Plan: "pro", Price: "monthly", Recurring: true, Quantity: 1, UserID: "42",
		Email: email, SuccessURL: "https://app.example.com/ok", PageURL: "https://app.example.com/pay",
		IdempotencyKey: "purchase",
	})
	b.g.Expect(err).NotTo(HaveOccurred())
	x.pay(b, checkout)
	mine, err := b.Subscriptions().List(t.Context(), provider.User{ID: "42", Email: email})
	b.g.Expect(err).NotTo(HaveOccurred())
	b.g.Expect(mine).To(HaveLen(1))
	b.sub = mine[0].ID

	pp := &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Name: "stripe"}}
	pp.Spec.Mode, pp.Spec.BaseURL = v1alpha1.ModeTest, b.SandboxURL+x.path
	pp.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 2000}
	x.spec(b.Stack, b, &pp.Spec)
	b.Create(stack.Secret("key", "key", x.key(b.Stack)), pp)
	return b
}

func (b *buyer) post(address, number, action string) {
	b.t.Helper()
	form := url.Values{
		"number": {number}, "exp": {"12/40"}, "cvc": {"123"}, "email": {email}, "action": {action},
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	b.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	b.g.Expect(err).NotTo(HaveOccurred())
	b.g.Expect(res.Body.Close()).To(Succeed())
	b.g.Expect(res.StatusCode).To(BeNumerically("<", 400))
}

func (b *buyer) read(path, key string, into any) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.SandboxURL+path, http.NoBody)
	b.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Accept", "application/vnd.api+json")
	req.Header.Set("Content-Type", "application/vnd.api+json")
	res, err := http.DefaultClient.Do(req)
	b.g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = res.Body.Close() }()
	b.g.Expect(json.NewDecoder(res.Body).Decode(into)).To(Succeed())
}

// subscription is how the provider has it now.
func (b *buyer) subscription() billing.Subscription {
	s, err := b.Subscriptions().Get(b.t.Context(), b.sub)
	b.g.Expect(err).NotTo(HaveOccurred())
	return s
}

// is says in a word what became of the subscription.
func (b *buyer) is() string {
	s := b.subscription()
	switch {
	case s.Status.Ended():
		return "ended"
	case s.Status == billing.StatusPaused || s.CollectionPaused:
		return "paused"
	case s.CancelAtPeriodEnd:
		return "ends"
	}
	return cmp.Or(string(s.Status), "unknown")
}
