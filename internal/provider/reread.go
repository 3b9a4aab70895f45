package provider

import (
	"context"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Rereader is a Connection that reads a subscription as its provider's events tell it.
type Rereader interface {
	// Reread reads one with one request; ClassNotFound when there is none.
	Reread(ctx context.Context, id string) (SubscriptionState, error)
}

// SubscriptionState is how a subscription stands at its provider.
type SubscriptionState struct {
	// Told is what an event with the same object tells. Subscriptions.Get tells less of what it costs.
	Told  billing.EventSubscription
	Ended time.Time // zero: not, or not told
}
