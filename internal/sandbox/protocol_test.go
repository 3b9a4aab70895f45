package sandbox_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

func TestKeys(t *testing.T) {
	live := "sk_" + "live_acme1"
	lie := "sk_test_" + "lie"
	w := newWorld(t, sandbox.Options{Keys: map[string]stripe.Key{
		lie: {Account: "acct_acme", Live: true}, "sk_test_acme": {Account: "acct_acme"},
	}})
	cases := []struct {
		reason, authorization string
		status                int
		message               string
	}{
		{"no key", "none", 401, "You did not provide an API key."},
		{"no key of Stripe's", "Bearer hello-world", 401, "Invalid API Key provided: hel****orld"},
		{"publishable", "Bearer pk_test_1", 401, "publishable"},
		{"secret", "Bearer sk_test_1", 200, ""},
		{"restricted", "Bearer rk_test_1", 200, ""},
		{"as the user of basic authentication", "Basic c2tfdGVzdF8xOg==", 200, ""},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			status, h, body := w.raw("GET", "/v1/account", nil, "Authorization", c.authorization)
			g.Expect(status).To(Equal(c.status))
			g.Expect(h.Get("Request-Id")).To(HavePrefix("req_"))
			if c.status != 200 {
				g.Expect(errorOf(body)["type"]).To(Equal("invalid_request_error"))
				g.Expect(errorOf(body)["message"]).To(ContainSubstring(c.message))
			}
		})
	}

	g := w.g
	id := func(key string) (string, bool) {
		account, err := w.client(key).Accounts.Get()
		g.Expect(err).NotTo(HaveOccurred())
		balance, err := w.client(key).Balance.Get(nil)
		g.Expect(err).NotTo(HaveOccurred())
		return account.ID, balance.Livemode
	}
	mine, isLive := id(testKey)
	g.Expect(isLive).To(BeFalse())
	again, _ := id(testKey)
	g.Expect(again).To(Equal(mine))
	g.Expect(mine).To(HavePrefix("acct_1"))
	other, isLive := id(live)
	g.Expect(isLive).To(BeTrue())
	g.Expect(other).NotTo(Equal(mine))
	listed, isLive := id(lie)
	g.Expect(listed).To(Equal("acct_acme"))
	g.Expect(isLive).To(BeTrue(), "a test key that writes live data")

	name := "Pro"
	_, err := w.client(lie).Products.New(&stripego.ProductParams{Name: &name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.Stripe().Account("sk_test_acme").Products()).To(BeEmpty(), "test and live data are apart")
	g.Expect(w.Stripe().Account(lie).Products()).To(HaveLen(1))

	g.Expect(w.Stripe().Roll(testKey, "sk_test_rolled")).To(Succeed())
	w.Stripe().Revoke(testKey, true)
	rolled, isLive := id("sk_test_rolled")
	g.Expect(rolled).To(Equal(mine))
	g.Expect(isLive).To(BeFalse())
	g.Expect(w.Stripe().Roll("no key", "sk_test_other")).NotTo(Succeed())
	_, err = w.api.Accounts.Get()
	e := stripeError(t, err)
	g.Expect(e.HTTPStatusCode).To(Equal(401))
	g.Expect(e.Code).To(Equal(stripego.ErrorCodeAPIKeyExpired))
	g.Expect(e.Msg).NotTo(ContainSubstring(testKey))
	w.Stripe().Revoke(testKey, false)
	_, err = w.api.Accounts.Get()
	g.Expect(err).NotTo(HaveOccurred())
}

