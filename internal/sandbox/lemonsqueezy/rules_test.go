package lemonsqueezy_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

// paths are all that can be read, of a shop with one product of one variant.
func (w *world) paths() []string {
	w.t.Helper()
	store := w.store("Shop", "USD")
	product, variants := w.product(store, 1, "")
	return []string{
		"/v1/users/me", "/v1/stores", "/v1/stores/" + store, "/v1/products", "/v1/products/" + product, "/v1/variants",
		"/v1/variants/" + variants[0], "/v1/prices", "/v1/prices/" + w.ids(w.get("/v1/prices"))[0],
	}
}

// A key comes in the Authorization header. Without one, or with one that was revoked, nothing is told.
func TestKeys(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	paths := w.paths()
	for _, key := range []string{"", "Bearer ", testKey, "Basic " + testKey} {
		w.key = key
		for _, path := range append(paths, "/v1/nothing") {
			a := w.get(path)
			w.g.Expect(a.status).To(Equal(http.StatusUnauthorized), path)
			w.g.Expect(a.Data).To(BeEmpty(), path)
		}
	}
}

// The headers that name JSON:API are the same for every request.
func TestMediaTypesAreConstant(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	paths := w.paths()
	for _, other := range []string{"", "*/*", "application/json"} {
		for _, path := range paths {
			w.accept, w.contentType = other, mediaType
			w.g.Expect(w.get(path).status).To(Equal(http.StatusNotAcceptable), "%q %s", other, path)
			w.accept, w.contentType = mediaType, other
			w.g.Expect(w.get(path).status).To(Equal(http.StatusUnsupportedMediaType), "%q %s", other, path)
		}
	}
}

// The catalogue can only be read, and what does not exist is not found.
func TestNothingCanBeWritten(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	paths := w.paths()
	before := w.LemonSqueezy().State()
	for _, path := range paths {
		w.g.Expect(w.get(path).status).To(Equal(http.StatusOK), path)
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			w.g.Expect(w.send(method, path).status).To(Equal(http.StatusMethodNotAllowed), "%s %s", method, path)
		}
	}
	w.g.Expect(w.LemonSqueezy().State()).To(Equal(before))
	for _, path := range []string{
		"/v1/stores/1", "/v1/products/1", "/v1/variants/x", "/v1/prices/-1", "/v1/products/99999999999999999999",
		"/v1/nothing", "/v2/products",
	} {
		w.g.Expect(w.get(path).status).To(Equal(http.StatusNotFound), path)
	}
}

// A key is of one mode, which only the answer about its user tells, and sees that mode's products.
func TestModesDoNotMeet(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	store := w.store("Shop", "USD")
	catalogue := map[bool][]string{} // by live: paths that the mode's keys see
	for _, live := range []bool{false, true} {
		product, variants := w.product(store, 1, fmt.Sprintf(`,"live":%t`, live))
		w.key = map[bool]string{false: "Bearer " + testKey, true: "Bearer " + liveKey}[live]
		me := w.get("/v1/users/me")
		w.g.Expect(me.Meta.TestMode).To(HaveValue(Equal(!live)))
		w.g.Expect(w.one(me).Type).To(Equal("users"))
		w.g.Expect(w.ids(w.get("/v1/products"))).To(Equal([]string{product}))
		w.g.Expect(w.ids(w.get("/v1/variants"))).To(Equal(variants))
		prices := w.ids(w.get("/v1/prices"))
		w.g.Expect(prices).To(HaveLen(1))
		catalogue[live] = []string{"/v1/products/" + product, "/v1/variants/" + variants[0], "/v1/prices/" + prices[0]}
	}
	for _, own := range []bool{true, false} {
		w.key = map[bool]string{false: "Bearer " + testKey, true: "Bearer " + liveKey}[own]
		for _, path := range catalogue[own] {
			w.g.Expect(w.get(path).status).To(Equal(http.StatusOK), path)
		}
		for _, path := range catalogue[!own] {
			w.g.Expect(w.get(path).status).To(Equal(http.StatusNotFound), path)
		}
		for _, kind := range []string{"products", "variants"} {
			o := w.one(w.get(catalogue[own][map[string]int{"products": 0, "variants": 1}[kind]]))
			w.g.Expect(o.Attributes).To(HaveKeyWithValue("test_mode", !own), kind)
		}
	}
}

// Where the answer about the user keeps the mode to itself, only objects tell it. A reset ends that.
func TestAModeThatIsNotTold(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	for _, hidden := range []bool{true, false, true} {
		status, _ := w.dashboard("POST", "/mode", fmt.Sprintf(`{"hidden":%t}`, hidden))
		w.g.Expect(status).To(Equal(http.StatusNoContent))
		me := w.get("/v1/users/me")
		w.g.Expect(w.one(me).Type).To(Equal("users"))
		w.g.Expect(me.Meta.TestMode == nil).To(Equal(hidden))
	}
	product, _ := w.product(w.store("Shop", "USD"), 1, "")
	w.g.Expect(w.one(w.get("/v1/products/" + product)).Attributes).To(HaveKeyWithValue("test_mode", true))
	w.Reset()
	w.g.Expect(w.get("/v1/users/me").Meta.TestMode).To(HaveValue(BeTrue()))
}

