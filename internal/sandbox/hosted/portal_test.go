package hosted

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestPortalSaysHowASubscriptionGoesOn(t *testing.T) {
	g, on := NewWithT(t), time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC)
	for want, s := range map[string]Subscription{
		"Past due; Renews on 31 January 2026": {Status: "past_due", On: on},
		"Active; Ends on 31 January 2026":     {Status: "active", On: on, Ends: true},
		"Canceled; Ended on 31 January 2026":  {Status: "canceled", On: on, Ends: true, Over: true},
		"Trialing; Renews":                    {Status: "trialing"},
	} {
		g.Expect(s.State() + "; " + s.Term()).To(Equal(want))
	}
	g.Expect(Subscription{}.State()).To(BeEmpty())
	g.Expect(CardName("amex", "0005")).To(Equal("American Express ending in 0005"))
	g.Expect(CardName("diners", "0004")).To(Equal("diners ending in 0004"))
}

func TestPagesAllowNothingFromElsewhere(t *testing.T) {
	g, checkout, portal := NewWithT(t), httptest.NewRecorder(), httptest.NewRecorder()
	Write(checkout, http.StatusOK, Page{State: StateOpen, PayURL: "/pay/1?a=b"})
	WritePortal(portal, http.StatusGone, Portal{Gone: true, Email: "jane@example.com"})
	for _, w := range []*httptest.ResponseRecorder{checkout, portal} {
		g.Expect(w.Header().Get("Content-Security-Policy")).To(HavePrefix("default-src 'none'; style-src 'nonce-"))
		g.Expect(w.Header().Get("Cache-Control")).To(Equal("no-store"))
		g.Expect(w.Body.String()).NotTo(ContainSubstring("ZgotmplZ"))
	}
	g.Expect(checkout.Body.String()).To(ContainSubstring(`action="/pay/1?a=b"`))
	g.Expect(portal.Body.String()).NotTo(ContainSubstring("jane@example.com"), "the link is nobody's any more")
}
