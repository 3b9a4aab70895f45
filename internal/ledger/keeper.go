package ledger

import (
	"context"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
)

// Keeper is a Ledger that writes down, in one transaction with the event, what the event tells and who still has to
// get it. What it keeps is durable as a whole: the provider may be told at once, and what is left to do is not lost
// with the process that has it in hand.
type Keeper interface {
	Ledger
	// Keep records an event. Won: it was not known, and its deliveries are in this process's hands for the lease;
	// Duplicate: it was, and nothing else than its records was written. The error is ErrUnavailable, ErrTooLarge or the
	// context's.
	Keep(ctx context.Context, w Work) (Kept, error)
	// Due takes deliveries in hand that nobody has in hand and whose time has come, the oldest of each sink first: about
	// as many of each as limit says, and less than twice that, but of these sinks none. Of those with one order key, only
	// the earliest is due. One whose payload cannot be read has none, and that of a large one is left out: Payload has it.
	Due(ctx context.Context, limit int, except ...string) ([]Delivery, error)
	// Payload is what Due left out, nil if it cannot be read. The error is ErrUnavailable or the context's.
	Payload(ctx context.Context, eventID string) ([]byte, error)
	// Attempted tells what came of a delivery, which leaves this process's hands. The error is ErrUnavailable or the
	// context's.
	Attempted(ctx context.Context, a Attempt) (Told, error)
	// Hurry makes what waits for a sink due now.
	Hurry(ctx context.Context, sink string) error
	// Backlog counts what waits.
	Backlog(ctx context.Context) (Backlog, error)
}

// Backlog is what waits.
type Backlog struct {
	Pending, Dead int       // events
	Oldest        time.Time // when the oldest that is not dead was received; zero: none
	BySink        map[string]int
}

// Work is an event with what is kept beside it.
type Work struct {
	Event
	Account    records.Account
	Kind       billing.EventType // empty for one without a name of Kassa's
	OccurredAt time.Time
	Records    records.Rows
	// Payload is the provider's request. It is kept while a sink has to get the event.
	Payload []byte
	// OrderKey: events of one key go to a sink one after the other. Empty: it does not matter.
	OrderKey string
	Sinks    []string // that have to get it
	// Later: it is not taken in hand, and due at once.
	Later bool
	// Late is called once if Keep returned an error and the event was kept by this very call all the same. It must not
	// block. Nil: nobody wants to know.
	Late func(receivedAt time.Time)
}

// Kept is the answer to Keeper.Keep.
type Kept struct {
	Claim
	// Behind are the sinks for which an earlier event of the same order key waits, and all of them with Later. They are
	// not in this process's hands.
	Behind []string
	// Until: by then an attempt has to have come to its end, on this process's clock.
	Until time.Time
}

// Delivery is an event that a sink has to get.
type Delivery struct {
	Event
	Kind       billing.EventType
	Sink       string
	OrderKey   string
	OccurredAt time.Time
	ReceivedAt time.Time
	Payload    []byte // nil with a Size: it was left out
	Size       int    // of the payload, in bytes
	Attempts   int
	Hold       string    // tells apart the times that it was in hand, for Attempt
	Until      time.Time // by then an attempt has to have come to its end, on this process's clock
}

// Attempt is what came of a delivery.
type Attempt struct {
	EventID, Sink string
	// Hold is the Delivery's; empty for what Keep left in hand. What is said of a time that is over counts no more, unless
	// the sink took the event.
	Hold string
	// OrderKey is the delivery's: what is behind it goes on.
	OrderKey string
	// Result: Processed, the sink took it; Deferred, it is due again at Next; Dead, it was given up.
	Result State
	Next   time.Time // with Deferred
	// Tried: the sink was asked, which counts as an attempt.
	Tried bool
	Error string // at most 512 characters, nothing secret
}

// Told is the answer to Keeper.Attempted.
type Told struct {
	// State is how the event stands then: Deferred while something is left to do.
	State State
	// Followed: a later event of the key is due now. It may be one that followed another delivery at the same time.
	Followed bool
}
