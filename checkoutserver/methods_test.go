package checkoutserver

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

func TestHeadIsGetWithoutABody(t *testing.T) {
	s := newShop(t, priced)
	server := httptest.NewServer(s.server)
	defer server.Close()
	for _, path := range []string{"/", "/v1/plans", "/openapi.json", "/paddle.js"} {
		r, err := http.Head(server.URL + path)
		s.g.Expect(err).NotTo(HaveOccurred())
		_ = r.Body.Close()
		s.g.Expect(r.StatusCode).To(Equal(200), path)
		s.g.Expect(r.ContentLength).To(BeNumerically(">", 0), path)
	}
	s.g.Expect(s.browser(http.MethodHead, "/v1/checkouts", "").Code).To(Equal(405))
}

func TestOtherMethodsAreNamed(t *testing.T) {
	s := newShop(t, priced)
	for path, allow := range map[string]string{
		"/": "GET, HEAD", "/buy": "POST", "/paddle": "GET, HEAD", "/paddle.js": "GET, HEAD", "/v1/plans": "GET, HEAD",
		"/v1/checkouts": "POST",
	} {
		w := s.browser(http.MethodDelete, path, "")
		s.g.Expect(w.Code).To(Equal(405), path)
		s.g.Expect(w.Header().Get("Allow")).To(Equal(allow), path)
	}
}

// A person who comes too often is shown a page, and a script is not.
func TestTooManyPages(t *testing.T) {
	s := newShop(t, priced, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
		e.Spec.RateLimit = &v1alpha1.ClientRateLimit{RequestsPerMinute: 1, Burst: 1}
	})
	s.g.Expect(s.browser(http.MethodGet, "/", "").Code).To(Equal(200))
	for path, kind := range map[string]string{
		"/": "text/html", "/paddle": "text/html", "/paddle.js": "application/problem",
	} {
		w := s.browser(http.MethodGet, path, "")
		s.g.Expect(w.Code).To(Equal(429), path)
		s.g.Expect(w.Header().Get("Content-Type")).To(HavePrefix(kind), path)
		s.g.Expect(w.Header().Get("Retry-After")).NotTo(BeEmpty(), path)
	}
	s.g.Expect(testutil.ToFloat64(s.server.metrics.requests.WithLabelValues("/", "too-many-requests"))).To(Equal(1.0))
}

// What could not be begun is no success.
func TestButtonsThatFailAreCountedSo(t *testing.T) {
	s := newShop(t, onlyStripe, anonymous, priced)
	s.stripe.fail(failure(provider.ClassTerminal))
	cookies := s.browser(http.MethodGet, "/", "").Result().Cookies()
	form := url.Values{"plan": {"pro"}, "price": {"monthly"}, "currency": {"USD"}, "token": {cookies[0].Value}}
	s.g.Expect(s.browser(http.MethodPost, "/buy", form.Encode(), cookies...).Code).To(Equal(502))
	s.g.Expect(s.browser(http.MethodPost, "/buy", form.Encode()).Code).To(Equal(403))
	form.Set("price", "gone")
	s.g.Expect(s.browser(http.MethodPost, "/buy", form.Encode(), cookies...).Code).To(Equal(404))
	count := s.server.metrics.requests
	for result, n := range map[string]float64{"ok": 0, "forged": 1, "not-for-sale": 1, "provider-refused": 1} {
		s.g.Expect(testutil.ToFloat64(count.WithLabelValues("/buy", result))).To(Equal(n), result)
	}
}

func TestCompressedBodiesAreNotTaken(t *testing.T) {
	s := newShop(t)
	r := s.buy("u1", "Content-Encoding", "gzip")
	s.g.Expect(r.status).To(Equal(415))
	s.g.Expect(r.body).To(ContainSubstring("compressed"))
	s.g.Expect(s.buy("u1", "Content-Encoding", "identity").status).To(Equal(201))
}