func TestIdempotencyKeys(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	form := url.Values{"name": {"Pro"}, "metadata[a]": {"1"}}
	status, h, first := w.raw("POST", "/v1/products", form, "Idempotency-Key", "k1")
	g.Expect(status).To(Equal(200))
	g.Expect(h.Get("Idempotent-Replayed")).To(BeEmpty())
	status, again, second := w.raw("POST", "/v1/products", form, "Idempotency-Key", "k1")
	g.Expect(status).To(Equal(200))
	g.Expect(again.Get("Idempotent-Replayed")).To(Equal("true"))
	g.Expect(again.Get("Original-Request")).To(Equal(h.Get("Request-Id")))
	g.Expect(second).To(Equal(first))
	g.Expect(w.Stripe().Account(testKey).Products()).To(HaveLen(1))

	status, _, body := w.raw("POST", "/v1/products", url.Values{"name": {"Other"}}, "Idempotency-Key", "k1")
	g.Expect(status).To(Equal(400))
	g.Expect(errorOf(body)["type"]).To(Equal("idempotency_error"))
	status, _, body = w.raw("POST", "/v1/products/"+first["id"].(string), form, "Idempotency-Key", "k1")
	g.Expect(status).To(Equal(400))
	g.Expect(errorOf(body)["message"]).To(ContainSubstring("same endpoint"))

	// A refused parameter is not remembered, a refused state is.
	status, _, _ = w.raw("POST", "/v1/products", url.Values{"nome": {"x"}}, "Idempotency-Key", "k2")
	g.Expect(status).To(Equal(400))
	status, _, _ = w.raw("POST", "/v1/products", url.Values{"name": {"x"}, "id": {"x"}}, "Idempotency-Key", "k2")
	g.Expect(status).To(Equal(200))
	duplicate := url.Values{"name": {"x"}, "id": {"x"}}
	for _, replayed := range []string{"", "true"} {
		status, h, _ = w.raw("POST", "/v1/products", duplicate, "Idempotency-Key", "k3")
		g.Expect(status).To(Equal(400))
		g.Expect(h.Get("Idempotent-Replayed")).To(Equal(replayed))
	}
	other := clientAt(w.url, "sk_test_other")
	in := &stripego.ProductParams{Name: stripego.String("Pro")}
	in.SetIdempotencyKey("k1")
	p, err := other.Products.New(in)
	g.Expect(err).NotTo(HaveOccurred(), "keys are the account's own")
	g.Expect(p.ID).NotTo(Equal(first["id"]))
}

func TestIdempotencyKeyInUse(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	g.Expect(w.Faults().Add(traffic.Fault{Method: "POST", DelayMillis: 300_000})).To(Succeed())
	held, err := http.NewRequest("POST", w.url+"/v1/products", strings.NewReader("name=Pro"))
	g.Expect(err).NotTo(HaveOccurred())
	held.Header.Set("Authorization", "Bearer "+testKey)
	held.Header.Set("Idempotency-Key", "k")
	arrived := make(chan struct{})
	var once sync.Once
	w.OnRequest(func(p traffic.Phase, r traffic.Request) { once.Do(func() { close(arrived) }) })
	done := make(chan struct{})
	client := &http.Client{Transport: &http.Transport{}}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer close(done)
		if res, err := client.Do(held.WithContext(ctx)); err == nil {
			res.Body.Close()
		}
	}()
	<-arrived
	g.Eventually(func() any {
		_, _, body := w.raw("POST", "/v1/products", url.Values{"name": {"Pro"}}, "Idempotency-Key", "k")
		return errorOf(body)["code"]
	}).Should(Equal("idempotency_key_in_use"))
	stop()
	<-done
}

