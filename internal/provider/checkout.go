package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Seller is a Connection whose provider opens hosted checkouts and manages the subscriptions that come of them.
type Seller interface {
	Checkouts() Checkouts
	Subscriptions() Subscriptions
}

// CheckoutTraits are the ways in which providers' checkouts differ, as data that the checkout server decides by.
type CheckoutTraits struct {
	// BuyerPage: the provider has no page of its own. CheckoutSpec.PageURL is a page of Kassa's, which opens the
	// provider's script with a client token (ClientTokens).
	BuyerPage bool
	// NoCancelURL: nothing leads back from the provider's page.
	NoCancelURL bool
	// NeedsEmail: a user's subscriptions are found by the user's verified email alone.
	NeedsEmail bool
	// NoUserID: a subscription does not carry the user's id; whose it is, its verified email tells.
	NoUserID bool
}

// Checkouts opens hosted checkouts. It is safe for concurrent use.
type Checkouts interface {
	Traits() CheckoutTraits
	// Open makes a checkout for one buyer. The user's id, and the plan's marks, are put on all that comes of it, so that
	// webhooks carry them: on the checkout itself and on the subscription or payment. ErrPaid is of a purchase that needs
	// no checkout any more.
	Open(ctx context.Context, in CheckoutSpec) (Checkout, error)
}

// CheckoutSpec is one purchase. What it costs is known to the provider alone.
type CheckoutSpec struct {
	ProductID, PriceID string           // at the provider
	Owner              billing.Owner    // of the Plan, for the marks
	Plan, Price        string           // their names
	Recurring          bool             // a subscription comes of it
	Trial              *CheckoutTrial   // only with Recurring
	Quantity           int              // at least 1; 0 for a price that is billed by reported usage
	Currency           billing.Currency // empty: the price's own, or the provider's choice
	SuccessURL         string           // billing.SessionIDPlaceholder in it stands for the checkout's id
	CancelURL          string
	PageURL            string // with CheckoutTraits.BuyerPage
	UserID             string // the app's own id; empty for nobody's
	Email              string // prefilled where there is a field; empty when not known
	Metadata           map[string]string
	PromotionCodes     bool
	AutomaticTax       bool
	BillingAddress     bool      // ask every buyer for one
	ExpiresAt          time.Time // zero: when the provider lets it end by itself
	// ExpiryStep is what ExpiresAt is a multiple of, 0 where it is exact. The same purchase asked for later differs in
	// ExpiresAt alone, by so many steps.
	ExpiryStep time.Duration
	// IdempotencyKey is the same for the same purchase, at most 64 characters. Only Stripe has use for it.
	IdempotencyKey string
}

// CheckoutTrial is a time before the first payment.
type CheckoutTrial struct {
	Days int
	// OnMissing says what happens when it ends without a payment method, where the provider begins one without.
	OnMissing billing.MissingPaymentMethod
}

// Checkout is a purchase that a buyer can make.
type Checkout struct {
	ID        string
	URL       string    // where the buyer pays
	ExpiresAt time.Time // zero where it does not end
}

// User is whose subscriptions are asked for. Email is verified, or empty.
type User struct{ ID, Email string }

// Subscriptions reads and changes subscriptions. It is safe for concurrent use. Whose a subscription is, the caller
// checks. What the provider cannot do is a *RefusalError.
type Subscriptions interface {
	// List reads the user's subscriptions, without those that ended. It may lag behind by about a minute.
	List(ctx context.Context, user User) ([]billing.Subscription, error)
	// Get reads one; ClassNotFound when there is none.
	Get(ctx context.Context, id string) (billing.Subscription, error)
	// Cancel ends a subscription now or at the end of what was paid. One that has ended, or ends then, is no error.
	Cancel(ctx context.Context, id string, now bool) (billing.Subscription, error)
	// Resume undoes a cancel at the end of the period, and a pause that came of the end of a trial. One that goes on
	// anyway is no error. Any other pause is the seller's, and a refusal.
	Resume(ctx context.Context, id string) (billing.Subscription, error)
	// Change moves a subscription to another price. One that has it already is no error.
	Change(ctx context.Context, id string, to SubscriptionChange) (billing.Subscription, error)
	// Portal is a link to the provider's own pages for the subscription's customer, which works for a short time.
	Portal(ctx context.Context, s billing.Subscription, returnURL string) (string, error)
}

// SubscriptionChange is what a subscription is moved to.
type SubscriptionChange struct {
	PriceID     string
	Owner       billing.Owner // of the Plan, for the marks
	Plan, Price string        // their names
	Quantity    int           // 0: as it is
	Metered     bool          // the price is billed by reported usage, so that there is no quantity
	Proration   billing.Proration
	// IdempotencyKey is the same for the same change, at most 64 characters.
	IdempotencyKey string
}

// RefusalError says what a provider cannot do, in a sentence for whoever asked for it.
type RefusalError struct {
	Provider billing.Provider
	Reason   string
}

func (e *RefusalError) Error() string { return fmt.Sprintf("%s %s", e.Provider, e.Reason) }
