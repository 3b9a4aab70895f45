package sandbox_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"
)

func (w *world) portal(customer string) string {
	w.t.Helper()
	s, err := w.api.BillingPortalSessions.New(&stripego.BillingPortalSessionParams{
		Customer: &customer, ReturnURL: stripego.String("https://shop.example.com/account"),
	})
	w.g.Expect(err).NotTo(HaveOccurred())
	return s.URL
}

func TestPortal(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub, other := w.subscribed("4242424242424242"), w.subscribed("4242424242424242")
	address := w.portal(sub.Customer.ID)
	res, page := w.visit(address, nil, "text/html")
	g.Expect(res.StatusCode).To(Equal(200))
	g.Expect(res.Header.Get("Content-Security-Policy")).To(ContainSubstring("default-src 'none'"))
	g.Expect(page).To(And(ContainSubstring("58.00 USD per month"), ContainSubstring("ending in 4242"),
		ContainSubstring(`href="https://shop.example.com/account"`), Not(ContainSubstring(other.ID))))

	do := func(form url.Values) *http.Response { res, _ := w.visit(address, form, "text/html"); return res }
	g.Expect(do(url.Values{"action": {"cancel"}, "subscription": {sub.ID}}).StatusCode).To(Equal(http.StatusSeeOther))
	g.Expect(w.subscription(sub.ID).CancelAtPeriodEnd).To(BeTrue())
	g.Expect(do(url.Values{"action": {"resume"}, "subscription": {sub.ID}}).StatusCode).To(Equal(http.StatusSeeOther))
	g.Expect(w.subscription(sub.ID).CancelAtPeriodEnd).To(BeFalse())
	g.Expect(do(url.Values{"action": {"cancel"}, "subscription": {other.ID}}).StatusCode).To(Equal(400))
	g.Expect(w.subscription(other.ID).CancelAtPeriodEnd).To(BeFalse(), "a customer's own only")

	w.advance(2 * time.Hour)
	g.Expect(do(nil).StatusCode).To(Equal(http.StatusGone))
	res, _ = w.visit(w.url+"/pay/bps_no/portal", nil, "text/html")
	g.Expect(res.StatusCode).To(Equal(http.StatusNotFound))
}

func TestAnotherCardRecovers(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub := w.subscribed("4000000000000341")
	w.advance(32 * day)
	g.Expect(w.subscription(sub.ID).Status).To(Equal(stripego.SubscriptionStatusPastDue))
	address, n := w.portal(sub.Customer.ID), len(w.eventTypes())
	form := card("4000000000000002")
	form.Set("action", "card")
	res, _ := w.visit(address, form, "text/html")
	g.Expect(res.StatusCode).To(Equal(http.StatusPaymentRequired))
	g.Expect(w.since(n)).To(BeEmpty(), "a card that is declined is not kept")
	form.Set("number", "4242424242424242")
	res, _ = w.visit(address, form, "text/html")
	g.Expect(res.StatusCode).To(Equal(http.StatusSeeOther))
	g.Expect(w.since(n)).To(Equal([]string{
		"payment_method.attached", "customer.updated", "customer.subscription.updated", "charge.succeeded",
		"payment_intent.succeeded", "invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated",
	}))
	is := w.subscription(sub.ID)
	g.Expect(is.Status).To(Equal(stripego.SubscriptionStatusActive))
	g.Expect(is.LatestInvoice.AttemptCount).To(Equal(int64(1)), "only automatic attempts count")
	g.Expect(w.advance(31 * day)).To(ContainElement("invoice.paid"))
}

func TestResumeAfterATrialWithoutACard(t *testing.T) {
	w := newYearWorld(t)
	g := w.g
	sub := w.subscribed("", trial(2, "pause"))
	w.advance(10 * day)
	form := card("4242424242424242")
	form.Set("action", "card")
	w.visit(w.portal(sub.Customer.ID), form, "text/html")
	n := len(w.eventTypes())
	is, err := w.api.Subscriptions.Resume(sub.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(is.Status).To(Equal(stripego.SubscriptionStatusActive))
	g.Expect(w.since(n)).To(Equal(append(append([]string{"customer.subscription.resumed"}, drafted...), charged...)))
	g.Expect(time.Unix(is.CurrentPeriodEnd, 0).UTC()).To(Equal(newYear.Add(10*day).AddDate(0, 1, 0)))
}
