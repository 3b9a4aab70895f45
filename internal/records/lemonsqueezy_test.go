package records_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/records"
	dashboard "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

// sold is the n-th order, or invoice, of the store.
func sold(m *market, kind string, n int) map[string]any {
	m.t.Helper()
	body, err := json.Marshal(m.sb.LemonSqueezy().State()[kind])
	m.Expect(err).NotTo(HaveOccurred())
	var all []map[string]any
	m.Expect(json.Unmarshal(body, &all)).To(Succeed())
	m.Expect(len(all)).To(BeNumerically(">", n))
	return all[n]
}

// refund tells that so much of the first order, or the first invoice, was given back, in all.
func refund(m *market, native, kind string, sum int64, status string) {
	m.t.Helper()
	object := sold(m, kind, 0)
	a := object["attributes"].(map[string]any)
	a["refunded"], a["refunded_amount"], a["status"] = true, sum, status
	a["updated_at"] = m.sb.Clock().Now().Format("2006-01-02T15:04:05.000000Z")
	body, err := json.Marshal(object)
	m.Expect(err).NotTo(HaveOccurred())
	_, sent, err := m.sb.LemonSqueezy().Emit(dashboard.Notice{Type: native, Data: body})
	m.Expect(err).NotTo(HaveOccurred())
	m.Expect(sent).To(HaveLen(1))
	m.wait(time.Minute)
}

// LemonSqueezy tells the first payment of a subscription as an order and as an invoice, and a late one as two events.
func TestLemonSqueezyBooks(t *testing.T) {
	m := newMarket(t, lemonsqueezy.Adapter{}, "eyJ0"+"ZXN0")
	m.buy("once", noFunds, good)
	m.buy("monthly", good)
	began := opening.Add(2 * time.Minute)
	sub := m.subscription()
	m.wait(month)
	card := func(number string) {
		portal, err := m.seller.Subscriptions().Portal(t.Context(), sub, "")
		m.Expect(err).NotTo(HaveOccurred())
		form := url.Values{"action": {"card"}, "subscription": {sub.ID}, "number": {number}}
		m.Expect(m.visit(portal, form)).To(Equal(http.StatusSeeOther))
		m.wait(time.Minute)
	}
	card(failsLater)
	m.wait(month)
	m.wait(day) // the bank was asked twice
	card(good)
	m.wait(month)

	refund(m, "order_refunded", "orders", 100, "partial_refund")
	refund(m, "order_refunded", "orders", 300, "partial_refund")
	refund(m, "subscription_payment_refunded", "subscription-invoices", 1000, "partial_refund")
	refund(m, "subscription_payment_refunded", "subscription-invoices", perMonth, "refunded")
	_, err := m.seller.Subscriptions().Cancel(t.Context(), sub.ID, false)
	m.Expect(err).NotTo(HaveOccurred())
	sub = m.subscription()
	m.wait(month)

	events := m.told()
	r := m.rows(events)
	m.Expect(books(r)).To(Equal([]paid{
		{Amount: onceOnly, Status: "Succeeded", Back: 300},
		{Amount: perMonth, Status: "Refunded", Of: sub.ID, Back: perMonth},
		{Amount: perMonth, Status: "Succeeded", Of: sub.ID},
		{Amount: perMonth, Status: "Succeeded", Of: sub.ID, Failures: ",,"},
		{Amount: perMonth, Status: "Succeeded", Of: sub.ID},
	}))
	m.Expect(events).To(ContainElement(HaveField("Type", billing.PaymentRecovered)))
	m.Expect(r.Subscriptions).To(HaveLen(1))
	s := r.Subscriptions[records.SubscriptionKey{Account: m.account, Subscription: sub.ID}]
	m.Expect([]any{s.Status, s.PriceID, s.UserID, s.Customer}).To(
		Equal([]any{billing.StatusCanceled, m.prices["monthly"], jane.ID, sub.CustomerID}))
	m.Expect(s.Order).To(Equal(sold(m, "orders", 1)["id"]))
	m.Expect([]time.Time{s.Started, s.Ended}).To(Equal([]time.Time{began, sub.EndsAt}))
	m.Expect(r.Payments).To(HaveKeyWithValue(
		records.PaymentKey{Account: m.account, Kind: records.KindOrder, Payment: s.Order},
		HaveField("Money", usd(perMonth))), "it is told, and counts as the first invoice")
	m.Expect(r.Customers).To(HaveKeyWithValue(records.CustomerKey{Account: m.account, Customer: sub.CustomerID},
		And(HaveField("Email", jane.Email), HaveField("UserID", jane.ID))))
}
