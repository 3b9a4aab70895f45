package records

import (
	"slices"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Of is what an event tells. The event's time has to be set.
func Of(account Account, e *billing.Event) Rows {
	var r Rows
	if c := e.Customer; c != nil && c.ID != "" {
		r.Customers = put(r.Customers, CustomerKey{account, c.ID}, customer(e), Customer.merge)
	}
	if s := e.Subscription; s != nil && s.ID != "" {
		r.Subscriptions = put(r.Subscriptions, SubscriptionKey{account, s.ID}, subscription(e), Subscription.merge)
	}
	if e.Payment != nil && e.Payment.ID != "" {
		payment(&r, account, e)
	}
	if e.Dispute != nil {
		r.Disputes = put(r.Disputes, DisputeKey{account, disputeID(account, e)}, dispute(e), Dispute.merge)
	}
	return r
}

// put merges a row into those that are there, which may be none.
func put[K comparable, V any](into map[K]V, key K, row V, merge func(a, b V) V) map[K]V {
	if into == nil {
		into = map[K]V{}
	}
	if there, ok := into[key]; ok {
		row = merge(there, row)
	}
	into[key] = row
	return into
}

func keep[K comparable, V any](a, _ V) V { return a }

// Merge adds rows to these.
func (r *Rows) Merge(o Rows) {
	r.Customers = mergeAll(r.Customers, o.Customers, Customer.merge)
	r.Subscriptions = mergeAll(r.Subscriptions, o.Subscriptions, Subscription.merge)
	r.Payments = mergeAll(r.Payments, o.Payments, Payment.merge)
	r.Failures = mergeAll(r.Failures, o.Failures, keep[FailureKey, Failure])
	r.Refunds = mergeAll(r.Refunds, o.Refunds, Refund.merge)
	r.Disputes = mergeAll(r.Disputes, o.Disputes, Dispute.merge)
}

func mergeAll[K comparable, V any](into, from map[K]V, merge func(a, b V) V) map[K]V {
	for key, row := range from {
		into = put(into, key, row, merge)
	}
	return into
}

func customer(e *billing.Event) Customer {
	v := version(passing, e.Time, rankChange, e.ID)
	out := Customer{FirstSeen: e.Time}
	if e.Customer.UserID != "" {
		out.UserID, out.UserVersion = e.Customer.UserID, v
	}
	if e.Customer.Email != "" {
		out.Email, out.EmailVersion = e.Customer.Email, v
	}
	if e.Type == billing.CustomerDeleted {
		out.Deleted = e.Time
	}
	return out
}

func subscription(e *billing.Event) Subscription {
	s := e.Subscription
	out := Subscription{Order: s.OrderID, Started: e.Time}
	if c := e.Customer; c != nil {
		out.Customer = c.ID
		if c.UserID != "" {
			out.UserID, out.UserVersion = c.UserID, version(passing, e.Time, rankChange, e.ID)
		}
	}
	if s.Status == "" {
		return out // an event of something else, which only names the subscription
	}
	finality, rank := passing, rankChange
	if s.Status.Ended() {
		finality, out.Ended = settled, e.Time
	}
	if begins(e) {
		rank = rankBegin
	}
	out.Version = version(finality, e.Time, rank, e.ID)
	out.snapshot(s)
	return out
}

func (a *Subscription) snapshot(s *billing.EventSubscription) {
	a.Status, a.Plan, a.Price, a.PriceID, a.Charge = s.Status, s.Plan, s.Price, s.PriceID, s.Charge
	a.CurrentPeriodEnd, a.TrialEnd = instant(s.CurrentPeriodEnd), instant(s.TrialEnd)
	a.CancelAtPeriodEnd = s.CancelAtPeriodEnd != nil && *s.CancelAtPeriodEnd
}

// begins says that nothing happened to the object before this. A subscription may also begin with its trial, which may
// as well come of a change.
func begins(e *billing.Event) bool {
	return e.Type == billing.SubscriptionCreated ||
		e.Type == billing.SubscriptionTrialing && strings.HasSuffix(e.NativeType, "created")
}

// paying are the events that tell how a payment stands. What else has a payment in it tells the same again under
// another id, as Stripe's checkouts do, or another amount, as disputes do.
var paying = []billing.EventType{
	billing.PaymentSucceeded, billing.PaymentFailed, billing.PaymentPastDue, billing.PaymentRecovered,
	billing.PaymentActionRequired,
}

// tellsPayment: at Paddle and LemonSqueezy a checkout and its payment are one event.
func tellsPayment(account Account, e *billing.Event) bool {
	checkout := e.Type == billing.CheckoutCompleted || e.Type == billing.CheckoutFailed
	return slices.Contains(paying, e.Type) || checkout && account.Provider != billing.Stripe
}

func payment(r *Rows, account Account, e *billing.Event) {
	p := e.Payment
	key, tells := PaymentKey{account, kindOf(account, p), p.ID}, tellsPayment(account, e)
	if tells || e.Type == billing.PaymentRefunded || p.FailureCode != "" {
		r.Payments = put(r.Payments, key, paymentRow(e, tells), Payment.merge)
	}
	// Paddle tells that a bill is past due beside the attempt that failed.
	if tells && e.Type != billing.PaymentPastDue && p.Status == billing.PaymentStatusFailed {
		row := Failure{p.Attempt, p.FailureCode, e.Time}
		r.Failures = put(r.Failures, FailureKey{key, e.ID}, row, keep[FailureKey, Failure])
	}
	switch {
	case e.Type == billing.PaymentRefunded && p.Refund != nil:
		r.Refunds = put(r.Refunds, RefundKey{key, p.Refund.ID}, Refund{p.Refund.Money, e.Time}, Refund.merge)
	case e.Type == billing.PaymentRefunded && p.Refunded != nil:
		r.Refunds = put(r.Refunds, RefundKey{key, ""}, Refund{*p.Refunded, e.Time}, Refund.merge)
	}
}

// paymentRow has the status and the amount where the event tells the payment, and of a refund the status of a payment
// that was given back.
func paymentRow(e *billing.Event, tells bool) Payment {
	p := e.Payment
	row := Payment{Created: e.Time}
	if c := e.Customer; c != nil {
		row.Customer = c.ID
	}
	if s := e.Subscription; s != nil {
		row.Subscription, row.Plan, row.Price = s.ID, s.Plan, s.Price
	}
	if p.FailureCode != "" {
		row.FailureCode, row.FailureVersion = p.FailureCode, version(passing, e.Time, rankOfFailure(e), e.ID)
	}
	if tells || e.Type == billing.PaymentRefunded && p.Status == billing.PaymentStatusRefunded {
		row.Status, row.Version = p.Status, version(finality(p.Status), e.Time, rankChange, e.ID)
	}
	if tells {
		row.Attempts = p.Attempt
		row.Money, row.MoneyVersion = p.Money, row.Version
		if finality(p.Status) != passing {
			row.Paid = e.Time
		}
	}
	return row
}

// rankOfFailure: Stripe's charges tell less than their intents, card_declined and not why.
func rankOfFailure(e *billing.Event) int {
	if strings.HasPrefix(e.NativeType, "charge.") {
		return rankBegin
	}
	return rankChange
}

func finality(s billing.PaymentStatus) int {
	switch s {
	case billing.PaymentStatusSucceeded, billing.PaymentStatusNotRequired:
		return settled
	case billing.PaymentStatusRefunded:
		return undone
	default:
		return passing
	}
}

func kindOf(account Account, p *billing.EventPayment) PaymentKind {
	switch {
	case account.Provider != billing.LemonSqueezy:
		return KindPayment
	case p.Order:
		return KindOrder
	default:
		return KindInvoice
	}
}

// disputeID: Paddle gives the end of a dispute another id than its beginning, so there it is known by its payment.
func disputeID(account Account, e *billing.Event) string {
	if account.Provider == billing.Paddle && e.Payment != nil {
		return e.Payment.ID
	}
	return e.Dispute.ID
}

func dispute(e *billing.Event) Dispute {
	out := Dispute{Reason: e.Dispute.Reason, Status: e.Dispute.Status}
	finality := passing
	switch e.Type {
	case billing.DisputeOpened:
		out.Opened = e.Time
	case billing.DisputeClosed:
		finality, out.Closed = settled, e.Time
	}
	out.Version = version(finality, e.Time, rankChange, e.ID)
	if e.Payment != nil {
		out.Payment, out.Money = e.Payment.ID, e.Payment.Money
	}
	return out
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
