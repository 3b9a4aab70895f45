package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/docs/schemas"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

// account is one that an adapter can be connected to.
type account struct {
	adapter provider.Adapter
	mode    billing.Mode
	key     string
	host    string // where the provider serves the mode
}

func accounts() []account {
	paddleKey := func(mode string) string {
		return "pdl_" + mode + "_apikey_" + strings.Repeat("a", 26) + "_" + strings.Repeat("b", 22) + "_ccc"
	}
	legacy, plain := strings.Repeat("Zq7xK", 10), strings.Repeat("Wp3-Vt9.", 6)
	// A key is taken whole, although only its prefix is like a credential.
	odd := "_a+b/c==" + strings.Repeat("Rm5", 8)
	return []account{
		{stripe.Adapter{}, billing.Test, "sk_" + "test" + odd, "api.stripe.com"},
		{stripe.Adapter{}, billing.Live, "rk_" + "live" + odd, "api.stripe.com"},
		{paddle.Adapter{}, billing.Test, paddleKey("sdbx"), "sandbox-api.paddle.com"},
		{paddle.Adapter{}, billing.Live, paddleKey("live"), "api.paddle.com"},
		{paddle.Adapter{}, billing.Test, legacy, "sandbox-api.paddle.com"},
		{paddle.Adapter{}, billing.Live, legacy, "api.paddle.com"},
		{lemonsqueezy.Adapter{}, billing.Test, plain, "api.lemonsqueezy.com"},
		{lemonsqueezy.Adapter{}, billing.Live, plain, "api.lemonsqueezy.com"},
	}
}

func (a account) connect(t *testing.T, base string, client *http.Client) provider.Connection {
	t.Helper()
	c, err := a.adapter.Connect(provider.Config{
		Mode: a.mode, APIKey: a.key, StoreID: "1", BaseURL: base, HTTP: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A key of one mode that goes to the other's address is refused at best, and at worst real money is taken for play
// money.
func TestPublicAddresses(t *testing.T) {
	for _, a := range accounts() {
		g, seen := NewWithT(t), []*http.Request{}
		conn := a.connect(t, "", &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			seen = append(seen, r)
			return nil, errors.New("not sent")
		})})
		_, err := conn.Account(t.Context())
		g.Expect(err).To(HaveOccurred())
		g.Expect(seen).To(HaveLen(1))
		g.Expect(seen[0].URL.Scheme+"://"+seen[0].URL.Host).To(Equal("https://"+a.host), "%s %s", a.adapter.Type(), a.mode)
		g.Expect(seen[0].Header.Get("Authorization")).To(Equal("Bearer " + a.key))
	}
}

// Whatever comes back, and however it is cut to length, no part of the key is in the error.
func TestErrorsWithoutTheKey(t *testing.T) {
	for _, a := range accounts() {
		inDocument := func(body string) func(*http.Request) (*http.Response, error) {
			return func(*http.Request) (*http.Response, error) {
				// Of what is cut to 64 bytes a part of the key would remain.
				body := strings.ReplaceAll(strings.ReplaceAll(body, "CODE", strings.Repeat("x", 32)+"KEY"), "KEY", a.key)
				return &http.Response{
					StatusCode: http.StatusBadRequest, Body: io.NopCloser(strings.NewReader(body)),
					Header: http.Header{"Request-Id": {strings.Repeat("x", 32) + a.key}},
				}, nil
			}
		}
		answer := map[billing.Provider]string{
			billing.Stripe: `{"error":{"type":"invalid_request_error","code":"CODE","param":"CODE","message":"no key KEY"}}`,
			billing.Paddle: `{"error":{"code":"CODE","detail":"no key KEY","errors":[{"field":"KEY","message":"KEY"}]},` +
				`"meta":{"request_id":"CODE"}}`,
			billing.LemonSqueezy: `{"errors":[{"title":"no key","detail":"KEY","code":"CODE"}],"message":"KEY"}`,
		}[a.adapter.Type()]
		for reason, send := range map[string]func(*http.Request) (*http.Response, error){
			"an answer": inDocument(answer),
			"no answer": func(*http.Request) (*http.Response, error) {
				return nil, errors.New("malformed HTTP response \"" + a.key + "\"")
			},
		} {
			g := NewWithT(t)
			_, err := a.connect(t, "", &http.Client{Transport: roundTripper(send)}).Account(t.Context())
			var e *provider.Error
			g.Expect(errors.As(err, &e)).To(BeTrue())
			g.Expect(e.Message).To(ContainSubstring("[redacted]"), "%s %s", a.adapter.Type(), reason)
			for _, text := range []string{e.Error(), e.Code, e.Message, e.RequestID} {
				g.Expect(text).NotTo(ContainSubstring(a.key[16:24]), "%s %s", a.adapter.Type(), reason)
			}
		}
	}
}

func TestPaddleIDWithoutTheKey(t *testing.T) {
	g, key := NewWithT(t), strings.Repeat("Zq7xK", 10)
	a := account{adapter: paddle.Adapter{}, mode: billing.Test, key: key}
	_, err := a.connect(t, "", &http.Client{}).Catalog().UpdateProduct(t.Context(), key, provider.ProductPatch{})
	g.Expect(provider.IsNotFound(err)).To(BeTrue())
	g.Expect(err.Error()).NotTo(ContainSubstring(key[:8]))
}

