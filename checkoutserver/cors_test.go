package checkoutserver

import (
	"net/http"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/origins"
)

func TestCORS(t *testing.T) {
	o, err := origins.Of(&v1alpha1.CheckoutEndpointSpec{
		URL: "https://pay.acme.com/shop", SuccessURL: "https://done.acme.com/",
		AllowedOrigins: []string{"https://app.acme.com", "https://dev.acme.com:8443"},
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	const app, preflight = "https://app.acme.com", "POST"
	for _, c := range []struct {
		reason, method string
		origins        []string
		asks           string // the method that a preflight asks for
		status         int    // of the answer; 0 where the request goes on
		allowed        string
	}{
		{"no browser", "POST", nil, "", 0, ""},
		{"no browser, OPTIONS", "OPTIONS", nil, preflight, 0, ""},
		{"ours reads", "GET", []string{app}, "", 0, app},
		{"ours writes", "POST", []string{app}, "", 0, app},
		{"ours with a port", "PATCH", []string{"https://dev.acme.com:8443"}, "", 0, "https://dev.acme.com:8443"},
		{"the server's own pages", "POST", []string{"https://pay.acme.com"}, "", 0, "https://pay.acme.com"},
		{"ours asks", "OPTIONS", []string{app}, preflight, 204, app},
		{"ours, OPTIONS without a question", "OPTIONS", []string{app}, "", 0, app},
		{"a foreign page reads", "GET", []string{"https://evil.com"}, "", 0, ""},
		{"a foreign page looks", "HEAD", []string{"https://evil.com"}, "", 0, ""},
		{"a foreign page writes", "POST", []string{"https://evil.com"}, "", 403, ""},
		{"a foreign page changes", "PATCH", []string{"https://evil.com"}, "", 403, ""},
		{"a foreign page asks", "OPTIONS", []string{"https://evil.com"}, preflight, 403, ""},
		{"a page without an origin", "POST", []string{"null"}, "", 403, ""},
		{"an empty origin", "POST", []string{""}, "", 403, ""},
		{"plain HTTP", "POST", []string{"http://app.acme.com"}, "", 403, ""},
		{"another port", "POST", []string{app + ":444"}, "", 403, ""},
		{"a port that no browser writes", "POST", []string{app + ":443"}, "", 403, ""},
		{"a case that no browser writes", "POST", []string{"https://APP.acme.com"}, "", 403, ""},
		{"a path", "POST", []string{app + "/"}, "", 403, ""},
		{"a host that begins alike", "POST", []string{app + ".evil.com"}, "", 403, ""},
		{"two origins", "POST", []string{app, "https://evil.com"}, "", 403, ""},
		{"two origins in one", "POST", []string{app + ", https://evil.com"}, "", 403, ""},
		{"a star", "POST", []string{"*"}, "", 403, ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			r := httptest.NewRequest(c.method, "/v1/checkouts", http.NoBody)
			r.Header["Origin"] = c.origins
			if c.asks != "" {
				r.Header.Set("Access-Control-Request-Method", c.asks)
			}
			w := httptest.NewRecorder()
			answered, refused := cors(o, w, r)
			g.Expect(answered).To(Equal(c.status == http.StatusNoContent))
			g.Expect(refused != nil).To(Equal(c.status == http.StatusForbidden))
			if answered {
				g.Expect(w.Code).To(Equal(c.status))
				g.Expect(w.Body.Len()).To(BeZero())
			}
			g.Expect(w.Header().Values("Vary")).To(ContainElement("Origin"), "caches must not mix the answers")
			g.Expect(w.Header().Get("Access-Control-Allow-Origin")).To(Equal(c.allowed))
			g.Expect(w.Header()).NotTo(HaveKey("Access-Control-Allow-Credentials"))
			if c.status == 0 && c.allowed != "" {
				g.Expect(w.Header().Get("Access-Control-Expose-Headers")).To(ContainSubstring("Retry-After"))
			}
			if c.status == http.StatusNoContent {
				g.Expect(w.Header().Get("Access-Control-Allow-Methods")).To(Equal("GET, POST, PATCH"))
				g.Expect(w.Header().Get("Access-Control-Allow-Headers")).To(ContainSubstring("Authorization"))
			} else {
				g.Expect(w.Header()).NotTo(HaveKey("Access-Control-Allow-Methods"))
			}
		})
	}
}