func TestFaults(t *testing.T) {
	create := func(w *world, key string) (int, http.Header, error) {
		req, _ := http.NewRequest("POST", w.url+"/v1/products", strings.NewReader("name=Pro"))
		req.Header.Set("Authorization", "Bearer "+testKey)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if key != "" {
			req.Header.Set("Idempotency-Key", key)
		}
		transport := &http.Transport{DisableKeepAlives: true}
		res, err := transport.RoundTrip(req)
		if err != nil {
			return 0, nil, err
		}
		defer res.Body.Close()
		buf := new(strings.Builder)
		_, err = io.Copy(buf, res.Body)
		if err == nil && strings.HasPrefix(buf.String(), "<html>") {
			return res.StatusCode, res.Header, errGarbage
		}
		return res.StatusCode, res.Header, err
	}
	cases := []struct {
		reason   string
		fault    traffic.Fault
		status   int // 0: a broken connection
		broken   bool
		products int
		after    int // products after a second try with the same key
	}{
		{"rate limit", traffic.Fault{Status: 429, RetryAfter: "2"}, 429, false, 0, 1},
		{"unavailable", traffic.Fault{Status: 503}, 503, false, 0, 1},
		{"server error after the work", traffic.Fault{Status: 500, After: true}, 500, false, 1, 1},
		{"server error that is remembered", traffic.Fault{Status: 500, Saved: true}, 500, false, 0, 0},
		{"the same after the work", traffic.Fault{Status: 500, Saved: true, After: true}, 500, false, 1, 1},
		{"reset before the work", traffic.Fault{Reset: true}, 0, true, 0, 1},
		{"reset after the work", traffic.Fault{Reset: true, After: true}, 0, true, 1, 1},
		{"cut answer", traffic.Fault{Body: traffic.BodyTruncated}, 200, true, 1, 1},
		{"no JSON", traffic.Fault{Body: traffic.BodyGarbage}, 200, true, 1, 1},
		{"slow", traffic.Fault{DelayMillis: 1}, 200, false, 1, 1},
		{"second request of that path", traffic.Fault{Status: 503, N: 2, Path: "/v1/products"}, 200, false, 1, 1},
		{"another path", traffic.Fault{Status: 503, Path: "/v1/prices"}, 200, false, 1, 1},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			w := newWorld(t, sandbox.Options{})
			g := w.g
			g.Expect(w.Faults().Add(c.fault)).To(Succeed())
			status, h, err := create(w, "k")
			g.Expect(err != nil).To(Equal(c.broken), "%v", err)
			g.Expect(status).To(Equal(c.status))
			if c.fault.RetryAfter != "" {
				g.Expect(h.Get("Retry-After")).To(Equal(c.fault.RetryAfter))
			}
			g.Expect(w.Stripe().Account(testKey).Products()).To(HaveLen(c.products))
			_, _, _ = create(w, "k")
			g.Expect(w.Stripe().Account(testKey).Products()).To(HaveLen(c.after))
			g.Expect(w.Counts()).To(Equal(traffic.Counts{Writes: 2}))
		})
	}
	t.Run("a fault must make sense", func(t *testing.T) {
		g := NewWithT(t)
		for _, f := range []traffic.Fault{
			{}, {Status: 200}, {Status: 500, Reset: true}, {Body: "x"}, {Saved: true, Reset: true},
		} {
			g.Expect(f.Validate()).NotTo(Succeed(), "%+v", f)
		}
	})
}

func TestRateLimit(t *testing.T) {
	now := time.Now()
	w := newWorld(t, sandbox.Options{RateLimit: 2, Now: func() time.Time { return now }})
	g := w.g
	var codes []int
	for range 4 {
		status, _, _ := w.raw("GET", "/v1/products", nil)
		codes = append(codes, status)
	}
	g.Expect(codes).To(ContainElement(429))
	status, _, _ := w.raw("POST", "/v1/products", url.Values{"name": {"x"}})
	g.Expect(status).To(Equal(200), "reads and writes are counted apart")
}

func TestHookSeesEveryRequestTwice(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	var seen []int
	w.OnRequest(func(p traffic.Phase, r traffic.Request) {
		products := len(w.Stripe().Account(testKey).Products())
		seen = append(seen, int(p), products)
	})
	w.product("Pro")
	g.Expect(seen).To(Equal([]int{int(traffic.BeforeCommit), 0, int(traffic.AfterCommit), 1}))
	g.Expect(w.Requests()).To(HaveLen(1))
	g.Expect(w.Requests()[0].IdempotencyKey).NotTo(BeEmpty(), "the client sends one by itself")
}

func TestPathsAndVersion(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	status, h, _ := w.raw("GET", "/stripe/v1/account", nil, "Stripe-Version", "2023-10-16")
	g.Expect(status).To(Equal(200))
	g.Expect(h.Get("Stripe-Version")).To(Equal("2023-10-16"))
	_, err := clientAt(w.url+"/stripe", testKey).Accounts.Get()
	g.Expect(err).NotTo(HaveOccurred())
	for _, r := range [][2]string{{"GET", "/v1/nothing"}, {"DELETE", "/v1/prices/price_1"}} {
		status, h, body := w.raw(r[0], r[1], nil)
		g.Expect(status).To(Equal(404))
		g.Expect(errorOf(body)["message"]).To(ContainSubstring("Unrecognized request URL (" + r[0] + ": " + r[1] + ")"))
		g.Expect(h.Get("Request-Id")).NotTo(BeEmpty())
	}
}
