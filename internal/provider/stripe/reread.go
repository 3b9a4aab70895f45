package stripe

import (
	"context"
	"net/http"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.Rereader = (*connection)(nil)

// Reread hands the answer to the reader of events.
func (c *connection) Reread(ctx context.Context, id string) (provider.SubscriptionState, error) {
	const op = "reread subscription"
	s := subscriptions{c}
	read, err := s.send(ctx, op, http.MethodGet, id, &stripe.SubscriptionParams{})
	if err != nil {
		return provider.SubscriptionState{}, err
	}
	var r reader
	var o object
	r.Reset(read.LastResponse.RawJSON)
	r.object(&o)
	if r.Close() != nil {
		return provider.SubscriptionState{}, c.asError(op, answer{}, errUnexpected)
	}
	out := provider.SubscriptionState{Told: *o.subscription()}
	if out.Told.Status.Ended() {
		out.Ended = moment(read.EndedAt)
	}
	return out, nil
}
