// Package ledger remembers every event of a receiver and decides which replica processes it. Implementations are
// in the packages below; all of them pass the conformance suite in ledgertest.
package ledger

import (
	"context"
	"errors"
	"time"
)

// Event is what the ledger keeps of an event.
type Event struct {
	ID   string // the provider's id; the ledger's key
	Type string // the provider's name of the event
}

// State of an event in the ledger. The values equal v1alpha1.EntryState.
type State string

// The states. A claim is settled once, as Processed, Deferred or Dead; Deferred may become Processed or Dead.
const (
	Claimed   State = "Claimed"
	Processed State = "Processed"
	Deferred  State = "Deferred"
	Dead      State = "Dead"
)

// Outcome of a claim.
type Outcome int

const (
	// Won: the event is the caller's to process, and that is durable. The caller settles it.
	Won Outcome = iota
	// Resumed: like Won, but an earlier claim was not settled in time: its holder may have delivered the event.
	Resumed
	// Duplicate: the event was settled before; State says how.
	Duplicate
	// Busy: another caller, here or in another replica, holds a claim that is not over. RetryAfter says when it
	// will be.
	Busy
)

// Claim is the answer to Ledger.Claim.
type Claim struct {
	Outcome    Outcome
	State      State         // with Duplicate
	RetryAfter time.Duration // with Busy
	ReceivedAt time.Time     // when the event was first claimed
}

// Errors of a Ledger.
var (
	// ErrUnavailable: nothing was made durable, or it is not known. The provider must be asked to repeat the event.
	ErrUnavailable = errors.New("ledger unavailable")
	// ErrLost: the claim was taken over by another replica after its deadline. The event is that replica's.
	ErrLost = errors.New("claim lost")
	// ErrTooLarge: the event's id or type is longer than an entry may be.
	ErrTooLarge = errors.New("event id or type too long")
)

// Ledger is safe for concurrent use. Every method that returns nil has made its effect durable.
type Ledger interface {
	// Run keeps the ledger until ctx ends: it loads, follows other replicas, commits, and prunes. After ctx it
	// commits what waits, within a short time, and returns.
	Run(ctx context.Context) error
	// Ready is nil once every event is known that was remembered when Run began.
	Ready() error
	// Claim takes an event in hand. The error is ErrUnavailable, ErrTooLarge or the context's.
	Claim(ctx context.Context, e Event) (Claim, error)
	// Settle ends a claim of this replica, or moves a Deferred event on. The error is ErrUnavailable, ErrLost or the
	// context's. Settling as the state that the event has is no error.
	Settle(ctx context.Context, id string, s State) error
	// Unknown are those of the ids, in their order, whose events nobody has settled and nobody has in hand: Claim would
	// be Won or Resumed. It writes nothing. What another replica is writing just now may be among them. The error is
	// ErrUnavailable or the context's.
	Unknown(ctx context.Context, ids []string) ([]string, error)
}
