package stripe

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func TestCheckKey(t *testing.T) {
	live := "sk_" + "live_abc"
	cases := []struct {
		reason, key string
		mode        billing.Mode
		want        string // in the error; "" when the key is fine
	}{
		{"a secret key", "sk_test_abc", billing.Test, ""},
		{"a restricted key", "rk_test_abc", billing.Test, ""},
		{"a live key", live, billing.Live, ""},
		{"a restricted live key", "rk" + live[2:], billing.Live, ""},
		{"live where test is meant", live, billing.Test, "live mode key, but mode is Test"},
		{"test where live is meant", "sk_test_abc", billing.Live, "test mode key, but mode is Live"},
		{"nothing", "", billing.Test, "empty"},
		{"a publishable key", "pk_test_abc", billing.Test, "publishable"},
		{"a signing secret", "whsec_abc", billing.Test, "signing secret"},
		{"echo adds a newline", "sk_test_abc\n", billing.Test, "white space"},
		{"a space inside", "sk_test_a bc", billing.Test, "white space"},
		{"quotes of a word processor", "“sk_test_abc”", billing.Test, "characters that no Stripe key has"},
		{"only a prefix", "sk_test_", billing.Test, "no Stripe API key"},
		{"another mode", "sk_prod_abc", billing.Test, "no Stripe API key"},
		{"another provider's", "pdl_sdbx_apikey_abc", billing.Test, "no Stripe API key"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			err := Adapter{}.CheckKey(c.key, c.mode)
			if c.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
			g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassCredentials))
			g.Expect(errors.Is(err, provider.ErrModeMismatch)).To(Equal(strings.Contains(c.want, "mode key")))
			g.Expect(err.Error()).NotTo(ContainSubstring("abc"))
			_, err = Adapter{}.Connect(provider.Config{Mode: c.mode, APIKey: c.key, HTTP: http.DefaultClient})
			g.Expect(err).To(HaveOccurred())
		})
	}
}

func TestConnectRefusesConfig(t *testing.T) {
	g := NewWithT(t)
	cfg := provider.Config{Mode: billing.Test, APIKey: testKey}
	_, err := Adapter{}.Connect(cfg)
	g.Expect(err).To(MatchError(ContainSubstring("no HTTP client")))
	cfg.HTTP = http.DefaultClient
	for _, base := range []string{"localhost:12111", "ftp://x", "https://", "://"} {
		cfg.BaseURL = base
		_, err = Adapter{}.Connect(cfg)
		g.Expect(err).To(MatchError(ContainSubstring("absolute")), base)
	}
}

func TestAccount(t *testing.T) {
	const account = `{"id":"acct_1","object":"account","default_currency":"eur",
		"settings":{"dashboard":{"display_name":"Shop"}}}`
	cases := []struct {
		reason            string
		products, balance reply
		want              billing.Mode
		calls             int
	}{
		{"a product tells the mode", ok(listJSON(false, productJSON("p", testOwner))), reply{}, billing.Test, 2},
		{"an account without products", ok(listJSON(false)), ok(`{"object":"balance","livemode":true}`), billing.Live, 3},
		{"a key that may not read the balance", ok(listJSON(false)), failure(403, "invalid_request_error", ""),
			billing.Test, 3},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			conn, f := connect(t, func(s sent) reply {
				return map[string]reply{
					"/v1/account": ok(account), "/v1/products": c.products, "/v1/balance": c.balance,
				}[s.path]
			})
			got, err := conn.Account(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(billing.Account{ID: "acct_1", Name: "Shop", Mode: c.want, DefaultCurrency: "EUR"}))
			g.Expect(f.requests()).To(HaveLen(c.calls))
		})
	}
}

