package recovery

import (
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
)

// Paths of the health port of a receiver that keeps records.
const (
	// DoubtsPath takes a DoubtQuestion and gives Doubts.
	DoubtsPath = "/v1/doubts"
	// ReadingsPath takes Readings.
	ReadingsPath = "/v1/readings"
)

// MaxDoubts is how many subscriptions are read again at most at one time.
const MaxDoubts = 100

// DoubtQuestion asks which subscriptions are in doubt; see records.Subscription.
type DoubtQuestion struct {
	Doubts int `json:"doubts"` // how many at most
}

// Doubts are subscriptions whose latest events contradict each other, of the receiver's account.
type Doubts struct {
	Account string  `json:"account"` // the provider's id
	Doubts  []Doubt `json:"doubts"`
}

// Doubt is of one subscription.
type Doubt struct {
	Subscription string         `json:"subscription"`
	Moment       records.Moment `json:"moment"`
}

// Readings are what the provider said of doubtful subscriptions.
type Readings struct {
	Account  string    `json:"account"`
	Readings []Reading `json:"readings"`
}

// Reading is what it said of one.
type Reading struct {
	Doubt
	ReadAt time.Time `json:"readAt"`
	// State is missing where the provider has no such subscription.
	State *State    `json:"state,omitempty"`
	Ended time.Time `json:"ended,omitzero"`
}

// State is billing.EventSubscription with all that events do not show, field by field.
type State struct {
	ID                string                     `json:"id"`
	Status            billing.SubscriptionStatus `json:"status"`
	Plan              string                     `json:"plan"`
	Price             string                     `json:"price"`
	PriceID           string                     `json:"priceID"`
	CurrentPeriodEnd  *time.Time                 `json:"currentPeriodEnd"`
	CancelAtPeriodEnd *bool                      `json:"cancelAtPeriodEnd"`
	TrialEnd          *time.Time                 `json:"trialEnd"`
	Owner             billing.Owner              `json:"owner"`
	Charge            *billing.EventCharge       `json:"charge"`
	Quantity          int                        `json:"quantity"`
	Currency          billing.Currency           `json:"currency"`
	OrderID           string                     `json:"orderID"`
}

// Record is a reading as the records take it.
func (r *Reading) Record() records.Reading {
	return records.Reading{
		ID: r.Subscription, Moment: r.Moment, At: r.ReadAt, Told: (*billing.EventSubscription)(r.State), Ended: r.Ended,
	}
}
