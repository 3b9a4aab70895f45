package records_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/records"
)

var paddleKey = "pdl_sdbx_" + "apikey_" + strings.Repeat("a", 26) + "_" + strings.Repeat("b", 22) + "_ccc"

// adjustment is what Paddle makes of a transaction afterwards.
type adjustment struct {
	ID          string  `json:"id"`
	Action      string  `json:"action"`
	Type        string  `json:"type"`
	Status      string  `json:"status"`
	Reason      string  `json:"reason"`
	Transaction string  `json:"transaction_id"`
	Customer    *string `json:"customer_id"`
	Currency    string  `json:"currency_code"`
	Totals      struct {
		Total string `json:"total"`
	} `json:"totals"`
}

// adjust tells an adjustment of the transaction that was made as the n-th.
func adjust(m *market, native, adjustmentID, action, kind, status string, n int, total int64) {
	m.t.Helper()
	account := m.sb.Paddle().Account(paddleKey)
	t := account.Transactions()[n]
	a := adjustment{
		ID: adjustmentID, Action: action, Type: kind, Status: status, Reason: "fraud", Transaction: t.ID,
		Customer: t.CustomerID, Currency: "USD",
	}
	a.Totals.Total = id(total)
	body, err := json.Marshal(a)
	m.Expect(err).NotTo(HaveOccurred())
	_, err = account.Emit(native, body)
	m.Expect(err).NotTo(HaveOccurred())
	m.wait(time.Minute)
}

// Paddle tells a payment as a transaction alone, its failures both as attempts and as a bill that is past due, and each
// refund by itself, maybe before it was approved.
func TestPaddleBooks(t *testing.T) {
	m := newMarket(t, paddle.Adapter{}, paddleKey)
	m.buy("once", noFunds, good)
	m.buy("monthly", good)
	began := opening.Add(2 * time.Minute)
	sub := m.subscription()
	m.wait(month)
	account := m.sb.Paddle().Account(paddleKey)
	card := func(number string) {
		m.Expect(account.SetCard(sub.ID, number)).To(Succeed())
		m.wait(time.Minute)
	}
	card(failsLater)
	m.wait(month)
	m.wait(day) // the bank was asked twice
	card(good)
	m.wait(month)

	adjust(m, "adjustment.created", "adj_1", "refund", "partial", "approved", 0, 100)
	adjust(m, "adjustment.created", "adj_2", "refund", "partial", "approved", 0, 200)
	adjust(m, "adjustment.created", "adj_3", "refund", "partial", "pending_approval", 0, 50)
	adjust(m, "adjustment.updated", "adj_3", "refund", "partial", "rejected", 0, 50)
	adjust(m, "adjustment.created", "adj_4", "refund", "full", "pending_approval", 1, perMonth)
	// A whole refund of less than was paid: it says how the payment stands, and not how much it was.
	adjust(m, "adjustment.updated", "adj_4", "refund", "full", "approved", 1, perMonth-800)
	adjust(m, "adjustment.created", "adj_5", "chargeback", "full", "approved", 2, perMonth)
	adjust(m, "adjustment.created", "adj_6", "chargeback_reverse", "full", "approved", 2, perMonth)
	_, err := m.seller.Subscriptions().Cancel(t.Context(), sub.ID, true)
	m.Expect(err).NotTo(HaveOccurred())
	ended := m.sb.Clock().Now()

	r := m.rows(m.told())
	m.Expect(books(r)).To(Equal([]paid{
		{Amount: onceOnly, Status: "Succeeded", Failures: "not_enough_balance,", Last: "not_enough_balance", Back: 300},
		{Amount: perMonth, Status: "Refunded", Of: sub.ID, Price: "monthly", Back: perMonth - 800},
		{Amount: perMonth, Status: "Succeeded", Of: sub.ID, Price: "monthly"},
		{Amount: perMonth, Status: "Succeeded", Of: sub.ID, Price: "monthly", Failures: "declined,declined,",
			Last: "declined"},
		{Amount: perMonth, Status: "Succeeded", Of: sub.ID, Price: "monthly"},
	}))
	m.Expect(r.Subscriptions).To(HaveLen(1))
	s := r.Subscriptions[records.SubscriptionKey{Account: m.account, Subscription: sub.ID}]
	m.Expect([]any{s.Status, s.Plan, s.Price, s.UserID, s.Customer, s.Order}).To(
		Equal([]any{billing.StatusCanceled, "pro", "monthly", jane.ID, sub.CustomerID, ""}))
	m.Expect(s.Charge).To(Equal(monthly))
	m.Expect([]time.Time{s.Started, s.Ended}).To(Equal([]time.Time{began, ended}))
	m.Expect(r.Disputes).To(HaveLen(1), "its end has another id than its beginning")
	bill := account.Transactions()[2].ID
	d := r.Disputes[records.DisputeKey{Account: m.account, Dispute: bill}]
	m.Expect([]any{d.Payment, d.Reason, d.Status, d.Money, d.Closed.Sub(d.Opened)}).To(
		Equal([]any{bill, "fraud", "chargeback_reverse", usd(perMonth), time.Minute}))
	m.Expect(r.Customers).To(HaveKeyWithValue(records.CustomerKey{Account: m.account, Customer: sub.CustomerID},
		And(HaveField("Email", jane.Email), HaveField("UserID", jane.ID))))
}
