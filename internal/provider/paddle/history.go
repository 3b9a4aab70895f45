package paddle

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.History = (*connection)(nil)

// HistoryTraits: Paddle keeps events for ninety days.
func (c *connection) HistoryTraits() provider.HistoryTraits {
	return provider.HistoryTraits{Kept: 90 * 24 * time.Hour}
}

// Cursors name the direction in which the list is read, and the event after which its next page begins. A list begins
// with the newest event by itself; the oldest that matters has to be found before.
const (
	newestFirst = "newest"
	oldestFirst = "oldest"
)

// slack is how much the order of the ids may differ from that of the times. An id begins with the time at which it was
// made, so it is milliseconds.
const slack = time.Minute

// Events reads a page of GET /events, which cannot be narrowed to a time: newest first, until one that is older than
// the span; or where the span begins long ago, from an event shortly before it on, oldest first, until one that is
// newer. An event lacks the notification_id that a delivery has.
func (c *connection) Events(ctx context.Context, span provider.Span, cursor string) (provider.PastEvents, error) {
	const op = "list events"
	if cursor == "" && time.Since(span.From) > longAgo {
		return c.seek(ctx, span.From)
	}
	direction, after, _ := strings.Cut(cursor, ":")
	query := url.Values{"order_by": {"id[DESC]"}, "per_page": {strconv.Itoa(pageSize)}}
	if direction == oldestFirst {
		query.Set("order_by", "id[ASC]")
	} else {
		direction = newestFirst
	}
	if after != "" {
		query.Set("after", after)
	}
	list, err := c.rows(ctx, op, "/events", query)
	if err != nil {
		return provider.PastEvents{}, err
	}
	out, last := readEvents(list.Data)
	if !list.Meta.Pagination.HasMore || isBeyond(last.Time, span, direction) {
		return out, nil
	}
	if last.ID == "" || last.ID == after {
		return provider.PastEvents{}, asError(op, errUnexpected)
	}
	out.Next = direction + ":" + last.ID
	return out, nil
}

// isBeyond says that the list has nothing of the span after an event of that time.
func isBeyond(at time.Time, span provider.Span, direction string) bool {
	switch {
	case at.IsZero():
		return false
	case direction == oldestFirst:
		return !span.To.IsZero() && at.After(span.To.Add(slack))
	}
	return at.Before(span.From.Add(-slack))
}

// readEvents also returns the last event. It has no id if what is last in the list is no event.
func readEvents(data []json.RawMessage) (out provider.PastEvents, last billing.Event) {
	out.Events = make([]billing.Event, 0, len(data))
	for _, raw := range data {
		e, err := Codec{}.Parse(raw)
		if err != nil {
			out.Malformed++
			last.ID = ""
			continue
		}
		out.Events, last = append(out.Events, e), e
	}
	return out, last
}

// rawList is a page of a list as Paddle sent it.
type rawList struct {
	Data []json.RawMessage `json:"data"`
	Meta struct {
		Pagination struct {
			HasMore bool `json:"has_more"`
		} `json:"pagination"`
	} `json:"meta"`
}

// rows reads a page. The SDK is passed by, because it hands out events as it understands them, and what the app gets is
// the provider's.
func (c *connection) rows(ctx context.Context, op, path string, query url.Values) (rawList, error) {
	ctx, call := withCall(ctx, op)
	at := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return rawList{}, asError(op, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	resp, err := c.doer.Do(req)
	if err != nil {
		return rawList{}, asError(op, err)
	}
	_ = resp.Body.Close() // it was read
	var list rawList
	if err := json.Unmarshal(call.answer, &list); err != nil {
		return rawList{}, asError(op, errUnexpected)
	}
	return list, nil
}
