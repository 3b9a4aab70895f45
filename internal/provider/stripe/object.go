package stripe

import "github.com/kassa-dev/kassa/internal/billing"

// object is the union of the objects that events are about, reduced to what Kassa reads. One pass reads it, whichever
// object it is.
type object struct {
	ID, Object, Status, Currency string
	Metadata                     map[string]string

	// Other objects' ids.
	Customer, Subscription, PaymentIntent, Charge, Invoice, Product string

	// Addresses of the customer: of a customer; of a session, what was typed; of a session and an invoice, what was known
	// before; of a charge; of a charge and an intent.
	Email, TypedEmail, CustomerEmail, BillingEmail, ReceiptEmail string

	// Payment intent, charge, dispute.
	Amount, AmountReceived, AmountRefunded units
	Refunded                               bool
	FailureCode, Reason                    string
	LastError                              struct{ Code, DeclineCode string }
	// Since 2025 an intent has no invoice. What it was made for is told as an order's number.
	OrderReference string

	// Checkout session.
	AmountTotal                      units
	PaymentStatus, ClientReferenceID string

	// Invoice.
	AmountPaid, AmountDue units
	AttemptCount          int64
	Lines                 struct{ First, Main line }
	// Inherited is the metadata of the subscription, as it was when the invoice was made.
	Inherited map[string]string

	// Subscription.
	CancelAtPeriodEnd, PauseCollection   bool
	CancelAt, TrialEnd, CurrentPeriodEnd int64
	Price                                priceRef // of the first item
	Quantity                             units    // of the first item
	Items                                int
}

// units is a number in the currency's unit as Stripe counts it. One that is not told is not 0.
type units struct {
	n    int64
	told bool
}

// line is an invoice's line.
type line struct {
	told  bool
	extra bool // not the subscription's own price: a one-off item, or a proration, which may be of an earlier price
	price priceRef
}

// priceRef is a price with the marks that Kassa put on it.
type priceRef struct {
	ID        string
	Owner     billing.Owner
	PriceName string
	Terms     terms
}

// terms are what a price costs, where every unit of it costs the same in advance.
type terms struct {
	Unit     units
	Currency string
	Interval billing.Interval
	Count    int64
	// Special: usage, tiers, or packages of several units.
	Special bool
}

// previous are the earlier values of what an update changed.
type previous struct {
	Status                                       string
	CancelAtPeriodEnd, CancelAt, PauseCollection presence
}

// presence tells a field that is absent, null, or set.
type presence struct{ there, set bool }
