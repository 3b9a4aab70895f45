package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

const testKey = "sk_test_sandbox1"

// world is a sandbox on a loopback address with Stripe's own client.
type world struct {
	*sandbox.Sandbox
	g   *WithT
	t   *testing.T
	url string
	api *client.API
}

func newWorld(t *testing.T, opt sandbox.Options) *world {
	t.Helper()
	sb := sandbox.New(opt)
	server := httptest.NewServer(sb.Handler())
	t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := sb.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	w := &world{Sandbox: sb, g: NewWithT(t), t: t, url: server.URL}
	w.api = w.client(testKey)
	return w
}

func (w *world) client(key string) *client.API { return clientAt(w.url, key) }

func clientAt(url, key string) *client.API {
	backend := stripego.GetBackendWithConfig(stripego.APIBackend, &stripego.BackendConfig{
		URL: stripego.String(url), MaxNetworkRetries: stripego.Int64(0), EnableTelemetry: stripego.Bool(false),
		LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull},
	})
	return client.New(key, &stripego.Backends{API: backend})
}

func (w *world) product(name string) *stripego.Product {
	w.t.Helper()
	p, err := w.api.Products.New(&stripego.ProductParams{Name: &name})
	w.g.Expect(err).NotTo(HaveOccurred())
	return p
}

func (w *world) price(product string, amount int64, change ...func(*stripego.PriceParams)) *stripego.Price {
	w.t.Helper()
	p, err := w.api.Prices.New(priceParams(product, amount, change...))
	w.g.Expect(err).NotTo(HaveOccurred())
	return p
}

func priceParams(product string, amount int64, change ...func(*stripego.PriceParams)) *stripego.PriceParams {
	in := &stripego.PriceParams{
		Product: &product, UnitAmount: &amount, Currency: stripego.String("usd"),
	}
	for _, f := range change {
		f(in)
	}
	return in
}

func monthly(in *stripego.PriceParams) {
	in.Recurring = &stripego.PriceRecurringParams{Interval: stripego.String("month")}
}

func keyed(in *stripego.PriceParams) { in.LookupKey = stripego.String("k") }

// stripeError is the typed error of a call that must fail.
func stripeError(t *testing.T, err error) *stripego.Error {
	t.Helper()
	var e *stripego.Error
	if !errors.As(err, &e) {
		t.Fatalf("want a Stripe error, got %v", err)
	}
	return e
}

// raw sends a form with the test key.
func (w *world) raw(method, path string, form url.Values, headers ...string) (int, http.Header, map[string]any) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.url+path, strings.NewReader(form.Encode()))
	w.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if req.Header.Get("Authorization") == "none" {
		req.Header.Del("Authorization")
	}
	res, err := http.DefaultClient.Do(req)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	w.g.Expect(err).NotTo(HaveOccurred())
	out := map[string]any{}
	if len(body) > 0 {
		w.g.Expect(json.Unmarshal(body, &out)).To(Succeed(), string(body))
	}
	return res.StatusCode, res.Header, out
}

func errorOf(body map[string]any) map[string]any {
	e, _ := body["error"].(map[string]any)
	return e
}

// inbox is a webhook endpoint that remembers what it got.
type inbox struct {
	*httptest.Server
	mu   sync.Mutex
	got  []delivered
	fail int // answer this many requests with status
	// status is the answer while fail is above 0.
	status int
}

type delivered struct {
	header http.Header
	body   []byte
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{status: http.StatusInternalServerError}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got = append(in.got, delivered{r.Header.Clone(), body})
		if in.fail > 0 {
			in.fail--
			w.WriteHeader(in.status)
		}
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) all() []delivered {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]delivered{}, in.got...)
}

func (in *inbox) types() []string {
	var out []string
	for _, d := range in.all() {
		var e struct{ Type string }
		_ = json.Unmarshal(d.body, &e)
		out = append(out, e.Type)
	}
	return out
}

func (w *world) eventTypes() []string {
	var out []string
	for _, e := range w.Stripe().Account(testKey).Events() {
		out = append(out, e.Type)
	}
	return out
}

var errGarbage = errors.New("the answer is no JSON")
