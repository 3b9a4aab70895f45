package stripe

import (
	"cmp"

	"github.com/kassa-dev/kassa/internal/billing"
)

// maxAttempts is beyond what anybody tries.
const maxAttempts = 1000

// payment is nil where the amount cannot be told in neutral terms: no currency, one that Kassa does not know, or a
// fraction that the currency does not have, or no amount. A wrong amount would be worse than none.
func (o *object) payment(id string, a units, status billing.PaymentStatus) *billing.EventPayment {
	money, ok := fromStripe(a.n, o.Currency)
	if !ok || !a.told {
		return nil
	}
	return &billing.EventPayment{ID: id, Money: money, Status: status}
}

// invoicePayment has the id of the payment intent, so that it is the same payment in every event: invoice, charge
// and refund. An invoice over nothing has no intent, and gives its own id.
func (o *object) invoicePayment(t billing.EventType) *billing.EventPayment {
	status, amount := billing.PaymentStatus(""), o.AmountDue
	paid := o.Status == "paid" || t == billing.PaymentSucceeded || t == billing.PaymentRecovered
	switch {
	case t == billing.PaymentFailed:
		status = billing.PaymentStatusFailed
	case t == billing.PaymentActionRequired:
		status = billing.PaymentStatusActionRequired
	case paid && o.AmountPaid.n == 0 && o.AmountDue.n == 0:
		status = billing.PaymentStatusNotRequired
	case paid:
		status, amount = billing.PaymentStatusSucceeded, o.AmountPaid
	case o.Status == "open" || o.Status == "draft":
		status = billing.PaymentStatusPending
	}
	p := o.payment(cmp.Or(o.PaymentIntent, o.Charge, o.ID), amount, status)
	if p != nil {
		p.Attempt = int(min(max(o.AttemptCount, 0), maxAttempts))
	}
	return p
}

func (o *object) sessionPayment(nativeType string) *billing.EventPayment {
	status := billing.PaymentStatus("")
	switch {
	case nativeType == "checkout.session.expired":
		return nil
	case nativeType == "checkout.session.async_payment_failed":
		status = billing.PaymentStatusFailed
	case o.PaymentStatus == "paid":
		status = billing.PaymentStatusSucceeded
	case o.PaymentStatus == "unpaid":
		status = billing.PaymentStatusPending
	case o.PaymentStatus == "no_payment_required":
		status = billing.PaymentStatusNotRequired
	}
	return o.payment(cmp.Or(o.PaymentIntent, o.Invoice), o.AmountTotal, status)
}

func (o *object) intentPayment() *billing.EventPayment {
	status, amount := billing.PaymentStatusPending, o.Amount
	switch o.Status {
	case "succeeded":
		status, amount = billing.PaymentStatusSucceeded, o.AmountReceived
	case "requires_action":
		status = billing.PaymentStatusActionRequired
	case "requires_payment_method", "canceled":
		status = billing.PaymentStatusFailed
		if o.LastError.Code == "" && o.Status == "requires_payment_method" {
			status = billing.PaymentStatusPending // nothing was tried yet
		}
	}
	p := o.payment(o.ID, amount, status)
	if p != nil {
		p.FailureCode = cmp.Or(o.LastError.DeclineCode, o.LastError.Code)
	}
	return p
}

// chargePayment has the status Refunded only when all of it was given back.
func (o *object) chargePayment() *billing.EventPayment {
	status := billing.PaymentStatus("")
	switch {
	case o.Refunded:
		status = billing.PaymentStatusRefunded
	case o.Status == "succeeded":
		status = billing.PaymentStatusSucceeded
	case o.Status == "failed":
		status = billing.PaymentStatusFailed
	case o.Status == "pending":
		status = billing.PaymentStatusPending
	}
	p := o.payment(cmp.Or(o.PaymentIntent, o.ID), o.Amount, status)
	if p == nil {
		return nil
	}
	p.FailureCode = o.FailureCode
	if o.AmountRefunded.n > 0 {
		if refunded, ok := fromStripe(o.AmountRefunded.n, o.Currency); ok {
			p.Refunded = &refunded
		}
	}
	return p
}
