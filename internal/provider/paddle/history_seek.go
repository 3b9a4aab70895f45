package paddle

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
)

// longAgo is how old the begin of a span is that one more call is worth it. A sweep that comes every few minutes does
// without.
const longAgo = time.Hour

// seek finds the event from which the list is read, oldest first: one that happened shortly before the span, and that
// Paddle notified somebody of, because notifications can be narrowed to a time and events cannot. Where there is none
// the list is read from its newest event on.
//
// Shortly is a tenth of what lies between the span and now: to read from there on costs at most that much more. Of what
// is more than one sweep reads, that which happened first then comes first.
func (c *connection) seek(ctx context.Context, from time.Time) (provider.PastEvents, error) {
	earliest, latest := from.Add(-time.Since(from)/10), from.Add(-slack)
	list, err := c.rows(ctx, "list notifications", "/notifications", url.Values{
		"from": {earliest.UTC().Format(time.RFC3339)}, "to": {latest.UTC().Format(time.RFC3339)},
		"order_by": {"id[DESC]"}, "per_page": {"20"},
	})
	if err != nil {
		return provider.PastEvents{}, err
	}
	for _, raw := range list.Data {
		var n struct {
			Origin  string          `json:"origin"`
			Payload json.RawMessage `json:"payload"`
		}
		if json.Unmarshal(raw, &n) != nil || n.Origin != "event" { // a replay is newer than its event
			continue
		}
		e, err := Codec{}.Parse(n.Payload)
		if err == nil && e.Time.After(earliest.Add(-slack)) && e.Time.Before(from) {
			return provider.PastEvents{Next: oldestFirst + ":" + e.ID}, nil
		}
	}
	return provider.PastEvents{Next: newestFirst}, nil
}
