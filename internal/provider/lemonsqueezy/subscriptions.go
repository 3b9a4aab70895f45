package lemonsqueezy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const kindItem = "subscription-items"

type subscriptions struct{ *connection }

// subscriptionPatch is a change of a subscription. What is nil stays.
type subscriptionPatch struct {
	VariantID *int64 `json:"variant_id,omitempty"`
	Cancelled *bool  `json:"cancelled,omitempty"`
	*charging
}

// itemPatch is a change of a subscription's quantity.
type itemPatch struct {
	Quantity int `json:"quantity"`
	*charging
}

// charging says what a change costs at once. Both false is a settlement with the next invoice.
type charging struct {
	InvoiceImmediately bool `json:"invoice_immediately"`
	DisableProrations  bool `json:"disable_prorations"`
}

// prorations are what LemonSqueezy can do; the first is what it does if nothing is said.
var prorations = map[billing.Proration]charging{
	billing.ProrateNextPeriod:  {},
	billing.ProrateImmediately: {InvoiceImmediately: true},
	billing.ProrationNone:      {DisableProrations: true},
}

// SubscriptionTraits of LemonSqueezy: a subscription ends with its period.
func (Adapter) SubscriptionTraits() provider.SubscriptionTraits {
	return provider.SubscriptionTraits{Prorations: slices.Sorted(maps.Keys(prorations))}
}

// chargingOf is false for what LemonSqueezy cannot do.
func chargingOf(p billing.Proration) (*charging, bool) {
	how, can := prorations[cmp.Or(p, billing.ProrateNextPeriod)]
	return &how, can
}

// List reads the subscriptions that were bought with the user's email, which is all that tells whose they are.
func (s *subscriptions) List(ctx context.Context, user provider.User) ([]billing.Subscription, error) {
	if user.Email == "" {
		return nil, cannot("finds subscriptions by a verified email alone, and the user has none")
	}
	all, _, err := list[subscription](ctx, &s.client, "list subscriptions", "/v1/subscriptions", kindSubscription,
		url.Values{"filter[store_id]": {s.store}, "filter[user_email]": {billing.LowerEmail(user.Email)}})
	if err != nil {
		return nil, err
	}
	var out []billing.Subscription
	for _, r := range all {
		if !s.owns(r.Attributes) || !billing.SameEmail(r.Attributes.UserEmail, user.Email) {
			continue
		}
		if got := subscriptionOf(r); !got.Status.Ended() {
			out = append(out, got)
		}
	}
	return out, nil
}

// Get reads one. Those of other stores and modes are not there.
func (s *subscriptions) Get(ctx context.Context, id string) (billing.Subscription, error) {
	r, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	return subscriptionOf(r), nil
}

// Cancel ends a subscription with what was paid for. LemonSqueezy does not end one before.
func (s *subscriptions) Cancel(ctx context.Context, id string, now bool) (billing.Subscription, error) {
	r, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	switch got := subscriptionOf(r); {
	case got.Status.Ended():
		return got, nil
	case now:
		return billing.Subscription{}, cannot("cannot cancel a subscription at once, only at the end of its period")
	case got.CancelAtPeriodEnd:
		return got, nil
	}
	return s.write(ctx, "cancel subscription", http.MethodDelete, id, nil)
}

// Resume undoes a cancel while the subscription has not ended. A pause is the seller's: nothing tells that the buyer
// made it.
func (s *subscriptions) Resume(ctx context.Context, id string) (billing.Subscription, error) {
	const op = "resume subscription"
	r, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	got := subscriptionOf(r)
	switch {
	case got.Status == billing.StatusPaused:
		return billing.Subscription{}, cannot("does not bill this subscription: it is paused; only the seller can resume it")
	case !got.Status.Ended() && !got.CancelAtPeriodEnd:
		return got, nil
	}
	if err := changeable(r); err != nil {
		return billing.Subscription{}, err
	}
	got, err = s.write(ctx, op, http.MethodPatch, id, subscriptionPatch{Cancelled: new(false)})
	if err == nil && got.CancelAtPeriodEnd {
		return billing.Subscription{}, ignored()
	}
	return got, err
}

