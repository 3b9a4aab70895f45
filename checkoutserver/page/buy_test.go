package page_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/checkoutserver/page"
)

func record(method, target, form string) (*httptest.ResponseRecorder, *http.Request) {
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return httptest.NewRecorder(), r
}

// send is what a browser does when Pro's button is pressed. change may spoil it.
func send(t *testing.T, p *page.Pages, change func(url.Values, *http.Request)) (page.Purchase, error) {
	t.Helper()
	answer := get(p, shop(), "?interval=year&currency=EUR")
	form := url.Values{}
	for name, value := range values(card(t, body(t, answer), "Pro").all("form")[0]) {
		form.Set(name, value)
	}
	w, r := record(http.MethodPost, "https://pay.example.com/buy", "")
	r.Header.Set("Origin", "https://pay.example.com")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range answer.Cookies() {
		r.AddCookie(c)
	}
	if change != nil {
		change(form, r)
	}
	again := httptest.NewRequest(http.MethodPost, r.URL.String(), strings.NewReader(form.Encode()))
	again.Header = r.Header
	return p.Buy(shop(), w, again)
}

func TestAButtonBuysWhatItSays(t *testing.T) {
	g := NewWithT(t)
	bought, err := send(t, newPages(t, settings()), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(bought).To(Equal(page.Purchase{Plan: "pro", Price: "yearly", Currency: "EUR"}))
}

func TestAnyReplicaTakesTheForm(t *testing.T) {
	g := NewWithT(t)
	first, second := newPages(t, settings()), newPages(t, settings())
	answer := get(first, shop(), "")
	kept := answer.Cookies()
	g.Expect(kept).To(HaveLen(1))
	g.Expect(kept[0].Name).To(HavePrefix("__Host-"))
	g.Expect(kept[0].Secure && kept[0].HttpOnly).To(BeTrue())
	g.Expect(kept[0].SameSite).To(Equal(http.SameSiteLaxMode))
	later := get(second, shop(), "", "Cookie", kept[0].Name+"="+kept[0].Value)
	g.Expect(later.Cookies()).To(BeEmpty(), "the token stays, for the sake of other tabs")
	g.Expect(values(parse(t, body(t, later)).all("form")[0])["token"]).To(Equal(kept[0].Value))
}

func TestWhatIsNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		change func(url.Values, *http.Request)
		want   error
		status int
	}{
		"from another site": {func(_ url.Values, r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, page.ErrForged, 403},
		"from another site, by an old browser": {func(_ url.Values, r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Del("Sec-Fetch-Site")
		}, page.ErrForged, 403},
		"without the cookie": {func(_ url.Values, r *http.Request) { r.Header.Del("Cookie") }, page.ErrForged, 403},
		"without the token":  {func(f url.Values, _ *http.Request) { f.Del("token") }, page.ErrForged, 403},
		"both empty": {func(f url.Values, r *http.Request) {
			f.Set("token", "")
			r.Header.Set("Cookie", "__Host-kassa=")
		}, page.ErrForged, 403},
		"another token": {func(f url.Values, _ *http.Request) {
			f.Set("token", strings.Repeat("A", 26))
		}, page.ErrForged, 403},
		"a form that is too long": {func(f url.Values, _ *http.Request) {
			f.Set("x", strings.Repeat("x", 5000))
		}, page.ErrForm, 400},
		"another plan":     {func(f url.Values, _ *http.Request) { f.Set("plan", "free") }, page.ErrNotSold, 404},
		"another price":    {func(f url.Values, _ *http.Request) { f.Set("price", "free") }, page.ErrNotSold, 404},
		"another currency": {func(f url.Values, _ *http.Request) { f.Set("currency", "GBP") }, page.ErrNotSold, 404},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			bought, err := send(t, newPages(t, settings()), c.change)
			g.Expect(err).To(MatchError(c.want))
			g.Expect(page.Status(err)).To(Equal(c.status))
			g.Expect(bought).To(BeZero())
		})
	}
}

func TestOverPlainHTTPTheCookieIsOneThatBrowsersTake(t *testing.T) {
	g := NewWithT(t)
	s := settings()
	s.URL = "http://localhost:8080"
	kept := get(newPages(t, s), shop(), "").Cookies()
	g.Expect(kept[0].Name).NotTo(HavePrefix("__"))
	g.Expect(kept[0].Secure).To(BeFalse())
}

func TestACookieThatSomebodyMadeUpIsReplaced(t *testing.T) {
	g := NewWithT(t)
	answer := get(newPages(t, settings()), shop(), "", "Cookie", `__Host-kassa=<script>alert(1)</script>1`)
	g.Expect(answer.Cookies()).To(HaveLen(1))
	g.Expect(parse(t, body(t, answer)).all("script")).To(BeEmpty())
}