// Each key may make so many calls a minute, and every answer says how many are left.
func TestCallsAMinute(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	w := newWorld(t, sandbox.Options{RateLimit: 0.05, Now: func() time.Time { return now }}) // 3 a minute
	left := func(a answer) []any {
		return []any{a.status, a.header.Get("X-Ratelimit-Limit"), a.header.Get("X-Ratelimit-Remaining")}
	}
	for _, remaining := range []string{"2", "1", "0"} {
		w.g.Expect(left(w.get("/v1/users/me"))).To(Equal([]any{200, "3", remaining}))
	}
	over := w.get("/v1/stores")
	w.g.Expect(left(over)).To(Equal([]any{429, "3", "0"}))
	w.g.Expect(over.Errors[0].Title).To(Equal("Too Many Requests"))
	wait, err := time.ParseDuration(over.header.Get("Retry-After") + "s")
	w.g.Expect(err).NotTo(HaveOccurred())

	w.key = "Bearer " + liveKey
	w.g.Expect(left(w.get("/v1/users/me"))).To(Equal([]any{200, "3", "2"}), "another key has a limit of its own")
	w.key = "Bearer " + testKey
	now = now.Add(wait)
	w.g.Expect(w.get("/v1/stores").status).To(Equal(http.StatusOK), "who waits as told is served")

	w = newWorld(t, sandbox.Options{})
	w.g.Expect(left(w.get("/v1/users/me"))[1]).To(Equal("300"), "LemonSqueezy's own limit")
}

// A scripted fault has LemonSqueezy's shape, which send checks, and the Retry-After that the script says.
func TestScriptedFaults(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	w.g.Expect(w.Faults().Add(
		traffic.Fault{Path: "/lemonsqueezy/v1/stores", Status: 429, RetryAfter: "7"},
		traffic.Fault{Path: "/lemonsqueezy/v1/products", Status: 500},
	)).To(Succeed())
	busy := w.get("/v1/stores")
	w.g.Expect([]any{busy.status, busy.header.Get("Retry-After")}).To(Equal([]any{429, "7"}))
	w.g.Expect(w.get("/v1/products").status).To(Equal(http.StatusInternalServerError))
	w.g.Expect(w.get("/v1/products").status).To(Equal(http.StatusOK))
	last := w.Requests()[2]
	w.g.Expect([]any{last.Provider, last.Method, last.Path}).To(Equal([]any{"lemonsqueezy", "GET",
		"/lemonsqueezy/v1/products"}))
}

// A failure within LemonSqueezy's own work is answered by the server itself, and counted by it.
func TestScriptedFailuresOfTheWork(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	for _, after := range []bool{false, true} {
		w.g.Expect(w.Faults().Add(traffic.Fault{Status: 503, Saved: true, After: after})).To(Succeed())
		failed := w.get("/v1/stores")
		w.g.Expect(failed.status).To(Equal(http.StatusServiceUnavailable))
		w.g.Expect(failed.Data).To(BeEmpty())
		w.g.Expect(failed.header).To(And(HaveKey("X-Ratelimit-Remaining"), HaveKeyWithValue("Content-Type",
			[]string{mediaType})))
		w.g.Expect(w.Requests()[len(w.Requests())-1].Status).To(Equal(http.StatusServiceUnavailable))
		w.g.Expect(w.get("/v1/stores").status).To(Equal(http.StatusOK))
	}
}

// A scripted delay holds up its own request and no other.
func TestScriptedDelays(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	const delay = 50 * time.Millisecond
	w.g.Expect(w.Faults().Add(
		traffic.Fault{Path: "/lemonsqueezy/v1/stores", DelayMillis: int(delay.Milliseconds())},
		traffic.Fault{Path: "/lemonsqueezy/v1/variants", DelayMillis: int(time.Hour.Milliseconds())},
	)).To(Succeed())
	start := time.Now()
	w.g.Expect(w.get("/v1/stores").status).To(Equal(http.StatusOK))
	w.g.Expect(time.Since(start)).To(BeNumerically(">=", delay))

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		req := httptest.NewRequest(http.MethodGet, "/lemonsqueezy/v1/variants", http.NoBody)
		req.Header = http.Header{"Authorization": {w.key}, "Accept": {mediaType}, "Content-Type": {mediaType}}
		w.Handler().ServeHTTP(httptest.NewRecorder(), req.WithContext(ctx))
	}()
	w.g.Eventually(func() int { return len(w.Requests()) }).Should(Equal(2))
	w.g.Consistently(func() int { return w.get("/v1/products").status }, "50ms").Should(Equal(http.StatusOK))
	w.g.Expect(ctx.Err()).NotTo(HaveOccurred(), "the other request is still held up")
	cancel()
	<-done
}
