package paddle

import (
	"context"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.Rereader = (*connection)(nil)

// Reread hands the answer to the reader of events: the data of a subscription's events is the subscription.
func (c *connection) Reread(ctx context.Context, id string) (provider.SubscriptionState, error) {
	const op = "reread subscription"
	if !subscriptionIDs.MatchString(id) {
		return provider.SubscriptionState{}, c.notFound(op, id)
	}
	ctx, call := withCall(ctx, op)
	read, err := checked(op, id)(c.sdk.GetSubscription(ctx, &paddle.GetSubscriptionRequest{SubscriptionID: id}))
	if err != nil {
		return provider.SubscriptionState{}, err
	}
	var e event
	if e.read(call.answer) != nil {
		return provider.SubscriptionState{}, asError(op, errUnexpected)
	}
	out := provider.SubscriptionState{Told: *e.data.subscription()}
	if out.Told.Status.Ended() {
		out.Ended = moment(read.CanceledAt)
	}
	return out, nil
}
