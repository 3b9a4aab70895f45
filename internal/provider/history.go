package provider

import (
	"context"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// History is a Connection of CapabilityHistory: its provider tells what happened before.
type History interface {
	HistoryTraits() HistoryTraits
	// Events reads one page of what happened in a span, with one request. The first page has no cursor, and each of the
	// others that of the page before; a cursor is good for days, and across restarts. An event of the span may be on
	// several pages, and in any order. One that happens while the pages are read may be on none. A page may have events
	// beyond the span.
	Events(ctx context.Context, span Span, cursor string) (PastEvents, error)
}

// HistoryTraits are the ways in which providers' histories differ.
type HistoryTraits struct {
	// Kept is how long an event can be read; 0 where it does not end.
	Kept time.Duration
	// FromState: the provider keeps no events. They are made of the present state of what changed, with ids of their own:
	// what was delivered before comes again under another id, and what was undone meanwhile does not come at all.
	FromState bool
}

// Span is a time, both ends included.
type Span struct {
	From time.Time
	To   time.Time // zero: there is no end
}

// Has says that a time is in the span.
func (s Span) Has(t time.Time) bool { return !t.Before(s.From) && (s.To.IsZero() || !t.After(s.To)) }

// PastEvents is a page of a history.
type PastEvents struct {
	// Events are as WebhookCodec.Parse reads them. Native is what the provider would deliver.
	Events []billing.Event
	// Malformed counts what Parse refused.
	Malformed int
	Next      string // cursor of the next page; empty at the end
}
