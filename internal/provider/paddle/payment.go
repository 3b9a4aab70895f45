package paddle

import (
	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
)

// eventMoney reads an amount, which is a text of an integer in the currency's lowest unit and may be negative. ok is
// false where it cannot be told in neutral terms: no integer, one beyond int64, or a currency that Kassa does not know.
// A wrong amount would be worse than none.
func eventMoney(a amount, currency []byte) (m billing.Money, ok bool) {
	if len(a.currency) > 0 {
		currency = a.currency
	}
	return moneyFrom(paddle.Money{Amount: string(a.minor), CurrencyCode: paddle.CurrencyCode(currency)})
}

// transactionPayment has the transaction's id, so that it is the same payment in every event: of the transaction, its
// refunds and its disputes. Of a checkout that was given up nothing was paid.
func (o *object) transactionPayment(t billing.EventType) *billing.EventPayment {
	money, ok := eventMoney(o.details, o.currency)
	if !ok || t == billing.CheckoutExpired {
		return nil
	}
	p := &billing.EventPayment{
		ID: string(o.id), Money: money, Attempt: o.payments.attempt(), FailureCode: string(o.payments.errorCode),
	}
	switch status, newest := string(o.status), string(o.payments.newest); {
	case t == billing.PaymentFailed || t == billing.CheckoutFailed:
		p.Status = billing.PaymentStatusFailed
	case status == "completed" || status == "paid":
		p.Status = billing.PaymentStatusSucceeded
		if money.Minor <= 0 {
			p.Status = billing.PaymentStatusNotRequired
		}
	case status == "canceled":
	case newest == "error":
		p.Status = billing.PaymentStatusFailed
	case newest == "action_required":
		p.Status = billing.PaymentStatusActionRequired
	default:
		p.Status = billing.PaymentStatusPending
	}
	return p
}

// attempt is the number of the latest attempt: that of the failures, and one more if it is none itself. It is 0 where
// no attempt was made: for nothing, or by bank transfer.
func (p *payments) attempt() int {
	if p.count > 0 && string(p.newest) != "error" {
		return p.failed + 1
	}
	return p.failed
}

// adjustmentPayment is the payment that was refunded or disputed. An adjustment tells neither what was paid nor what
// was given back before: the amount is its own, and only a full refund says how the payment stands. So each refund is
// told by itself.
func (o *object) adjustmentPayment(t billing.EventType) *billing.EventPayment {
	money, ok := eventMoney(o.totals, o.currency)
	if !ok {
		return nil
	}
	p := &billing.EventPayment{ID: string(o.transactionID), Money: money}
	if t != billing.PaymentRefunded {
		return p
	}
	p.Refund = &billing.EventRefund{ID: string(o.id), Money: money}
	if string(o.kind) == "full" {
		p.Status, p.Refunded = billing.PaymentStatusRefunded, &p.Refund.Money
	}
	return p
}
