package billing_test

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

func TestMatchesEvent(t *testing.T) {
	for _, c := range []struct {
		why      string
		patterns []string
		kind     billing.EventType
		native   string
		want     bool
	}{
		{"no patterns admit the taxonomy", nil, billing.PaymentSucceeded, "invoice.paid", true},
		{"no patterns leave out what has no name", nil, "", "payout.paid", false},
		{"a normalised name", []string{"payment.succeeded"}, billing.PaymentSucceeded, "invoice.paid", true},
		{"another normalised name", []string{"payment.failed"}, billing.PaymentSucceeded, "invoice.paid", false},
		{"a group", []string{"payment.*"}, billing.PaymentSucceeded, "invoice.paid", true},
		{"a group is not a prefix of a word", []string{"pay.*"}, billing.PaymentSucceeded, "invoice.paid", false},
		{"the provider's own name", []string{"payout.paid"}, "", "payout.paid", true},
		{"a group of the provider's own names", []string{"payout.*"}, "", "payout.paid", true},
		{"an event without a name matches no normalised group", []string{"payment.*"}, "", "payout.paid", false},
	} {
		t.Run(c.why, func(t *testing.T) {
			NewWithT(t).Expect(billing.MatchesEvent(c.patterns, c.kind, c.native)).To(Equal(c.want))
		})
	}
}

func TestPaymentJSON(t *testing.T) {
	g := NewWithT(t)
	refunded := billing.Money{Minor: 100, Currency: "USD"}
	text, err := json.Marshal(billing.EventPayment{
		ID: "in_1", Money: billing.Money{Minor: 2900, Currency: "USD"}, Status: billing.PaymentStatusSucceeded,
		Attempt: 1, Refunded: &refunded,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(text).To(MatchJSON(`{"id":"in_1","amount":"29.00","minorUnits":2900,"currency":"USD",
		"status":"Succeeded","attempt":1,"refunded":"1.00"}`))
}

// What only the records need is no part of what the app gets.
func TestRecordsFactsAreNotTold(t *testing.T) {
	g := NewWithT(t)
	money := billing.Money{Minor: 100, Currency: "USD"}
	text, err := json.Marshal(billing.EventSubscription{
		ID: "1", OrderID: "2", Quantity: 3, Currency: "USD", Owner: billing.Owner{Name: "pro"},
		Charge: &billing.EventCharge{Unit: money, Quantity: 3, Interval: billing.Month, Count: 1},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(text).To(MatchJSON(`{"id":"1"}`))
	text, err = json.Marshal(billing.EventPayment{
		ID: "1", Money: money, Order: true, Refund: &billing.EventRefund{ID: "2", Money: money},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(text).To(MatchJSON(`{"id":"1","amount":"1.00","minorUnits":100,"currency":"USD"}`))
}

func TestEventTypesAreDistinct(t *testing.T) {
	g := NewWithT(t)
	seen := map[billing.EventType]bool{}
	for _, e := range billing.EventTypes() {
		g.Expect(seen[e]).To(BeFalse(), string(e))
		seen[e] = true
	}
}
