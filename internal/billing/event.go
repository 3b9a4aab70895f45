package billing

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// EventType is a normalised event name, the same for every provider: "payment.succeeded". Empty means that
// Kassa has no name for the provider's event.
type EventType string

// The taxonomy.
const (
	CheckoutCompleted           EventType = "checkout.completed"
	CheckoutFailed              EventType = "checkout.failed"
	CheckoutExpired             EventType = "checkout.expired"
	CustomerCreated             EventType = "customer.created"
	CustomerUpdated             EventType = "customer.updated"
	CustomerDeleted             EventType = "customer.deleted"
	SubscriptionCreated         EventType = "subscription.created"
	SubscriptionUpdated         EventType = "subscription.updated"
	SubscriptionCancelScheduled EventType = "subscription.cancel_scheduled"
	SubscriptionTrialing        EventType = "subscription.trialing"
	SubscriptionActivated       EventType = "subscription.activated"
	SubscriptionTrialEnding     EventType = "subscription.trial_ending"
	SubscriptionPastDue         EventType = "subscription.past_due"
	SubscriptionPaused          EventType = "subscription.paused"
	SubscriptionResumed         EventType = "subscription.resumed"
	SubscriptionCanceled        EventType = "subscription.canceled"
	PaymentSucceeded            EventType = "payment.succeeded"
	PaymentFailed               EventType = "payment.failed"
	PaymentPastDue              EventType = "payment.past_due"
	PaymentRecovered            EventType = "payment.recovered"
	PaymentActionRequired       EventType = "payment.action_required"
	PaymentRefunded             EventType = "payment.refunded"
	DisputeOpened               EventType = "dispute.opened"
	DisputeClosed               EventType = "dispute.closed"
	InvoiceCreated              EventType = "invoice.created"
	InvoiceFinalized            EventType = "invoice.finalized"
	InvoiceUpcoming             EventType = "invoice.upcoming"
	InvoiceVoided               EventType = "invoice.voided"
	CatalogProductChanged       EventType = "catalog.product_changed"
	CatalogPriceChanged         EventType = "catalog.price_changed"
	DiscountChanged             EventType = "discount.changed"
)

// EventTypes is the whole taxonomy.
func EventTypes() []EventType {
	return []EventType{
		CheckoutCompleted, CheckoutFailed, CheckoutExpired, CustomerCreated, CustomerUpdated, CustomerDeleted,
		SubscriptionCreated, SubscriptionUpdated, SubscriptionCancelScheduled, SubscriptionTrialing,
		SubscriptionActivated, SubscriptionTrialEnding, SubscriptionPastDue, SubscriptionPaused,
		SubscriptionResumed, SubscriptionCanceled, PaymentSucceeded, PaymentFailed, PaymentPastDue,
		PaymentRecovered, PaymentActionRequired, PaymentRefunded, DisputeOpened, DisputeClosed, InvoiceCreated,
		InvoiceFinalized, InvoiceUpcoming, InvoiceVoided, CatalogProductChanged, CatalogPriceChanged, DiscountChanged,
	}
}

// Event is a provider's webhook event in neutral terms. Facts that the provider did not give are nil or empty.
type Event struct {
	ID           string // the provider's id, which repeats when the provider repeats the event
	NativeType   string // the provider's name of the event
	Type         EventType
	Time         time.Time // when it happened, by the provider's clock
	Mode         Mode      // empty where the event does not tell
	Customer     *EventCustomer
	Subscription *EventSubscription
	Payment      *EventPayment
	Checkout     *EventCheckout
	Dispute      *EventDispute
	Dunning      *EventDunning // only with OwnEventTypes
	// CatalogProductID is the provider's id of the product that changed, or whose price did. Only with
	// CatalogProductChanged and CatalogPriceChanged.
	CatalogProductID string
	Metadata         map[string]string // the object's metadata, without Kassa's own marks
	Native           json.RawMessage   // the provider's event, byte for byte
}

// EventCustomer is the customer that an event is about.
type EventCustomer struct {
	ID     string `json:"id,omitempty"`
	Email  string `json:"email,omitempty"`
	UserID string `json:"userID,omitempty"` // the app's own id, from the metadata key user_id
}

// SubscriptionStatus is a subscription's normalised status.
type SubscriptionStatus string

// Subscription statuses.
const (
	StatusIncomplete        SubscriptionStatus = "Incomplete"
	StatusIncompleteExpired SubscriptionStatus = "IncompleteExpired"
	StatusTrialing          SubscriptionStatus = "Trialing"
	StatusActive            SubscriptionStatus = "Active"
	StatusCanceling         SubscriptionStatus = "Canceling"
	StatusPastDue           SubscriptionStatus = "PastDue"
	StatusUnpaid            SubscriptionStatus = "Unpaid"
	StatusPaused            SubscriptionStatus = "Paused"
	StatusCanceled          SubscriptionStatus = "Canceled"
)