func TestWithoutKey(t *testing.T) {
	g := NewWithT(t)
	g.Expect(provider.WithoutKey("a key-of-mine, key-of-mine", "key-of-mine")).To(Equal("a [redacted], [redacted]"))
	g.Expect(provider.WithoutKey([]byte("key-of-mine"), "key-of-mine")).To(Equal([]byte("[redacted]")))
	g.Expect(provider.WithoutKey("errors", "error")).To(Equal("errors"), "no key is that short")
	g.Expect(provider.WithoutKey("errors", "")).To(Equal("errors"))
}

// A redirect does not carry a key on, whatever the client that was given does of its own accord.
func TestRedirectsCarryNoKey(t *testing.T) {
	var elsewhere atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) }))
	defer target.Close()
	// A client takes another port of one host for the same place, to which it carries headers on.
	srv := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	for _, a := range accounts() {
		g, client := NewWithT(t), &http.Client{}
		_, err := a.connect(t, srv.URL, client).Account(t.Context())
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable))
		g.Expect(err).To(MatchError(ContainSubstring("HTTP 307")), string(a.adapter.Type()))
		g.Expect(elsewhere.Load()).To(BeFalse(), "%s follows", a.adapter.Type())
		g.Expect(client.CheckRedirect).To(BeNil(), "the client that was given is somebody else's")
	}
}

// What was not sent because of a pause says so: a create of which that is known needs no looking for its outcome.
func TestRequestsThatAPauseKeptBack(t *testing.T) {
	for _, a := range accounts() {
		g, sent := NewWithT(t), 0
		conn := a.connect(t, "", instrument.Client(instrument.Options{
			Provider: a.adapter.Type(), Base: roundTripper(func(*http.Request) (*http.Response, error) {
				sent++
				return &http.Response{
					StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"60"}}, Body: http.NoBody,
				}, nil
			}),
		}))
		for i, status := range []int{http.StatusTooManyRequests, 0} {
			_, err := conn.Account(t.Context())
			var e *provider.Error
			g.Expect(errors.As(err, &e)).To(BeTrue())
			name := string(a.adapter.Type()) + " " + strconv.Itoa(i)
			g.Expect(e.Class).To(Equal(provider.ClassRateLimited), name)
			g.Expect(e.RetryAfter).To(BeNumerically("~", time.Minute, 10*time.Second), name)
			g.Expect(e.Status).To(Equal(status), name)
			g.Expect(sent).To(Equal(1))
		}
	}
}

// Neither does what Kassa's own limit kept back say anything about the provider.
func TestRequestsThatTheOwnLimitKeptBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, a := range accounts() {
		g := NewWithT(t)
		conn := a.connect(t, "", instrument.Client(instrument.Options{
			Provider: a.adapter.Type(), RequestsPerSecond: 0.001, Burst: 1,
			Base: roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }),
		}))
		_, err := conn.Account(ctx)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassUnavailable), string(a.adapter.Type()))
		_, err = conn.Account(ctx)
		g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassRateLimited), string(a.adapter.Type()))
		g.Expect(err).To(MatchError(context.DeadlineExceeded))
		g.Expect(err).To(MatchError(ContainSubstring("Kassa's own limit")))
	}
}

// What money depends on: an adapter that lost one of these would refuse Plans that it took, and one that got one
// would be believed.
func TestWhatProvidersCan(t *testing.T) {
	can := map[provider.Capability][]billing.Provider{
		provider.CapabilityCatalogWrite:  {billing.Stripe, billing.Paddle},
		provider.CapabilityMultiCurrency: {billing.Stripe, billing.Paddle},
		provider.CapabilityTiers:         {billing.Stripe, billing.LemonSqueezy},
		provider.CapabilityMeteredUsage:  {billing.Stripe, billing.LemonSqueezy},
		provider.CapabilityPriceTrials:   {billing.Paddle, billing.LemonSqueezy},
		provider.CapabilityTaxBehavior:   {billing.Stripe, billing.Paddle},
		provider.CapabilityWebhooks:      {billing.Stripe, billing.Paddle, billing.LemonSqueezy},
		provider.CapabilityEndpoints:     {billing.Stripe, billing.Paddle, billing.LemonSqueezy},
		provider.CapabilityCheckouts:     {billing.Stripe, billing.Paddle, billing.LemonSqueezy},
		provider.CapabilitySubscriptions: {billing.Stripe, billing.Paddle, billing.LemonSqueezy},
		provider.CapabilityHistory:       {billing.Stripe, billing.Paddle, billing.LemonSqueezy},
		provider.CapabilityDunning:       {billing.Stripe, billing.Paddle, billing.LemonSqueezy},
	}
	rates := map[billing.Provider][2]float64{ // test, live
		billing.Stripe: {18, 75}, billing.Paddle: {3, 3}, billing.LemonSqueezy: {3.8, 3.8},
	}
	for _, a := range []provider.Adapter{stripe.Adapter{}, paddle.Adapter{}, lemonsqueezy.Adapter{}} {
		g := NewWithT(t)
		for capability, providers := range can {
			g.Expect(slices.Contains(a.Capabilities(), capability)).To(Equal(slices.Contains(providers, a.Type())),
				"%s %s", a.Type(), capability)
		}
		g.Expect(a.CountsByAddress()).To(Equal(a.Type() == billing.Paddle), string(a.Type()))
		g.Expect([2]float64{a.DefaultRate(billing.Test), a.DefaultRate(billing.Live)}).To(Equal(rates[a.Type()]))
	}
}

