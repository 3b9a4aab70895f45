package ledger

import (
	"context"
	"time"

	"github.com/kassa-dev/kassa/internal/records"
)

// Doubts is a Keeper that knows which of its records nothing but the ids of events decided. The errors are
// ErrUnavailable or the context's.
type Doubts interface {
	// Doubtful are subscriptions of an account whose doubt is of before a time. Which of them, if there are more than the
	// limit, is left to chance: one that cannot be read keeps no other from its turn.
	Doubtful(ctx context.Context, account records.Account, before time.Time, limit int) ([]Doubt, error)
	// Read writes down what the provider said of subscriptions. One that has no row is left out.
	Read(ctx context.Context, account records.Account, readings []records.Reading) error
}

// Doubt is of a subscription, about the events of a moment.
type Doubt struct {
	ID     string
	Moment records.Moment
}