// EventSubscription is the subscription that an event is about.
type EventSubscription struct {
	ID                string             `json:"id,omitempty"`
	Status            SubscriptionStatus `json:"status,omitempty"`
	Plan              string             `json:"plan,omitempty"`    // name of the Plan object
	Price             string             `json:"price,omitempty"`   // name of the price in the Plan
	PriceID           string             `json:"priceID,omitempty"` // the provider's id
	CurrentPeriodEnd  *time.Time         `json:"currentPeriodEnd,omitempty"`
	CancelAtPeriodEnd *bool              `json:"cancelAtPeriodEnd,omitempty"`
	TrialEnd          *time.Time         `json:"trialEnd,omitempty"`
	// Owner is whose marks told Plan and Price: anybody's who shares the account. They count only for their owner's
	// cluster and namespace.
	Owner Owner `json:"-"`
	// Charge is what a period costs. Nil where the provider does not tell it, or there are tiers, usage, or several
	// items.
	Charge *EventCharge `json:"-"`
	// Quantity and Currency are for who knows what PriceID costs where Charge is nil. Quantity is 0 where there is no
	// one quantity to be multiplied. An empty Currency is the price's own.
	Quantity int      `json:"-"`
	Currency Currency `json:"-"`
	// OrderID is the order that the subscription began with. LemonSqueezy only.
	OrderID string `json:"-"`
}

// EventCharge is what a subscription costs: Quantity times Unit, in advance of every period, by its price. Discounts
// are left out, and taxes are as the price has them.
type EventCharge struct {
	Unit     Money
	Quantity int
	Interval Interval
	Count    int // intervals in a period
}

// PaymentStatus is a payment's normalised status.
type PaymentStatus string

// Payment statuses.
const (
	PaymentStatusSucceeded      PaymentStatus = "Succeeded"
	PaymentStatusFailed         PaymentStatus = "Failed"
	PaymentStatusPending        PaymentStatus = "Pending"
	PaymentStatusActionRequired PaymentStatus = "ActionRequired"
	PaymentStatusRefunded       PaymentStatus = "Refunded"
	PaymentStatusNotRequired    PaymentStatus = "NotRequired" // a free checkout or trial
)

// EventPayment is the payment that an event is about.
type EventPayment struct {
	ID          string
	Money       Money
	Status      PaymentStatus
	Attempt     int // 1 for the first; 0 when not told
	FailureCode string
	Refunded    *Money // total refunded so far
	// Order: the payment is of an order. LemonSqueezy numbers its orders and its invoices apart.
	Order bool
	// Refund is the one refund that the event tells of, where the provider does not tell the sum. Money is then its
	// amount, and not the payment's.
	Refund *EventRefund
}

// EventRefund is one refund of a payment.
type EventRefund struct {
	ID    string
	Money Money
}

type eventPaymentJSON struct {
	ID          string        `json:"id,omitempty"`
	Amount      string        `json:"amount"`
	MinorUnits  int64         `json:"minorUnits"`
	Currency    Currency      `json:"currency,omitempty"`
	Status      PaymentStatus `json:"status,omitempty"`
	Attempt     int           `json:"attempt,omitempty"`
	FailureCode string        `json:"failureCode,omitempty"`
	Refunded    string        `json:"refunded,omitempty"`
}

// MarshalJSON writes the shape of the CloudEvent's data.payment: the amount both as a decimal in major units
// and in minor units.
func (p EventPayment) MarshalJSON() ([]byte, error) {
	out := eventPaymentJSON{
		ID: p.ID, Amount: p.Money.Major(), MinorUnits: p.Money.Minor, Currency: p.Money.Currency,
		Status: p.Status, Attempt: p.Attempt, FailureCode: p.FailureCode,
	}
	if p.Refunded != nil {
		out.Refunded = p.Refunded.Major()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. The refunds are left out: nobody who reads it back asks for them.
func (p *EventPayment) UnmarshalJSON(text []byte) error {
	var in eventPaymentJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*p = EventPayment{
		ID: in.ID, Money: Money{Minor: in.MinorUnits, Currency: in.Currency}, Status: in.Status, Attempt: in.Attempt,
		FailureCode: in.FailureCode,
	}
	return nil
}

// EventCheckout is the checkout that an event is about.
type EventCheckout struct {
	ID string `json:"id,omitempty"`
}

// EventDispute is the dispute that an event is about.
type EventDispute struct {
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason,omitempty"`
	Status string `json:"status,omitempty"`
}

// MatchesEvent says whether a pattern of a spec, "payment.succeeded", "payment.*" or a provider's own name,
// admits an event. An empty list of patterns admits every event that has a normalised name.
func MatchesEvent(patterns []string, t EventType, nativeType string) bool {
	if len(patterns) == 0 {
		return t != ""
	}
	for _, p := range patterns {
		if group, ok := strings.CutSuffix(p, "*"); ok {
			if (t != "" && strings.HasPrefix(string(t), group)) || strings.HasPrefix(nativeType, group) {
				return true
			}
			continue
		}
		if p == string(t) && t != "" || p == nativeType {
			return true
		}
	}
	return false
}

// SelectEvents are the provider's own names, sorted, of the events that patterns admit, by the same rule that events
// are later admitted by, MatchesEvent; with no patterns, of all that can have a normalised name. unknown are the
// patterns that admit none. natives are all of the provider's names, and taxonomy says which normalised ones each can
// have.
func SelectEvents(patterns, natives []string, taxonomy map[string][]EventType) (names, unknown []string) {
	admits := func(patterns []string, native string) bool {
		return len(patterns) > 0 && MatchesEvent(patterns, "", native) || slices.ContainsFunc(taxonomy[native],
			func(t EventType) bool { return MatchesEvent(patterns, t, native) })
	}
	for _, native := range natives {
		if admits(patterns, native) {
			names = append(names, native)
		}
	}
	slices.Sort(names)
	for _, p := range patterns {
		one := []string{p}
		if !slices.ContainsFunc(natives, func(native string) bool { return admits(one, native) }) {
			unknown = append(unknown, p)
		}
	}
	return names, unknown
}
