package stripe_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
)

// offline carries no webhooks: the endpoints that the suite registers are nobody's.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("offline") }

func TestConformance(t *testing.T) {
	accounts := sync.Map{} // connection → address and key
	for mode, prefix := range map[billing.Mode]string{billing.Test: "sk_" + "test_", billing.Live: "rk_" + "live_"} {
		connect := func(t *testing.T, revoked bool) provider.Connection {
			key := prefix + "conformance"
			s := sandbox.New(sandbox.Options{WebhookTransport: offline{}})
			srv := httptest.NewServer(s.Handler())
			t.Cleanup(func() {
				srv.Close()
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				_ = s.Close(ctx) // the deliveries that wait are dropped
			})
			s.Stripe().Revoke(key, revoked)
			c, err := stripe.Adapter{}.Connect(provider.Config{
				Mode: mode, APIKey: key, BaseURL: srv.URL,
				HTTP: instrument.Client(instrument.Options{Provider: billing.Stripe}),
			})
			if err != nil {
				t.Fatal(err)
			}
			accounts.Store(c, account{srv.URL, key})
			return c
		}
		t.Run(string(mode), func(t *testing.T) {
			providertest.Run(t, providertest.Fixture{
				Adapter: stripe.Adapter{}, Mode: mode, PageSize: 100,
				Connect:     func(t *testing.T) provider.Connection { return connect(t, false) },
				Refused:     func(t *testing.T) provider.Connection { return connect(t, true) },
				GoneProduct: "prod_gone", GonePrice: "price_gone",
				Seed: func(
					t *testing.T, conn provider.Connection, product billing.ProductSpec, prices ...billing.PriceSpec,
				) (string, []string) {
					at, _ := accounts.Load(conn)
					return at.(account).seed(t, product, prices)
				},
			})
		})
	}
}

type account struct{ address, key string }

// seed makes a product and prices as a person in the dashboard does.
func (a account) seed(t *testing.T, product billing.ProductSpec, prices []billing.PriceSpec) (string, []string) {
	t.Helper()
	id := a.post(t, "/v1/products", url.Values{"name": {product.Name}})
	ids := make([]string, 0, len(prices))
	for _, p := range prices {
		ids = append(ids, a.post(t, "/v1/prices", url.Values{
			"product": {id}, "currency": {"usd"}, "unit_amount": {strconv.FormatInt(p.Terms.Money.Minor, 10)},
			"recurring[interval]": {strings.ToLower(string(p.Terms.Recurring.Interval))}, "nickname": {p.DisplayName},
		}))
	}
	return id, ids
}

func (a account) post(t *testing.T, path string, form url.Values) (id string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.address+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var made struct{ ID string }
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %d: %v", path, res.StatusCode, err)
	}
	return made.ID
}
