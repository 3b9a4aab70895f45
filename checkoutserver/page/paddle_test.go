package page_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/checkoutserver/page"
	"github.com/kassa-dev/kassa/internal/billing"
)

func overlay(t *testing.T, o page.Overlay, query string) *http.Response {
	t.Helper()
	s := settings()
	s.CancelURL = "https://app.example.com/pricing"
	w := httptest.NewRecorder()
	newPages(t, s).Paddle(o, w, httptest.NewRequest(http.MethodGet, "https://pay.example.com/paddle"+query, http.NoBody))
	return w.Result()
}

func TestThePageThatOpensTheOverlay(t *testing.T) {
	g := NewWithT(t)
	answer := overlay(t, page.Overlay{ClientToken: "live_abc", Mode: billing.Live}, "?_ptxn=txn_01h8")
	root := parse(t, body(t, answer))
	scripts := root.all("script")
	g.Expect(scripts).To(HaveLen(2))
	g.Expect(scripts[0].attr("src")).To(Equal("https://cdn.paddle.com/paddle/v2/paddle.js"))
	g.Expect(scripts[1].attr("src")).To(HavePrefix("/paddle.js?v="))
	nonce := nonceIn.FindStringSubmatch(answer.Header.Get("Content-Security-Policy"))[1]
	for _, s := range append(scripts, root.all("style")...) {
		g.Expect(s.attr("nonce")).To(Equal(nonce))
	}
	data := root.all("main")[0]
	g.Expect(data.attr("data-token")).To(Equal("live_abc"))
	g.Expect(data.attr("data-transaction")).To(Equal("txn_01h8"))
	g.Expect(data.attr("data-success")).To(Equal("https://app.example.com/done?session=txn_01h8"))
	g.Expect(data.attr("data-sandbox")).To(BeEmpty())
	g.Expect(root.all("noscript")).To(HaveLen(1))
	g.Expect(root.all("a")[0].attr("href")).To(Equal("https://app.example.com/pricing"))
	g.Expect(answer.Header.Get("Permissions-Policy")).To(ContainSubstring(`payment=(self "https://buy.paddle.com")`))
}

func TestWhatTheOverlayMayLoad(t *testing.T) {
	for name, c := range map[string]struct {
		of      page.Overlay
		script  string
		sandbox string
		want    string // of the policy, after the scripts' nonce
	}{
		"Live": {page.Overlay{Mode: billing.Live}, "https://cdn.paddle.com/paddle/v2/paddle.js", "",
			"script-src 'nonce-N' https://cdn.paddle.com https://public.profitwell.com; " +
				"style-src-elem 'nonce-N' https://cdn.paddle.com; style-src-attr 'unsafe-inline'; " +
				"img-src https://cdn.paddle.com; connect-src https://cdn.paddle.com https://www2.profitwell.com; " +
				"frame-src https://buy.paddle.com; form-action 'none'"},
		"Test": {page.Overlay{Mode: billing.Test}, "https://cdn.paddle.com/paddle/v2/paddle.js", "true",
			"script-src 'nonce-N' https://cdn.paddle.com https://sandbox-cdn.paddle.com; " +
				"style-src-elem 'nonce-N' https://cdn.paddle.com https://sandbox-cdn.paddle.com; " +
				"style-src-attr 'unsafe-inline'; img-src https://cdn.paddle.com https://sandbox-cdn.paddle.com; " +
				"connect-src https://cdn.paddle.com https://sandbox-cdn.paddle.com; " +
				"frame-src https://sandbox-buy.paddle.com; form-action 'none'"},
		"a stand-in": {page.Overlay{Mode: billing.Test, BaseURL: "http://sandbox:12111/paddle"},
			"http://sandbox:12111/paddle/paddle.js", "",
			"script-src 'nonce-N' http://sandbox:12111; style-src-elem 'nonce-N' http://sandbox:12111; " +
				"style-src-attr 'unsafe-inline'; img-src http://sandbox:12111; connect-src http://sandbox:12111; " +
				"frame-src http://sandbox:12111; form-action 'none'"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			answer := overlay(t, c.of, "?_ptxn=txn_01h8")
			policy := answer.Header.Get("Content-Security-Policy")
			nonce := nonceIn.FindStringSubmatch(policy)[1]
			g.Expect(strings.ReplaceAll(policy, nonce, "N")).To(Equal(
				"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'nonce-N'; " + c.want))
			root := parse(t, body(t, answer))
			g.Expect(root.all("script")[0].attr("src")).To(Equal(c.script))
			g.Expect(root.all("main")[0].attr("data-sandbox")).To(Equal(c.sandbox))
		})
	}
}

func TestALinkWithoutATransaction(t *testing.T) {
	for _, id := range []string{"", "sub_1", `txn_"><script>`, "txn_" + strings.Repeat("a", 99)} {
		g := NewWithT(t)
		answer := overlay(t, page.Overlay{}, "?_ptxn="+url.QueryEscape(id))
		g.Expect(answer.StatusCode).To(Equal(http.StatusBadRequest))
		root := parse(t, body(t, answer))
		g.Expect(root.all("script")).To(BeEmpty())
		g.Expect(root.text()).To(ContainSubstring("This link to a checkout is incomplete."))
	}
}

func TestTheScriptIsKeptUntilItChanges(t *testing.T) {
	g := NewWithT(t)
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "https://pay.example.com/paddle.js", http.NoBody)
	newPages(t, settings()).Script(w, r)
	g.Expect(w.Header().Get("Content-Type")).To(HavePrefix("text/javascript"))
	g.Expect(w.Header().Get("Cache-Control")).To(ContainSubstring("immutable"))
	g.Expect(w.Header().Get("X-Content-Type-Options")).To(Equal("nosniff"))
	g.Expect(w.Body.String()).To(ContainSubstring("Paddle.Initialize("))
}
