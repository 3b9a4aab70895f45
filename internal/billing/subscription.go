package billing

import "time"

// SessionIDPlaceholder in a success URL stands for the checkout's id.
const SessionIDPlaceholder = "{SESSION_ID}"

// MetadataUserID is the key under which the app's own id of a user travels with checkouts, subscriptions and payments.
const MetadataUserID = "user_id"

// MissingPaymentMethod says what becomes of a subscription whose trial ends without a payment method. The values equal
// v1alpha1.MissingPaymentMethod.
type MissingPaymentMethod string

// What becomes of it.
const (
	MissingCancel        MissingPaymentMethod = "Cancel"
	MissingPause         MissingPaymentMethod = "Pause"
	MissingCreateInvoice MissingPaymentMethod = "CreateInvoice"
)

// Proration says what a change of plan costs at once. The values equal v1alpha1.Proration.
type Proration string

// Prorations.
const (
	ProrateImmediately Proration = "ProrateImmediately"
	ProrateNextPeriod  Proration = "ProrateNextPeriod"
	ProrationNone      Proration = "None"
	FullImmediately    Proration = "FullImmediately"
	FullNextPeriod     Proration = "FullNextPeriod"
)

// Subscription is a running or ended subscription as its provider tells it now.
type Subscription struct {
	ID                string
	CustomerID        string
	UserID            string // the app's own id; empty where the provider's object does not carry it
	Email             string // the customer's; empty where the object does not tell it
	Status            SubscriptionStatus
	PriceID           string // of the first item
	Quantity          int
	Currency          Currency
	CurrentPeriodEnd  time.Time // zero when there is none
	CancelAtPeriodEnd bool
	// CollectionPaused: nothing is collected, whatever the status says. Stripe only; elsewhere the status says it.
	CollectionPaused bool
	EndsAt           time.Time // when it ends, or ended; zero when it goes on
	TrialEnd         time.Time
	CreatedAt        time.Time
	UpdatedAt        time.Time // zero where the provider does not tell
	// Owner is whose marks Plan and Price are by; see EventSubscription.
	Owner       Owner
	Plan, Price string
}

// Ended says that a subscription is over for good.
func (s SubscriptionStatus) Ended() bool {
	return s == StatusCanceled || s == StatusIncompleteExpired
}
