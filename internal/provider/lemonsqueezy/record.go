package lemonsqueezy

import (
	"cmp"
	"math"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Statuses of subscriptions and orders.
const (
	onTrial   = "on_trial"
	active    = "active"
	paused    = "paused"
	pastDue   = "past_due"
	unpaid    = "unpaid"
	cancelled = "cancelled" // until ends_at
	expired   = "expired"

	paid     = "paid"
	failed   = "failed"
	refunded = "refunded"
	partial  = "partial_refund"
)

// describe fills in what the object tells.
func (p *payload) describe(e *billing.Event) {
	a, id := &p.attributes, p.id
	e.Customer = p.customer(e.Metadata)
	switch p.kind {
	case kindSubscription:
		e.Subscription = a.subscription(id)
	case kindInvoice:
		if a.subscriptionID != "" {
			e.Subscription = &billing.EventSubscription{ID: a.subscriptionID}
		}
		e.Payment = a.payment(id, a.invoiceStatus(e.Type))
	case kindOrder:
		e.Checkout = &billing.EventCheckout{ID: id}
		// Which subscription an order began is not told, only what was bought.
		if a.orderedVariant != "" {
			e.Subscription = &billing.EventSubscription{PriceID: a.orderedVariant}
		}
		if e.Payment = a.payment(id, a.orderStatus()); e.Payment != nil {
			e.Payment.Order = true
		}
	}
}

func (p *payload) customer(metadata map[string]string) *billing.EventCustomer {
	a := &p.attributes
	c := billing.EventCustomer{ID: a.customerID, Email: a.userEmail, UserID: metadata[userIDKey]}
	if p.kind == kindCustomer {
		c.ID, c.Email = p.id, a.email
	}
	if c == (billing.EventCustomer{}) {
		return nil
	}
	return &c
}

// subscription has the variant as price, because that is what Plans adopt. The price behind it changes with every edit
// in the dashboard. What it costs is not told; quantity is how many, and 0 where that is not what is billed.
func (a *attributes) subscription(id string) *billing.EventSubscription {
	s := &billing.EventSubscription{
		ID: id, Status: a.subscriptionStatus(), PriceID: a.variantID, TrialEnd: moment(a.trialEndsAt),
		CurrentPeriodEnd: moment(a.renewsAt), OrderID: a.orderID,
	}
	if !a.usage && a.quantity > 0 && a.quantity <= math.MaxInt32 {
		s.Quantity = int(a.quantity)
	}
	if s.Status == billing.StatusCanceling || s.Status == billing.StatusCanceled {
		s.CurrentPeriodEnd = cmp.Or(moment(a.endsAt), s.CurrentPeriodEnd)
	}
	if s.Status != "" {
		s.CancelAtPeriodEnd = new(s.Status == billing.StatusCanceling)
	}
	return s
}

// subscriptionStatus: a pause does not hide that a subscription ends or is behind with its payments.
func (a *attributes) subscriptionStatus() billing.SubscriptionStatus {
	switch a.status {
	case pastDue:
		return billing.StatusPastDue
	case unpaid:
		return billing.StatusUnpaid
	case cancelled:
		return billing.StatusCanceling
	case expired:
		return billing.StatusCanceled
	case paused:
		return billing.StatusPaused
	case active, onTrial:
		switch {
		case a.paused:
			return billing.StatusPaused
		case a.status == onTrial:
			return billing.StatusTrialing
		}
		return billing.StatusActive
	default:
		return ""
	}
}

// invoiceStatus goes by the event where the event tells it: an invoice whose payment failed is pending.
func (a *attributes) invoiceStatus(t billing.EventType) billing.PaymentStatus {
	switch t {
	case billing.PaymentFailed:
		return billing.PaymentStatusFailed
	case billing.PaymentSucceeded, billing.PaymentRecovered:
		return billing.PaymentStatusSucceeded
	}
	return a.orderStatus()
}

func (a *attributes) orderStatus() billing.PaymentStatus {
	switch a.status {
	case paid, refunded, partial:
		return billing.PaymentStatusSucceeded
	case pending:
		return billing.PaymentStatusPending
	case failed:
		return billing.PaymentStatusFailed
	default:
		return ""
	}
}

// payment is nil where the amount cannot be told: no currency, one that Kassa does not know, or no whole number.
// Amounts are in the minor unit of the store's currency, as prices are. Its id is the order's or the invoice's, which
// are counted apart. The status Refunded is of a payment of which all was given back.
func (a *attributes) payment(id string, status billing.PaymentStatus) *billing.EventPayment {
	currency, err := billing.ParseCurrency(a.currency)
	if err != nil || !a.total.there {
		return nil
	}
	money := func(n int64) billing.Money { return billing.Money{Minor: n, Currency: currency} }
	p := &billing.EventPayment{ID: id, Money: money(a.total.n), Status: status}
	all, back := a.status == refunded, a.refundedAmount.n
	if back <= 0 && (all || a.refunded && a.status != partial) {
		back = a.total.n // an order of the time before refunds could be partial tells no amount
	}
	if back > 0 {
		p.Refunded, all = new(money(back)), all || back >= a.total.n
	}
	switch {
	case all:
		p.Status = billing.PaymentStatusRefunded
	case status == billing.PaymentStatusSucceeded && a.total.n == 0:
		p.Status = billing.PaymentStatusNotRequired
	}
	return p
}

// moment is nil for no time.
func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
