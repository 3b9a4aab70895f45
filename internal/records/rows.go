package records

import (
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// CustomerKey is a customer at a provider.
type CustomerKey struct {
	Account
	Customer string
}

// Customer is who pays.
type Customer struct {
	UserID       string // the application's own id
	UserVersion  Version
	Email        string
	EmailVersion Version
	FirstSeen    time.Time // of the first event that told of the customer
	Deleted      time.Time // at the provider; zero: not
}

func (a Customer) merge(b Customer) Customer {
	if b.UserVersion > a.UserVersion {
		a.UserID, a.UserVersion = b.UserID, b.UserVersion
	}
	if b.EmailVersion > a.EmailVersion {
		a.Email, a.EmailVersion = b.Email, b.EmailVersion
	}
	a.FirstSeen, a.Deleted = least(a.FirstSeen, b.FirstSeen), least(a.Deleted, b.Deleted)
	return a
}

// SubscriptionKey is a subscription at a provider.
type SubscriptionKey struct {
	Account
	Subscription string
}

// Subscription is a running or ended subscription.
type Subscription struct {
	Customer    string // the provider's id
	UserID      string
	UserVersion Version
	Order       string // that it began with, at LemonSqueezy
	Started     time.Time
	Ended       time.Time // zero: not
	// TrialEnd is the latest that was told. Paddle does not tell it once the trial is over.
	TrialEnd time.Time

	// The snapshot. Version is empty while only payments of the subscription were told.
	Version           Version
	Status            billing.SubscriptionStatus
	Plan, Price       string // names of the Plan object, and of the price in it
	PriceID           string
	Charge            *billing.EventCharge
	CurrentPeriodEnd  time.Time
	CancelAtPeriodEnd bool

	// Tied: events of the version's moment told different things. Asked is the latest moment after which the provider
	// was asked.
	Tied  bool
	Asked Moment
}

func (a Subscription) merge(b Subscription) Subscription {
	out := a
	if b.Version > a.Version {
		out = b
	}
	if a.Version.Moment() == b.Version.Moment() {
		out.Tied = a.Tied || b.Tied || a.Version != b.Version && a.told() != b.told()
	}
	out.Asked = max(a.Asked, b.Asked)
	out.UserID, out.UserVersion = a.UserID, a.UserVersion
	if b.UserVersion > a.UserVersion {
		out.UserID, out.UserVersion = b.UserID, b.UserVersion
	}
	out.Customer, out.Order = max(a.Customer, b.Customer), max(a.Order, b.Order)
	out.Started, out.Ended = least(a.Started, b.Started), least(a.Ended, b.Ended)
	out.TrialEnd = greatest(a.TrialEnd, b.TrialEnd)
	return out
}

// Doubtful says that the id decided between different snapshots, and that nobody has asked the provider since.
func (a Subscription) Doubtful() bool { return a.Tied && a.Version.Moment() > a.Asked }

// told is what of a snapshot its provider tells. Names are the receiver's.
type told struct {
	status  billing.SubscriptionStatus
	priceID string
	charged bool
	charge  billing.EventCharge
	end     int64
	cancels bool
}

func (a Subscription) told() told {
	t := told{status: a.Status, priceID: a.PriceID, end: a.CurrentPeriodEnd.UnixMicro(), cancels: a.CancelAtPeriodEnd}
	if a.Charge != nil {
		t.charged, t.charge = true, *a.Charge
	}
	return t
}

// PaymentKind tells apart what a provider numbers apart.
type PaymentKind string

// Kinds of payment.
const (
	KindPayment PaymentKind = "Payment"
	KindOrder   PaymentKind = "Order"   // LemonSqueezy
	KindInvoice PaymentKind = "Invoice" // LemonSqueezy
)

// PaymentKey is a payment at a provider.
type PaymentKey struct {
	Account
	Kind    PaymentKind
	Payment string
}

// Payment is money that was paid, or was asked for.
type Payment struct {
	Customer, Subscription string // the provider's ids
	Plan, Price            string
	Attempts               int // 0: not told
	// FailureCode of the latest failure that told one. Stripe's invoices do not, but what paid them does.
	FailureCode    string
	FailureVersion Version
	Created        time.Time
	Paid           time.Time // zero: not

	Version Version
	Status  billing.PaymentStatus
	// Money is apart from the status, because a refund tells how a payment stands, and not always how much it was.
	MoneyVersion Version
	Money        billing.Money
}

func (a Payment) merge(b Payment) Payment {
	out := a
	if b.Version > a.Version {
		out.Status, out.Version = b.Status, b.Version
	}
	if b.MoneyVersion > a.MoneyVersion {
		out.Money, out.MoneyVersion = b.Money, b.MoneyVersion
	}
	out.Customer, out.Subscription = max(a.Customer, b.Customer), max(a.Subscription, b.Subscription)
	out.Plan, out.Price = max(a.Plan, b.Plan), max(a.Price, b.Price)
	out.Attempts = max(a.Attempts, b.Attempts)
	if b.FailureVersion > a.FailureVersion {
		out.FailureCode, out.FailureVersion = b.FailureCode, b.FailureVersion
	}
	out.Created, out.Paid = least(a.Created, b.Created), least(a.Paid, b.Paid)
	return out
}

// FailureKey is an attempt at a payment that failed.
type FailureKey struct {
	PaymentKey
	Event string
}

// Failure says why. The event tells all of it, so there is nothing to merge.
type Failure struct {
	Attempt int // 0: not told
	Code    string
	At      time.Time
}

// RefundKey is a refund of a payment. Where the provider tells the sum so far, Refund is empty.
type RefundKey struct {
	PaymentKey
	Refund string
}

// Refund is what was given back.
type Refund struct {
	Money billing.Money
	At    time.Time // of the first event that told of it
}

func (a Refund) merge(b Refund) Refund {
	if b.Money.Minor > a.Money.Minor {
		a.Money = b.Money
	}
	a.At = least(a.At, b.At)
	return a
}

// DisputeKey is a dispute at a provider.
type DisputeKey struct {
	Account
	Dispute string
}

// Dispute is a payment that the buyer's bank takes back, or asks about.
type Dispute struct {
	Payment        string // the provider's id
	Opened, Closed time.Time

	// The snapshot.
	Version        Version
	Reason, Status string
	Money          billing.Money
}

func (a Dispute) merge(b Dispute) Dispute {
	out := a
	if b.Version > a.Version {
		out = b
	}
	out.Payment = max(a.Payment, b.Payment)
	out.Opened, out.Closed = least(a.Opened, b.Opened), least(a.Closed, b.Closed)
	return out
}
