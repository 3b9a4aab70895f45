package records_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/records"
	"github.com/kassa-dev/kassa/internal/sandbox"
	lemonsqueezy "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

const (
	good       = "4242424242424242"
	failsLater = "4000000000000341"
	noFunds    = "4000000000009995"

	unit     = 2900 // what one costs in a month
	quantity = 2
	perMonth = unit * quantity
	onceOnly = 500

	day   = 24 * time.Hour
	month = 32 * day // into the next period, whichever month it is
)

var (
	opening = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	jane    = provider.User{ID: "42", Email: "jane@example.com"}
)

// monthly is what the subscriptions cost.
var monthly = &billing.EventCharge{Unit: usd(unit), Quantity: quantity, Interval: billing.Month, Count: 1}

func usd(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: "USD"} }

// market is a stand-in of a provider at which a Plan is sold, and whose webhooks are read as a receiver reads them. Its
// clock stands still until it is advanced, so that what one request leads to happens at one time.
type market struct {
	*WithT
	t       *testing.T
	adapter provider.Adapter
	key     string
	account records.Account
	sb      *sandbox.Sandbox
	url     string
	seller  provider.Seller
	prices  map[string]string // ids

	mu     sync.Mutex
	bodies [][]byte
}

func newMarket(t *testing.T, adapter provider.Adapter, key string) *market {
	t.Helper()
	m := &market{
		WithT: NewWithT(t), t: t, adapter: adapter, key: key, prices: map[string]string{},
		account: records.Account{Provider: adapter.Type(), ID: "acct_1"},
	}
	m.sb = sandbox.New(sandbox.Options{WebhookTransport: m, Now: func() time.Time { return opening }})
	server := httptest.NewServer(m.sb.Handler())
	t.Cleanup(server.Close)
	m.url = server.URL
	base := map[billing.Provider]string{billing.Paddle: "/paddle", billing.LemonSqueezy: "/lemonsqueezy"}[adapter.Type()]
	conn, err := adapter.Connect(provider.Config{
		Mode: billing.Test, APIKey: key, StoreID: "77", BaseURL: server.URL + base, HTTP: server.Client(),
	})
	m.Expect(err).NotTo(HaveOccurred())
	m.seller = conn.(provider.Seller)
	m.stock(conn)
	events, _ := adapter.Codec().NativeEvents(nil)
	_, err = conn.Endpoints().Create(t.Context(), provider.EndpointSpec{
		URL: "https://hooks.example.com", Events: events, Secret: "chosen-0123456789",
	})
	m.Expect(err).NotTo(HaveOccurred())
	return m
}

// stock puts the Plan into the catalogue, which at LemonSqueezy is the dashboard's work.
func (m *market) stock(conn provider.Connection) {
	m.t.Helper()
	if m.account.Provider == billing.LemonSqueezy {
		m.sb.LemonSqueezy().AddStore(lemonsqueezy.Store{ID: 77, Name: "Shop", Currency: "USD"})
		monthly, once := int64(unit), int64(onceOnly)
		every, one := "month", int64(1)
		_, ids, err := m.sb.LemonSqueezy().AddProduct(lemonsqueezy.Draft{
			StoreID: 77, Name: "Pro", Variants: []lemonsqueezy.DraftVariant{
				{Name: "Monthly", Price: lemonsqueezy.Price{UnitPrice: &monthly, IntervalUnit: &every, IntervalCount: &one}},
				{Name: "Once", Price: lemonsqueezy.Price{Category: "one_time", UnitPrice: &once}},
			},
		})
		m.Expect(err).NotTo(HaveOccurred())
		m.prices["monthly"], m.prices["once"] = id(ids[0]), id(ids[1])
		return
	}
	product, err := conn.Catalog().CreateProduct(m.t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro"}, IdempotencyKey: "product",
	})
	m.Expect(err).NotTo(HaveOccurred())
	for name, terms := range map[string]billing.PriceTerms{
		"monthly": {Money: usd(unit), Recurring: billing.Recurring{Interval: billing.Month, Count: 1}},
		"once":    {Money: usd(onceOnly)},
	} {
		terms.TaxBehavior = billing.TaxUnspecified
		price, err := conn.Catalog().CreatePrice(m.t.Context(), provider.CreatePrice{
			Owner: owner, ProductID: product.ID, Name: name, IdempotencyKey: name, Spec: billing.PriceSpec{Terms: terms},
		})
		m.Expect(err).NotTo(HaveOccurred())
		m.prices[name] = price.ID
	}
}