// Change moves a subscription to another variant, and then to another quantity. When the second fails, the same call
// makes up for it.
func (s *subscriptions) Change(
	ctx context.Context, id string, to provider.SubscriptionChange,
) (billing.Subscription, error) {
	const op = "change subscription"
	variant, err := variantID(to.PriceID)
	if err != nil {
		return billing.Subscription{}, err
	}
	how, can := chargingOf(to.Proration)
	if !can {
		return billing.Subscription{}, cannot("cannot charge for a change of plan by %s", to.Proration)
	}
	r, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	got := subscriptionOf(r)
	moves, resizes := got.PriceID != to.PriceID, to.Quantity != 0 && got.Quantity != to.Quantity
	if !moves && !resizes {
		return got, nil
	}
	if err := changeable(r); err != nil {
		return billing.Subscription{}, err
	}
	if moves {
		got, err = s.write(ctx, op, http.MethodPatch, id, subscriptionPatch{VariantID: &variant, charging: how})
		switch {
		case err != nil:
			return billing.Subscription{}, err
		case got.PriceID != to.PriceID:
			return billing.Subscription{}, ignored()
		}
	}
	if !resizes {
		return got, nil
	}
	// The item may be another one since the move.
	if r, err = s.read(ctx, id); err != nil {
		return billing.Subscription{}, err
	}
	if err := s.resize(ctx, number(r.Attributes.FirstItem.ID), itemPatch{to.Quantity, how}); err != nil {
		return billing.Subscription{}, err
	}
	return s.Get(ctx, id)
}

// Portal is a link that works for a day, read again each time. It has no way back to the app.
func (s *subscriptions) Portal(ctx context.Context, sub billing.Subscription, _ string) (string, error) {
	r, err := s.read(ctx, sub.ID)
	if err != nil {
		return "", err
	}
	link := r.Attributes.URLs.CustomerPortal
	if link == "" {
		return "", cannot("tells no customer portal for this subscription")
	}
	return link, nil
}

// changeable refuses what LemonSqueezy would not change.
func changeable(r resource[subscription]) error {
	switch {
	case r.Attributes.status().Ended():
		return cannot("cannot change a subscription that has ended")
	case r.Attributes.byPayPal():
		return cannot("cannot change a subscription that is paid by PayPal; its buyer can, in the customer portal")
	}
	return nil
}

// ignored: the answer is a success, and the subscription is as it was.
func ignored() error {
	return cannot("did not make the change; the buyer can make it in the customer portal")
}

// owns says whether a subscription is of the connection's store and mode. A key sees those of its own mode only, so one
// whose mode is not told is of that.
func (s *subscriptions) owns(a subscription) bool {
	return number(a.StoreID) == s.store && (a.TestMode == nil || s.ofMode(a.TestMode))
}

func (s *subscriptions) read(ctx context.Context, id string) (resource[subscription], error) {
	const op = "get subscription"
	none := &provider.Error{
		Class: provider.ClassNotFound, Provider: name, Operation: op, Message: fmt.Sprintf("there is no subscription %q", id),
	}
	if !isID(id) {
		return resource[subscription]{}, none
	}
	doc, err := get[subscription](ctx, &s.client, op, "/v1/subscriptions/"+id, kindSubscription)
	if err == nil && (doc.Data.ID != id || !s.owns(doc.Data.Attributes)) {
		err = none
	}
	return doc.Data, err
}

// write changes a subscription; without a patch it is a request alone.
func (s *subscriptions) write(
	ctx context.Context, op, method, id string, patch any,
) (billing.Subscription, error) {
	var out document[subscription]
	r := request{
		op: op, method: method, path: "/v1/subscriptions/" + id, into: &out,
		valid: func() bool {
			return out.Data.Type == kindSubscription && out.Data.ID == id && s.owns(out.Data.Attributes)
		},
	}
	if patch != nil {
		r.body = changeOf(kindSubscription, id, patch)
	}
	if err := s.send(ctx, r); err != nil {
		return billing.Subscription{}, err
	}
	return subscriptionOf(out.Data), nil
}

func (s *subscriptions) resize(ctx context.Context, item string, patch itemPatch) error {
	return s.send(ctx, request{
		op: "change quantity", method: http.MethodPatch, path: "/v1/subscription-items/" + item,
		body: changeOf(kindItem, item, patch),
	})
}

func changeOf(kind, id string, patch any) any {
	return map[string]resource[any]{"data": {Type: kind, ID: id, Attributes: patch}}
}
