package paddle

import (
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// Payment is one attempt to pay a transaction.
type Payment struct {
	AttemptID             string  `json:"payment_attempt_id"`
	StoredPaymentMethodID string  `json:"stored_payment_method_id"`
	PaymentMethodID       *string `json:"payment_method_id"`
	Amount                string  `json:"amount"`
	Status                string  `json:"status"` // captured, error or action_required
	ErrorCode             *string `json:"error_code"`
	MethodDetails         any     `json:"method_details"`
	CreatedAt             string  `json:"created_at"`
	CapturedAt            *string `json:"captured_at"`
}

// card is what a subscription is charged with.
type card struct {
	hosted.Card
	month, year int
	method      string // id
}

// errorCodes are Paddle's words for Stripe's.
var errorCodes = map[string]string{
	"insufficient_funds": "not_enough_balance", "lost_card": "blocked_card", "stolen_card": "blocked_card",
	"expired_card": "expired_card", "incorrect_cvc": "invalid_payment_details", "processing_error": "psp_error",
}

func errorCode(declineCode string) string {
	if code := errorCodes[declineCode]; code != "" {
		return code
	}
	return "declined"
}

func (a *account) cardOf(d hosted.Details) *card {
	return &card{d.Card, d.ExpMonth, d.ExpYear, a.newID("paymtd")}
}

// attempt puts an attempt before the transaction's others; an empty failure is a capture.
func (a *account) attempt(t *Transaction, c *card, failure string) {
	now := stamp(a.clock())
	p := Payment{
		AttemptID: newRequestID(), StoredPaymentMethodID: newRequestID(), PaymentMethodID: &c.method, Amount: minor(t.due),
		Status: "captured", CreatedAt: now, CapturedAt: &now,
		MethodDetails: entity{"type": "card", "card": entity{
			"type": c.network(), "last4": c.Last4(), "expiry_month": c.month, "expiry_year": c.year,
			"cardholder_name": "Sam Buyer",
		}},
	}
	if failure != "" {
		p.Status, p.ErrorCode, p.CapturedAt = "error", &failure, nil
	}
	t.Payments = append([]Payment{p}, t.Payments...)
}

func (c *card) network() string {
	if c.Brand == "amex" {
		return "american_express"
	}
	return c.Brand
}

// fail makes an attempt that does not work.
func (a *account) fail(t *Transaction, c *card, failure string) {
	a.change(t, "transaction.payment_failed", func(time.Time) { a.attempt(t, c, failure) })
}

// settle makes an attempt that works.
func (a *account) settle(t *Transaction, c *card) {
	a.change(t, "transaction.paid", func(now time.Time) {
		if t.due > 0 || t.checkout() {
			a.attempt(t, c, "")
		}
		at := stamp(now)
		t.Status = paid
		if t.BilledAt == nil {
			t.BilledAt = &at
		}
	})
}

// finish ends a transaction that is paid.
func (a *account) finish(t *Transaction) {
	a.change(t, "transaction.completed", func(time.Time) {
		a.invoices++
		id, no := a.newID("inv"), "1-"+minor(10_000+a.invoices)
		t.Status, t.InvoiceID, t.InvoiceNumber = completed, &id, &no
	})
}