var owner = billing.Owner{Cluster: "c1", Namespace: "shop", Name: "pro", UID: "u1"}

// buy opens a checkout and pays it with the cards, of which the last one works.
func (m *market) buy(price string, cards ...string) {
	m.t.Helper()
	recurring, n := price == "monthly", 1
	if recurring {
		n = quantity
	}
	checkout, err := m.seller.Checkouts().Open(m.t.Context(), provider.CheckoutSpec{
		PriceID: m.prices[price], Owner: owner, Plan: "pro", Price: price, Recurring: recurring, Quantity: n,
		UserID: jane.ID, Email: jane.Email, SuccessURL: "https://app.example.com", IdempotencyKey: price,
		PageURL: "https://pay.example.com",
	})
	m.Expect(err).NotTo(HaveOccurred())
	at := checkout.URL
	if m.account.Provider == billing.Paddle {
		at = m.url + "/paddle-checkout/" + checkout.ID
	}
	for i, card := range cards {
		status := m.visit(at, url.Values{"number": {card}})
		m.Expect(status == http.StatusOK).To(Equal(i == len(cards)-1), "HTTP %d", status)
		m.wait(time.Minute)
	}
}

// visit fills in a page as a buyer does.
func (m *market) visit(at string, form url.Values) int {
	m.t.Helper()
	form.Set("exp", "12/40")
	form.Set("cvc", "123")
	form.Set("email", jane.Email)
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, at, bytes.NewBufferString(form.Encode()))
	m.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}).Do(req)
	m.Expect(err).NotTo(HaveOccurred())
	m.Expect(res.Body.Close()).To(Succeed())
	return res.StatusCode
}

// subscription is the one that jane has.
func (m *market) subscription() billing.Subscription {
	m.t.Helper()
	mine, err := m.seller.Subscriptions().List(m.t.Context(), jane)
	m.Expect(err).NotTo(HaveOccurred())
	m.Expect(mine).To(HaveLen(1))
	return mine[0]
}

func (m *market) wait(d time.Duration) { m.sb.Clock().Advance(d) }

// RoundTrip takes the webhooks.
func (m *market) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bodies = append(m.bodies, body)
	return &http.Response{
		StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(nil)), Header: http.Header{}, Request: r,
	}, nil
}

// told are the events that the webhooks told, when all of them have come.
func (m *market) told() []billing.Event {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	m.Expect(m.sb.Close(ctx)).To(Succeed())
	m.mu.Lock()
	defer m.mu.Unlock()
	var events []billing.Event
	for _, body := range m.bodies {
		e, err := m.adapter.Codec().Parse(body)
		m.Expect(err).NotTo(HaveOccurred())
		events = append(events, e)
	}
	return events
}

// rows are what the events come to: in any order, in any batches, and any of them again.
func (m *market) rows(events []billing.Event) records.Rows {
	m.t.Helper()
	want := merged(m.account, events)
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		told := append([]billing.Event{}, events...)
		for range events {
			told = append(told, events[random.IntN(len(events))])
		}
		random.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
		var all records.Rows
		for len(told) > 0 {
			n := 1 + random.IntN(len(told))
			all.Merge(merged(m.account, told[:n]))
			told = told[n:]
		}
		m.Expect(all).To(Equal(want), "seed %d", seed)
	}
	return want
}

func merged(account records.Account, events []billing.Event) records.Rows {
	var all records.Rows
	for _, e := range events {
		all.Merge(records.Of(account, &e))
	}
	return all
}
