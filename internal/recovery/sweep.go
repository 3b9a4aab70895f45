package recovery

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Bounds of one sweep.
const (
	// MaxCalls is how many requests go to the provider. At Stripe, whose pages are the smallest, that is 10 000 events.
	MaxCalls = 110
	// maxHeld is how much of what was found waits to be brought, in bytes. What is more waits for the next sweep.
	maxHeld = 16 << 20
	// Young is the age below which an event is the provider's own to deliver.
	Young = time.Minute
)

// ErrEndless: the provider leads from page to page without an end.
var ErrEndless = errors.New("the provider's list of events leads back to a page that was read")

// Receiver is who may have missed events.
type Receiver interface {
	// Unknown are those of at most MaxIDs ids that it does not know.
	Unknown(ctx context.Context, ids []string) ([]string, error)
	// Take brings it an event. The error is a *RefusedError for one that will never be taken.
	Take(ctx context.Context, e *billing.Event) (Result, error)
}

// Sweep looks for the events of a time that a receiver missed, and brings them to it.
type Sweep struct {
	History  provider.History
	Receiver Receiver
	// Records says which events the receiver remembers. The others would seem to be missed for ever.
	Records func(*billing.Event) bool
	Span    provider.Span
	Cursor  string // of the page that it goes on from
	// Settled: events younger than Young are left out.
	Settled bool
	Now     time.Time
}

// Found is what a sweep came to.
type Found struct {
	Calls     int
	Recovered int // events that were missed, and were brought
	Refused   int // by the receiver, for good
	Malformed int // no events
	// Problem is why the receiver refused the last of them.
	Problem string
	// Next is the cursor of the page to go on from. Done says that there is none.
	Next string
	Done bool
}

// Run reads pages, and brings what the receiver does not know, the oldest first. On an error Found says what was done,
// and where to go on.
func (s Sweep) Run(ctx context.Context) (Found, error) {
	f := Found{Next: s.Cursor}
	var held []billing.Event
	failure := s.read(ctx, &f, &held)
	slices.Reverse(held) // most lists have the newest first
	slices.SortStableFunc(held, func(a, b billing.Event) int { return a.Time.Compare(b.Time) })
	if err := s.bring(ctx, held, &f); err != nil {
		// What was not brought has to be found again.
		f.Next, f.Done = s.Cursor, false
		return f, err
	}
	return f, failure
}

// read follows the pages and holds what is missing.
func (s Sweep) read(ctx context.Context, f *Found, held *[]billing.Event) error {
	seen, pages, size := map[string]bool{}, map[string]bool{}, 0
	for f.Calls < MaxCalls && size < maxHeld {
		if pages[f.Next] {
			return ErrEndless
		}
		pages[f.Next] = true
		page, err := s.History.Events(ctx, s.Span, f.Next)
		f.Calls++
		if err != nil {
			return err
		}
		missing, err := s.missing(ctx, page.Events, seen)
		if err != nil {
			return err
		}
		for i := range missing {
			size += len(missing[i].Native)
		}
		*held = append(*held, missing...)
		f.Malformed += page.Malformed
		if f.Next = page.Next; f.Next == "" {
			f.Done = true
			return nil
		}
	}
	return nil
}

// missing are the events of a page that the receiver should know and does not.
func (s Sweep) missing(
	ctx context.Context, page []billing.Event, seen map[string]bool,
) (missing []billing.Event, err error) {
	var ids []string
	byID := map[string]billing.Event{}
	for i := range page {
		e := &page[i]
		if seen[e.ID] || !s.looksFor(e) {
			continue
		}
		seen[e.ID] = true
		byID[e.ID], ids = *e, append(ids, e.ID)
	}
	for some := range slices.Chunk(ids, MaxIDs) {
		unknown, err := s.Receiver.Unknown(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, id := range unknown {
			if e, asked := byID[id]; asked {
				missing = append(missing, e)
				delete(byID, id)
			}
		}
	}
	return missing, nil
}

func (s Sweep) looksFor(e *billing.Event) bool {
	age := s.Now.Sub(e.Time)
	return s.Span.Has(e.Time) && s.Records(e) && (!s.Settled || age.Abs() >= Young)
}

// lane is what goes one after the other: events of one customer.
func lane(e *billing.Event) string {
	switch {
	case e.Customer != nil && e.Customer.ID != "":
		return e.Customer.ID
	case e.Subscription != nil:
		return e.Subscription.ID
	}
	return e.ID
}

// Result is what became of an event that was brought; see ResultHeader.
type Result string

// took says that the receiver did not know the event, and has it now.
func (r Result) took() bool {
	return slices.Contains([]Result{"processed", "deferred", "dead"}, r)
}

// RefusedError is a receiver's answer to an event that it will never take.
type RefusedError struct{ Problem string }

func (e *RefusedError) Error() string { return "the receiver refuses the event: " + e.Problem }