// What an operator is told of a provider before anybody asks for it.
func TestSubscriptionTraits(t *testing.T) {
	common := []billing.Proration{billing.ProrationNone, billing.ProrateImmediately, billing.ProrateNextPeriod}
	for _, c := range []struct {
		adapter provider.SubscriptionManager
		want    provider.SubscriptionTraits
	}{
		{stripe.Adapter{}, provider.SubscriptionTraits{CancelNow: true, Prorations: common}},
		{paddle.Adapter{}, provider.SubscriptionTraits{CancelNow: true, Prorations: append([]billing.Proration{
			billing.FullImmediately, billing.FullNextPeriod,
		}, common...)}},
		{lemonsqueezy.Adapter{}, provider.SubscriptionTraits{Prorations: common}},
	} {
		NewWithT(t).Expect(c.adapter.SubscriptionTraits()).To(Equal(c.want), "%T", c.adapter)
	}
}

// A signature that was worked out elsewhere is taken, of each provider whose webhooks are read.
func TestSignatureVectors(t *testing.T) {
	var vectors []struct {
		Provider, Body, Header, Secret string
		HeaderName                     string `json:"header_name"`
		Timestamp                      int64
	}
	if err := json.Unmarshal(providertest.Sample(t, "signature-vectors.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	g, seen := NewWithT(t), map[billing.Provider]bool{}
	for _, v := range vectors {
		for _, a := range []provider.Adapter{stripe.Adapter{}, paddle.Adapter{}, lemonsqueezy.Adapter{}} {
			codec := a.Codec()
			if codec == nil || !strings.EqualFold(string(a.Type()), v.Provider) {
				continue
			}
			seen[a.Type()] = true
			h := http.Header{}
			h.Set(v.HeaderName, v.Header)
			at := time.Unix(v.Timestamp, 0)
			g.Expect(codec.Verify(h, []byte(v.Body), []string{"other", v.Secret}, at, 0)).To(Succeed(), v.Provider)
			g.Expect(codec.Verify(h, []byte(v.Body+" "), []string{v.Secret}, at, 0)).
				To(MatchError(provider.ErrSignatureMismatch), v.Provider)
			g.Expect(codec.Sign([]byte(v.Body), v.Secret, at)).To(Equal(h), v.Provider)
			_, err := codec.Parse([]byte(v.Body))
			g.Expect(err).NotTo(HaveOccurred(), v.Provider)
		}
	}
	g.Expect(seen).To(HaveKey(billing.Stripe))
}

// The table of docs/events.md is what endpoints are registered for.
func TestDocumentedTypes(t *testing.T) {
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	g, quoted := NewWithT(t), regexp.MustCompile("`([^`]+)`")
	documented := map[string][]string{} // type → cells
	_, types, _ := strings.Cut(string(text), "\n## Types\n")
	types, _, _ = strings.Cut(types, "\n## ")
	for line := range strings.Lines(types) {
		if cells := strings.Split(line, "|"); len(cells) == 6 && strings.HasPrefix(line, "| `") {
			if name := quoted.FindStringSubmatch(cells[1]); name != nil {
				documented[name[1]] = cells[2:5]
			}
		}
	}
	for _, e := range billing.EventTypes() {
		g.Expect(documented).To(HaveKey(string(e)))
		for i, a := range []provider.Adapter{stripe.Adapter{}, paddle.Adapter{}, lemonsqueezy.Adapter{}} {
			if a.Codec() == nil {
				continue
			}
			names, _ := a.Codec().NativeEvents([]string{string(e)})
			var said []string
			for _, m := range quoted.FindAllStringSubmatch(documented[string(e)][i], -1) {
				said = append(said, m[1])
			}
			slices.Sort(said)
			g.Expect(said).To(Equal(names), "%s of %s", e, a.Type())
		}
	}
}

// What the published schema says an event can be is the taxonomy, and Kassa's own.
func TestSchemaHasTheTaxonomy(t *testing.T) {
	var schema struct {
		Properties struct {
			Type struct{ Enum []string }
		}
	}
	if err := json.Unmarshal(schemas.EventV1alpha1, &schema); err != nil {
		t.Fatal(err)
	}
	want := []string{"dev.kassa.native"}
	for _, e := range append(billing.EventTypes(), billing.OwnEventTypes()...) {
		want = append(want, "dev.kassa."+string(e))
	}
	NewWithT(t).Expect(schema.Properties.Type.Enum).To(ConsistOf(want))
}