func TestErrors(t *testing.T) {
	secret := "sk_" + "live_" + "hunter2"
	cases := []struct {
		reason string
		reply  reply
		want   provider.Class
		retry  time.Duration
	}{
		{"a wrong key, a part of which Stripe echoes", reply{status: 401, body: `{"error":{"type":"invalid_request_error",` +
			`"message":"Invalid API Key provided: ` + secret + `"}}`}, provider.ClassCredentials, 0},
		{"an expired key", failure(401, "invalid_request_error", "api_key_expired"), provider.ClassCredentials, 0},
		{"a key without this permission", failure(403, "invalid_request_error", ""), provider.ClassCredentials, 0},
		{"gone", failure(404, "invalid_request_error", "resource_missing"), provider.ClassNotFound, 0},
		{"a parameter names what is gone", failure(400, "invalid_request_error", "resource_missing"),
			provider.ClassNotFound, 0},
		{"a tax code that does not exist", reply{status: 400, body: `{"error":{"type":"invalid_request_error",` +
			`"code":"resource_missing","param":"tax_code","message":"No such tax code"}}`}, provider.ClassTerminal, 0},
		{"a path that does not exist is not an object that does not", failure(404, "invalid_request_error", ""),
			provider.ClassTerminal, 0},
		{"refused", failure(400, "invalid_request_error", "parameter_unknown"), provider.ClassTerminal, 0},
		{"a declined card", failure(402, "card_error", "card_declined"), provider.ClassTerminal, 0},
		{"in use", failure(409, "invalid_request_error", "idempotency_key_in_use"), provider.ClassConflict, 0},
		{"a conflict without a code", failure(409, "invalid_request_error", ""), provider.ClassConflict, 0},
		{"locked", failure(429, "invalid_request_error", "lock_timeout"), provider.ClassConflict, 0},
		{"there already", failure(400, "invalid_request_error", "resource_already_exists"), provider.ClassConflict, 0},
		{"too fast", failure(429, "invalid_request_error", "rate_limit").with("Retry-After", "7"),
			provider.ClassRateLimited, 7 * time.Second},
		{"too fast, says something in between", reply{status: 429, body: "slow down"}.with("Retry-After", "7"),
			provider.ClassRateLimited, 7 * time.Second},
		{"a wait of an age", failure(429, "", "rate_limit").with("Retry-After", "2000000000"),
			provider.ClassRateLimited, 15 * time.Minute},
		{"nonsense to wait for", failure(429, "", "rate_limit").with("Retry-After", "soon"), provider.ClassRateLimited, 0},
		{"Stripe's fault", failure(500, "api_error", ""), provider.ClassUnavailable, 0},
		{"a 5xx is no answer, whatever its code", failure(500, "api_error", "resource_missing"),
			provider.ClassUnavailable, 0},
		{"a proxy's page", reply{status: 502, body: "<html>" + secret}, provider.ClassUnavailable, 0},
		{"a page that is no error", reply{status: 404, body: "<html>"}, provider.ClassUnavailable, 0},
		{"a redirect", reply{status: 302, body: `{"id":"x","object":"product"}`}.with("Location", "/x"),
			provider.ClassUnavailable, 0},
		{"a reset connection", reply{}, provider.ClassUnavailable, 0},
		{"a cut body", ok(`{"id":"p","object":"prod`).with("Content-Length", "500"), provider.ClassUnavailable, 0},
		{"cut JSON", ok(`{"id":"p","object":"prod`), provider.ClassUnavailable, 0},
		{"an empty body", ok(""), provider.ClassUnavailable, 0},
		{"null", ok("null"), provider.ClassUnavailable, 0},
		{"a string, which the SDK takes for an id", ok(`"prod_1"`), provider.ClassUnavailable, 0},
		{"another object", ok(`{"id":"c","object":"customer"}`), provider.ClassUnavailable, 0},
		{"no id", ok(`{"object":"product"}`), provider.ClassUnavailable, 0},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			conn, _ := connect(t, func(sent) reply { return c.reply })
			name := "x"
			_, err := conn.Catalog().UpdateProduct(t.Context(), "prod_1",
				provider.ProductPatch{Spec: &billing.ProductSpec{Name: name}})
			var e *provider.Error
			g.Expect(errors.As(err, &e)).To(BeTrue())
			g.Expect(e.Class.String()).To(Equal(c.want.String()))
			g.Expect(e.RetryAfter).To(Equal(c.retry))
			g.Expect(e.Operation).To(Equal("update product"))
			g.Expect(e.Status).To(Equal(c.reply.status))
			if c.reply.status != 0 {
				g.Expect(e.RequestID).To(Equal("req_1"))
			}
			g.Expect(err.Error()).NotTo(ContainSubstring("hunter2"))
			g.Expect(err.Error()).NotTo(ContainSubstring(testKey))
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	g := NewWithT(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := http.Header{"Retry-After": {now.Add(time.Minute).Format(http.TimeFormat)}}
	g.Expect(provider.RetryAfterOf(h, now)).To(Equal(time.Minute))
	g.Expect(provider.RetryAfterOf(h, now.Add(time.Hour))).To(BeZero())
}

func TestCanceledContext(t *testing.T) {
	g := NewWithT(t)
	conn, f := connect(t, func(sent) reply { return ok("{}") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := conn.Catalog().Snapshot(ctx)
	g.Expect(err).To(MatchError(context.Canceled))
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
	_, err = conn.Catalog().CreateProduct(ctx, provider.CreateProduct{Owner: testOwner, IdempotencyKey: "k"})
	g.Expect(err).To(MatchError(context.Canceled))
	g.Expect(f.requests()).To(BeEmpty())
}

func TestRequestHeaders(t *testing.T) {
	g := NewWithT(t)
	var h http.Header
	conn, err := Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: testKey, HTTP: &http.Client{Transport: transportFunc(func(r *http.Request) {
			h = r.Header.Clone()
			h.Set("Test-URL", r.URL.String())
			h.Set("Test-Operation", provider.OperationOf(r.Context()))
		})},
	})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Account(t.Context())
	g.Expect(err).To(MatchError(errSent))
	g.Expect(h.Get("Authorization")).To(Equal("Bearer " + testKey))
	g.Expect(h.Get("Stripe-Version")).To(Equal("2023-10-16"))
	g.Expect(h.Get("X-Stripe-Client-Telemetry")).To(BeEmpty())
	g.Expect(h.Get("Test-URL")).To(Equal("https://api.stripe.com/v1/account"))
	g.Expect(h.Get("Test-Operation")).To(Equal("get account"))
}

var errSent = errors.New("not really sent")

type transportFunc func(*http.Request)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return nil, errSent
}
