package paddle

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.History = (*connection)(nil)

// HistoryTraits: Paddle keeps events for ninety days.
func (c *connection) HistoryTraits() provider.HistoryTraits {
	return provider.HistoryTraits{Kept: 90 * 24 * time.Hour}
}

// Events reads a page of GET /events, newest first, until one that is older than the span: the list cannot be narrowed
// to a time. The SDK is passed by, because it hands out events as it understands them, and what the app gets is the
// provider's. An event lacks the notification_id that a delivery has.
func (c *connection) Events(ctx context.Context, span provider.Span, cursor string) (provider.PastEvents, error) {
	const op = "list events"
	query := url.Values{"order_by": {"id[DESC]"}, "per_page": {strconv.Itoa(pageSize)}}
	if cursor != "" {
		query.Set("after", cursor)
	}
	ctx, call := withCall(ctx, op)
	at := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: "/events", RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return provider.PastEvents{}, asError(op, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	resp, err := c.doer.Do(req)
	if err != nil {
		return provider.PastEvents{}, asError(op, err)
	}
	_ = resp.Body.Close() // it was read
	var list struct {
		Data []json.RawMessage `json:"data"`
		Meta struct {
			Pagination struct {
				HasMore bool `json:"has_more"`
			} `json:"pagination"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(call.answer, &list); err != nil {
		return provider.PastEvents{}, asError(op, errUnexpected)
	}
	out, last, older := readEvents(list.Data, span.From)
	if !list.Meta.Pagination.HasMore || older {
		return out, nil
	}
	if last == "" || last == cursor {
		return provider.PastEvents{}, asError(op, errUnexpected)
	}
	out.Next = last
	return out, nil
}

// readEvents also tells the id of the last event, and whether it is older than the span's begin.
func readEvents(data []json.RawMessage, from time.Time) (out provider.PastEvents, last string, older bool) {
	out.Events = make([]billing.Event, 0, len(data))
	for _, raw := range data {
		e, err := Codec{}.Parse(raw)
		if err != nil {
			out.Malformed++
			last = ""
			continue
		}
		out.Events = append(out.Events, e)
		last, older = e.ID, !e.Time.IsZero() && e.Time.Before(from)
	}
	return out, last, older
}
