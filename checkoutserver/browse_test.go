package checkoutserver

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/storefront"
)

func priced(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
	e.Spec.PricingPage = &v1alpha1.PricingPage{}
}

// browser sends a request of a browser and returns the whole answer.
func (s *shop) browser(method, path, form string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	return w
}

func TestPricingPageIsShownWhereItIsAskedFor(t *testing.T) {
	g := NewWithT(t)
	g.Expect(newShop(t).browser(http.MethodGet, "/", "").Code).To(Equal(404))
	w := newShop(t, priced).browser(http.MethodGet, "/", "")
	g.Expect(w.Code).To(Equal(200))
	g.Expect(w.Body.String()).To(ContainSubstring("Pro"))
	g.Expect(w.Header().Get("Content-Type")).To(HavePrefix("text/html"))
}

// The page is at spec.url as it is written there, and below it, and nothing that a path looks like leads elsewhere.
func TestPricingPageIsAtTheURL(t *testing.T) {
	for address, want := range map[string]string{
		"https://example.com/pay":         "https://example.com/pay/?currency=EUR",
		"https://example.com/pay/":        "https://example.com/pay/?currency=EUR",
		"https://example.com/shop/pay":    "https://example.com/shop/pay/?currency=EUR",
		"https://example.com//evil.com":   "https://example.com//evil.com/?currency=EUR",
		"https://example.com/http:a":      "https://example.com/http:a/?currency=EUR",
		"https://example.com/%5Cevil.com": "https://example.com/%5Cevil.com/?currency=EUR",
	} {
		t.Run(address, func(t *testing.T) {
			at := func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) { e.Spec.URL = address }
			s := newShop(t, priced, at)
			asked, err := url.Parse(strings.TrimRight(address, "/") + "?currency=EUR")
			s.g.Expect(err).NotTo(HaveOccurred())
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				w := s.browser(method, asked.String(), "")
				s.g.Expect(w.Code).To(Equal(http.StatusPermanentRedirect))
				to, err := asked.Parse(w.Header().Get("Location"))
				s.g.Expect(err).NotTo(HaveOccurred())
				s.g.Expect(w.Header().Get("Location")).To(HavePrefix("./"))
				s.g.Expect(to.String()).To(Equal(want))
				s.g.Expect(s.browser(method, to.String(), "").Code).To(Equal(200))
			}
			s.g.Expect(s.browser(http.MethodPost, asked.String(), "").Code).To(Equal(404))
			s.g.Expect(newShop(t, at).browser(http.MethodGet, asked.String(), "").Code).To(Equal(404), "there is no page")
		})
	}
}

func TestButtonBeginsAPurchase(t *testing.T) {
	s := newShop(t, onlyStripe, anonymous, priced)
	cookies := s.browser(http.MethodGet, "/", "").Result().Cookies()
	s.g.Expect(cookies).To(HaveLen(1))
	form := url.Values{"plan": {"pro"}, "price": {"monthly"}, "currency": {"USD"}, "token": {cookies[0].Value}}
	w := s.browser(http.MethodPost, "/buy", form.Encode(), cookies...)
	s.g.Expect(w.Code).To(Equal(http.StatusSeeOther))
	s.g.Expect(w.Header().Get("Location")).To(Equal("https://pay.example.com/cs_1"))
	s.g.Expect(s.browser(http.MethodPost, "/buy", form.Encode()).Code).To(Equal(403), "another site's form")
	s.g.Expect(s.stripe.checkouts()).To(HaveLen(1))
	s.stripe.fail(failure(0))
	s.g.Expect(s.browser(http.MethodPost, "/buy", form.Encode(), cookies...).Code).To(Equal(502))
}

func TestButtonsSellNothingToUsersWhoAreKnown(t *testing.T) {
	s := newShop(t, priced)
	s.g.Expect(s.browser(http.MethodPost, "/buy", "plan=pro&price=monthly").Code).To(Equal(404))
}

func TestOverlayIsOpenedWithTheAccountsToken(t *testing.T) {
	s := newShop(t)
	w := s.browser(http.MethodGet, "/paddle?_ptxn=txn_1", "")
	s.g.Expect(w.Code).To(Equal(200))
	s.g.Expect(w.Body.String()).To(ContainSubstring("test_1"))
	s.g.Expect(s.browser(http.MethodGet, "/paddle?_ptxn=txn_1&provider=another", "").Code).To(Equal(404))
	s.g.Expect(s.browser(http.MethodGet, "/paddle.js", "").Code).To(Equal(200))
}
