package stripe

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.History = &connection{}

// HistoryTraits: Stripe keeps events for thirty days.
func (c *connection) HistoryTraits() provider.HistoryTraits {
	return provider.HistoryTraits{Kept: 30 * 24 * time.Hour}
}

// Cursors name the list and the event after which its next page begins. What Stripe could not deliver comes first, so
// that it is not held up by what it could; the second list has every event, because one that was sent to no endpoint
// counts as delivered.
const (
	undelivered = "undelivered"
	everything  = "all"
)

// Events reads a page of GET /v1/events, newest first. Both bounds are inclusive: events are stamped in seconds.
func (c *connection) Events(
	ctx context.Context, span provider.Span, cursor string,
) (provider.PastEvents, error) {
	kind, after, _ := strings.Cut(cursor, ":")
	params := &stripe.EventListParams{
		ListParams: listParams(after), CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: span.From.Unix()},
	}
	if !span.To.IsZero() {
		params.CreatedRange.LesserThanOrEqual = span.To.Unix()
	}
	if kind != everything {
		params.DeliverySuccess = stripe.Bool(false)
	}
	out := &eventPage{}
	_, err := c.call(ctx, request{
		op: "list events", method: http.MethodGet, path: "/v1/events", params: params, out: out,
		valid: func() bool { return out.leadsOnFrom(after) },
	})
	if err != nil {
		return provider.PastEvents{}, err
	}
	page := out.read()
	switch {
	case out.HasMore && kind == everything:
		page.Next = everything + ":" + out.last()
	case out.HasMore:
		page.Next = undelivered + ":" + out.last()
	case kind != everything:
		page.Next = everything
	}
	return page, nil
}

type eventPage struct {
	page
	Data []json.RawMessage `json:"data"`
}

// leadsOnFrom refuses a page that the next one cannot follow, or would be the same as.
func (p *eventPage) leadsOnFrom(after string) bool {
	return p.ok(len(p.Data)) && (!p.HasMore || p.last() != "" && p.last() != after)
}

// last is the id of the last event.
func (p *eventPage) last() string {
	var e struct{ ID string }
	if len(p.Data) == 0 || json.Unmarshal(p.Data[len(p.Data)-1], &e) != nil || provider.CheckIdentity(e.ID, "-") != nil {
		return ""
	}
	return e.ID
}

func (p *eventPage) read() provider.PastEvents {
	out := provider.PastEvents{Events: make([]billing.Event, 0, len(p.Data))}
	for _, raw := range p.Data {
		e, err := Codec{}.Parse(raw)
		if err != nil {
			out.Malformed++
			continue
		}
		out.Events = append(out.Events, e)
	}
	return out
}
