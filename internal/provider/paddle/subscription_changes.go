package paddle

import (
	"context"
	"errors"
	"maps"
	"slices"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Cancel ends a subscription. One that is paused has no period to wait for, and ends at once.
func (s *subscriptions) Cancel(ctx context.Context, id string, now bool) (billing.Subscription, error) {
	const op = "cancel subscription"
	there, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	if before := subscriptionOf(there); before.Status.Ended() || before.CancelAtPeriodEnd && !now {
		return s.told(ctx, there)
	}
	from := paddle.EffectiveFromNextBillingPeriod
	if now || there.Status == paddle.SubscriptionStatusPaused {
		from = paddle.EffectiveFromImmediately
	}
	if now && there.ScheduledChange != nil {
		// Paddle takes no second change while one is scheduled. Should this be all that is done, the caller hears of an
		// error and asks again.
		if _, err := s.update(ctx, op, unscheduling(id)); err != nil {
			return billing.Subscription{}, err
		}
	}
	call, _ := withCall(ctx, op)
	p, err := checked(op, id)(s.sdk.CancelSubscription(call, &paddle.CancelSubscriptionRequest{
		SubscriptionID: id, EffectiveFrom: &from,
	}))
	if codeOf(err) == "subscription_is_canceled_action_invalid" { // it ended in between
		return s.Get(ctx, id)
	}
	if err != nil {
		return billing.Subscription{}, refusalOf(err)
	}
	return s.told(ctx, p)
}

// Resume takes a cancel at the end of the period back. Paddle has no way back from the end itself. A pause is never the
// buyer's: the seller made it, or the account's rules for bills that nobody pays.
func (s *subscriptions) Resume(ctx context.Context, id string) (billing.Subscription, error) {
	there, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	switch before := subscriptionOf(there); {
	case before.Status.Ended():
		return billing.Subscription{}, &provider.RefusalError{Provider: name, Reason: ended}
	case before.Status == billing.StatusPaused:
		return billing.Subscription{}, &provider.RefusalError{Provider: name, Reason: pausedBySeller}
	case !before.CancelAtPeriodEnd:
		return s.told(ctx, there)
	}
	return s.update(ctx, "resume subscription", unscheduling(id))
}

// unscheduling takes back what is scheduled.
func unscheduling(id string) *paddle.UpdateSubscriptionRequest {
	return &paddle.UpdateSubscriptionRequest{
		SubscriptionID: id, ScheduledChange: paddle.NewNullPatchField[*paddle.SubscriptionScheduledChange](),
	}
}

// prorations are Paddle's names.
var prorations = map[billing.Proration]paddle.ProrationBillingMode{
	billing.ProrateImmediately: paddle.ProrationBillingModeProratedImmediately,
	billing.ProrateNextPeriod:  paddle.ProrationBillingModeProratedNextBillingPeriod,
	billing.ProrationNone:      paddle.ProrationBillingModeDoNotBill,
	billing.FullImmediately:    paddle.ProrationBillingModeFullImmediately,
	billing.FullNextPeriod:     paddle.ProrationBillingModeFullNextBillingPeriod,
}

// SubscriptionTraits of Paddle.
func (Adapter) SubscriptionTraits() provider.SubscriptionTraits {
	return provider.SubscriptionTraits{CancelNow: true, Prorations: slices.Sorted(maps.Keys(prorations))}
}

// Change moves the plan's item to another price and leaves the others: Paddle takes the complete list. Where a charge
// fails nothing is changed.
func (s *subscriptions) Change(
	ctx context.Context, id string, to provider.SubscriptionChange,
) (billing.Subscription, error) {
	const op = "change subscription"
	if !ids.MatchString(to.PriceID) {
		return billing.Subscription{}, s.notFound(op, to.PriceID)
	}
	there, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	items, changes := itemsTo(there.Items, to)
	switch {
	case there.Status == paddle.SubscriptionStatusCanceled:
		return billing.Subscription{}, &provider.RefusalError{Provider: name, Reason: ended}
	case there.ScheduledChange != nil && changes:
		return billing.Subscription{}, &provider.RefusalError{Provider: name, Reason: scheduled}
	case !changes:
		return s.told(ctx, there)
	}
	mode, err := prorationFor(there.Status, to.Proration)
	if err != nil {
		return billing.Subscription{}, err
	}
	return s.update(ctx, op, &paddle.UpdateSubscriptionRequest{
		SubscriptionID: id, Items: paddle.NewPatchField(items), ProrationBillingMode: paddle.NewPatchField(mode),
		OnPaymentFailure: paddle.NewPatchField(paddle.SubscriptionOnPaymentFailurePreventChange),
	})
}

// prorationFor is how a change is billed. During a trial nothing was paid that could be prorated, and Paddle takes
// do_not_bill alone; what asks for the full price is left for it to refuse.
func prorationFor(status paddle.SubscriptionStatus, p billing.Proration) (paddle.ProrationBillingMode, error) {
	mode, known := prorations[p]
	switch {
	case !known:
		return "", &provider.RefusalError{Provider: name, Reason: "has no such proration"}
	case status == paddle.SubscriptionStatusTrialing &&
		(p == billing.ProrateImmediately || p == billing.ProrateNextPeriod):
		return paddle.ProrationBillingModeDoNotBill, nil
	}
	return mode, nil
}

// itemsTo is the complete list after the change. changes is false where the subscription has the price already.
func itemsTo(
	items []paddle.SubscriptionItem, to provider.SubscriptionChange,
) (out []paddle.UpdateSubscriptionItems, changes bool) {
	plan := planItem(items)
	changes = plan < 0
	for i, item := range items {
		next := paddle.SubscriptionUpdateItemFromCatalog{PriceID: item.Price.ID, Quantity: item.Quantity}
		if i == plan {
			next.PriceID = to.PriceID
			if to.Quantity > 0 {
				next.Quantity = to.Quantity
			}
			changes = next.PriceID != item.Price.ID || next.Quantity != item.Quantity
		} else if !item.Recurring || item.Price.ID == to.PriceID {
			continue // one-time items are billed; and a price can be there only once
		}
		out = append(out, *paddle.NewUpdateSubscriptionItemsSubscriptionUpdateItemFromCatalog(&next))
	}
	return out, changes
}

func (s *subscriptions) update(
	ctx context.Context, op string, req *paddle.UpdateSubscriptionRequest,
) (billing.Subscription, error) {
	call, _ := withCall(ctx, op)
	p, err := checked(op, req.SubscriptionID)(s.sdk.UpdateSubscription(call, req))
	if err != nil {
		return billing.Subscription{}, refusalOf(err)
	}
	return s.told(ctx, p)
}

// Portal is the overview of the customer's pages at Paddle, which lead nowhere else: there is no place for returnURL.
func (s *subscriptions) Portal(ctx context.Context, of billing.Subscription, _ string) (string, error) {
	const op = "create portal session"
	switch {
	case !customerIDs.MatchString(of.CustomerID):
		return "", s.notFound(op, of.CustomerID)
	case !subscriptionIDs.MatchString(of.ID):
		return "", s.notFound(op, of.ID)
	}
	ctx, _ = withCall(ctx, op)
	p, err := s.sdk.CreateCustomerPortalSession(ctx, &paddle.CreateCustomerPortalSessionRequest{
		CustomerID: of.CustomerID, SubscriptionIDs: []string{of.ID},
	})
	if err == nil && (p == nil || p.URLs.General.Overview == "") {
		err = errUnexpected
	}
	if err != nil {
		return "", asError(op, err)
	}
	return p.URLs.General.Overview, nil
}

// codeOf is Paddle's own code of an error, or "".
func codeOf(err error) string {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
