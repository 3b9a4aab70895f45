package stripe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const opChange = "change subscription"

// Change moves the subscription's one item to another price.
//
// A repeated answer counts only if the subscription is as it says: between two equal changes there may have been one
// back, and a card that was refused may have been replaced.
func (s *subscriptions) Change(
	ctx context.Context, id string, to provider.SubscriptionChange,
) (billing.Subscription, error) {
	there, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	params, err := changeParams(there, to)
	if err != nil {
		return billing.Subscription{}, err
	}
	if params == nil {
		return subscriptionOf(there), nil
	}
	out, err := create(to.IdempotencyKey, func(key string) (*subscription, answer, error) {
		params.IdempotencyKey = stripe.String(key)
		return s.update(ctx, id, params)
	}, func(*subscription) (*subscription, error) {
		now, err := s.read(ctx, id)
		if err == nil && !now.has(to) {
			err = &provider.Error{
				Class: provider.ClassNotFound, Provider: billing.Stripe, Operation: opChange,
				Message: "the subscription has been changed since",
			}
		}
		return now, err
	})
	if reason, declined := declineOf(err); declined {
		return billing.Subscription{}, refusal(reason)
	}
	if reason, refused := rulesOf(err, there); refused {
		return billing.Subscription{}, refusal(reason)
	}
	if err != nil {
		return billing.Subscription{}, ofParameter(err)
	}
	return subscriptionOf(out), nil
}

func (s *subscriptions) update(
	ctx context.Context, id string, params *stripe.SubscriptionParams,
) (*subscription, answer, error) {
	out := &subscription{}
	a, err := s.call(ctx, request{
		op: opChange, method: http.MethodPost, path: stripe.FormatURLPath("/v1/subscriptions/%s", id), params: params,
		out: out, valid: func() bool { return out.valid(id) },
	})
	if err != nil {
		return &subscription{}, a, err
	}
	return out, a, nil
}

var prorations = map[billing.Proration]string{
	billing.ProrateImmediately: "always_invoice",
	billing.ProrateNextPeriod:  "create_prorations",
	billing.ProrationNone:      "none",
}

// SubscriptionTraits of Stripe.
func (Adapter) SubscriptionTraits() provider.SubscriptionTraits {
	return provider.SubscriptionTraits{CancelNow: true, Prorations: slices.Sorted(maps.Keys(prorations))}
}

// changeParams is nil where the subscription has the price already.
//
// payment_behavior is error_if_incomplete: a charge that fails, or that the buyer would have to confirm, changes
// nothing. By the default, allow_incomplete, the new plan would be had although it is not paid for; by
// pending_if_incomplete it would come at any time within the next day, and its marks could not come with it.
func changeParams(s *subscription, to provider.SubscriptionChange) (*stripe.SubscriptionParams, error) {
	proration := prorations[to.Proration]
	switch items := len(s.Items.Data); {
	case proration == "":
		return nil, refusal(fmt.Sprintf("cannot charge a change of plan by %s", to.Proration))
	case subscriptionOf(s).Status.Ended():
		return nil, refusal("cannot change a subscription that has ended")
	case items != 1 || s.Items.HasMore:
		return nil, refusal("has several prices in this subscription; Kassa changes those with one")
	case s.has(to):
		return nil, nil
	}
	item := s.Items.Data[0]
	// Without its id Stripe would add a second item.
	change := &stripe.SubscriptionItemsParams{ID: stripe.String(item.ID), Price: stripe.String(to.PriceID)}
	switch {
	case to.Metered:
		// Stripe refuses a quantity, and counts from what is reported.
	case to.Quantity > 0:
		change.Quantity = stripe.Int64(int64(to.Quantity))
	case item.Quantity > 0:
		change.Quantity = stripe.Int64(item.Quantity)
	}
	return &stripe.SubscriptionParams{
		Items: []*stripe.SubscriptionItemsParams{change}, ProrationBehavior: stripe.String(proration),
		PaymentBehavior: stripe.String("error_if_incomplete"), Metadata: saleMarks(to.Owner, to.Plan, to.Price),
	}, nil
}

// has says that nothing is left to change.
func (s *subscription) has(to provider.SubscriptionChange) bool {
	is := subscriptionOf(s)
	return is.PriceID == to.PriceID && (to.Quantity == 0 || is.Quantity == to.Quantity)
}

// declineOf says that the change was refused because it could not be paid for. Why, a buyer is told only in words that
// are meant for buyers.
func declineOf(err error) (reason string, declined bool) {
	var e *provider.Error
	if !errors.As(err, &e) || e.Status != http.StatusPaymentRequired {
		return "", false
	}
	reason = "could not take the payment for the change, so that nothing was changed"
	if errors.Is(err, errCard) {
		reason += ": " + e.Message
	}
	return reason, true
}
