package contract_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/test/contract"
)

// bench judges what the adapter sends to sandboxes: stripe-mock must accept each request that a sandbox accepts, and
// each answer must validate.
type bench struct {
	peer    http.Handler
	schemas *contract.Schemas

	mu   sync.Mutex
	sent map[string]bool // method and path, ids left out
}

func newBench(t *testing.T) *bench {
	t.Helper()
	peer, err := contract.StripeMock()
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := contract.StripeSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return &bench{peer: peer, schemas: schemas, sent: map[string]bool{}}
}

var id = regexp.MustCompile(`/(kassa|price|prod|we)_[^/]+$`)

// connect opens an account of a new sandbox.
func (b *bench) connect(t *testing.T, revoked bool) provider.Connection {
	t.Helper()
	sb := sandbox.New(sandbox.Options{})
	sb.Stripe().Revoke(key, revoked)
	server := httptest.NewServer(b.judge(t, sb.Handler()))
	t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = sb.Close(ctx) // webhooks that wait are nobody's
	})
	conn, err := stripe.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: key, BaseURL: server.URL,
		HTTP: instrument.Client(instrument.Options{Provider: billing.Stripe}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (b *bench) judge(t *testing.T, sandbox http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		again := func() *http.Request {
			c := r.Clone(r.Context())
			c.Body = io.NopCloser(bytes.NewReader(body))
			return c
		}
		answer := httptest.NewRecorder()
		sandbox.ServeHTTP(answer, again())
		if err := b.schemas.Response(r.Method, r.URL.Path, answer.Code, answer.Body.Bytes()); err != nil {
			t.Errorf("%s %s: the answer is not Stripe's:\n%v\n%s", r.Method, r.URL.Path, err, answer.Body)
		}
		if answer.Code < http.StatusBadRequest {
			b.mu.Lock()
			b.sent[r.Method+" "+id.ReplaceAllString(r.URL.Path, "/{id}")] = true
			b.mu.Unlock()
			mirror := &contract.Mirror{Peer: b.peer, Next: http.NotFoundHandler()}
			mirror.ServeHTTP(httptest.NewRecorder(), again())
			for _, refusal := range mirror.Refusals() {
				t.Errorf("the sandbox accepts what stripe-mock refuses: %v", refusal)
			}
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// Every request that the adapter makes in the conformance suite, and for Plans through the executor, is one of these
// and is accepted by stripe-mock. A new kind of request has to be added here once something exercises it.
var requests = []string{
	"DELETE /v1/webhook_endpoints/{id}",
	"GET /v1/account",
	"GET /v1/balance",

	"GET /v1/prices",
	"GET /v1/prices/{id}",
	"GET /v1/products",
	"GET /v1/products/{id}",
	"GET /v1/webhook_endpoints",
	"POST /v1/prices",
	"POST /v1/prices/{id}",
	"POST /v1/products",
	"POST /v1/products/{id}",
	"POST /v1/webhook_endpoints",
	"POST /v1/webhook_endpoints/{id}",
}

func TestEveryRequestOfTheAdapterIsStripes(t *testing.T) {
	b := newBench(t)
	t.Run("conformance", func(t *testing.T) {
		providertest.Run(t, providertest.Fixture{
			Adapter: stripe.Adapter{}, Mode: billing.Test, PageSize: 100,
			Connect: func(t *testing.T) provider.Connection { return b.connect(t, false) },
			Refused: func(t *testing.T) provider.Connection { return b.connect(t, true) },
		})
	})
	t.Run("life of a plan", func(t *testing.T) { lifeOfAPlan(t, b.connect(t, false)) })
	if diff := cmp.Diff(requests, slices.Sorted(maps.Keys(b.sent))); diff != "" {
		t.Errorf("the requests are others than those listed (-listed +sent):\n%s", diff)
	}
}

// lifeOfAPlan sends what production sends: each step converges from what is there to what a Plan says.
func lifeOfAPlan(t *testing.T, conn provider.Connection) {
	owner := billing.Owner{Cluster: "cluster-1", Namespace: "shop", Name: "pro", UID: "uid-1"}
	executor := catalog.NewExecutor(conn.Catalog(), stripe.Adapter{}.Traits(), nil)
	plan := billing.Plan{
		Owner: owner,
		Product: billing.ProductSpec{
			Name: "Pro", Description: "All of it", Features: []string{"Fast", "Safe"}, UnitLabel: "seat",
			ImageURLs: []string{"https://example.com/a.png"}, Metadata: map[string]string{"team": "growth", "gone": "soon"},
		},
		Default: "monthly",
		Prices: []billing.DesiredPrice{
			desired(t, "monthly", "29.00", "USD", billing.Recurring{Interval: billing.Month, Count: 1}),
			desired(t, "quarterly", "8000", "JPY", billing.Recurring{Interval: billing.Month, Count: 3}),
			desired(t, "weekly", "9.990", "KWD", billing.Recurring{Interval: billing.Week, Count: 2}),
			desired(t, "daily", "500", "ISK", billing.Recurring{Interval: billing.Day, Count: 30}),
			desired(t, "yearly", "290.00", "EUR", billing.Recurring{Interval: billing.Year, Count: 1}),
			desired(t, "lifetime", "0", "USD", billing.Recurring{}),
		},
	}
	for _, step := range []struct {
		name   string
		change func()
	}{
		{"create", func() {}},
		{"change an amount", func() {
			plan.Prices[0] = desired(t, "monthly", "39.00", "USD", billing.Recurring{Interval: billing.Month, Count: 1})
		}},
		{"back to the amount before", func() {
			plan.Prices[0] = desired(t, "monthly", "29.00", "USD", billing.Recurring{Interval: billing.Month, Count: 1})
		}},
		{"another default", func() { plan.Default = "yearly" }},
		{"other texts", func() {
			plan.Product.Name, plan.Product.Description, plan.Product.UnitLabel = "Pro 2", "", ""
			plan.Product.Features, plan.Product.ImageURLs = nil, nil
			plan.Product.Metadata = map[string]string{"team": "sales"}
			plan.Prices[1].Spec.DisplayName = "Every quarter"
		}},
		{"tax behaviour", func() { plan.Prices[2].Spec.Terms.TaxBehavior = billing.TaxInclusive }},
		{"a price less", func() { plan.Prices = plan.Prices[:4]; plan.Default = "monthly" }},
		{"no default", func() { plan.Default = "" }},
	} {
		step.change()
		have, err := conn.Catalog().Observe(t.Context(), owner, provider.Known{})
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if _, err := executor.Converge(t.Context(), plan, have); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	have, err := conn.Catalog().Observe(t.Context(), owner, provider.Known{})
	if err != nil {
		t.Fatal(err)
	}
	if have, err = executor.Retire(t.Context(), owner, have); err != nil {
		t.Fatal(err)
	}
	if have.Product.Active {
		t.Error("the product can still be bought")
	}
}

func desired(t *testing.T, name, amount, currency string, every billing.Recurring) billing.DesiredPrice {
	t.Helper()
	money, err := billing.ParseMoney(amount, currency)
	if err != nil {
		t.Fatal(err)
	}
	return billing.DesiredPrice{Name: name, Spec: billing.PriceSpec{
		DisplayName: name,
		Terms:       billing.PriceTerms{Money: money, Recurring: every, TaxBehavior: billing.TaxUnspecified},
	}}
}
