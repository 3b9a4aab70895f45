package lemonsqueezy

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/rawjson"
)

var _ provider.Rereader = (*connection)(nil)

// rereadSubscription has the attributes as both readers have them, of answers and of events.
type rereadSubscription struct {
	subscription
	told attributes
}

// UnmarshalJSON reads both.
func (s *rereadSubscription) UnmarshalJSON(text []byte) error {
	var r rawjson.Reader
	r.Reset(text)
	s.told.read(&r)
	if err := r.Close(); err != nil {
		return err
	}
	return json.Unmarshal(text, &s.subscription)
}

// Reread hands the answer to the reader of events, too: what a subscription's events are about is the same object.
func (c *connection) Reread(ctx context.Context, id string) (out provider.SubscriptionState, err error) {
	const op = "reread subscription"
	none := &provider.Error{
		Class: provider.ClassNotFound, Provider: name, Operation: op, Message: fmt.Sprintf("there is no subscription %q", id),
	}
	if !isID(id) {
		return out, none
	}
	doc, err := get[rereadSubscription](ctx, &c.client, op, "/v1/subscriptions/"+id, kindSubscription)
	if err != nil {
		return out, err
	}
	read := &doc.Data.Attributes
	if s := (subscriptions{c}); doc.Data.ID != id || !s.owns(read.subscription) {
		return out, none
	}
	out.Told = *read.told.subscription(id)
	if out.Told.Status.Ended() {
		out.Ended = read.told.endsAt
	}
	return out, nil
}
