package stripe

import (
	"context"
	"net/http"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
)

const opResume = "resume subscription"

// Resume takes a cancel back, and also an end at another time that somebody has set in Stripe's dashboard; and it goes
// on with what the end of a trial has paused. A pause of the collection is the seller's, who alone can end it.
func (s *subscriptions) Resume(ctx context.Context, id string) (billing.Subscription, error) {
	there, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	if subscriptionOf(there).Status.Ended() {
		return billing.Subscription{}, refusal("cannot resume a subscription that has ended")
	}
	back := uncancelling(there)
	if back != nil {
		if there, err = s.send(ctx, opResume, http.MethodPost, id, back); err != nil {
			return billing.Subscription{}, err
		}
	}
	switch {
	case there.Status == pausedByTrial:
		return s.unpause(ctx, id)
	case there.PauseCollection != nil && back == nil:
		return billing.Subscription{}, refusal("does not collect for this subscription: it is paused; only the seller can " +
			"resume it")
	}
	return subscriptionOf(there), nil
}

// pausedByTrial is the status that the end of a trial without a payment method leads to, and nothing else does.
const pausedByTrial = "paused"

// uncancelling is the change that takes an end back, or nil where none is set.
func uncancelling(s *subscription) *stripe.SubscriptionParams {
	params := &stripe.SubscriptionParams{}
	switch {
	case s.CancelAtPeriodEnd:
		params.CancelAtPeriodEnd = stripe.Bool(false)
	case s.CancelAt != 0:
		params.AddExtra("cancel_at", "")
	default:
		return nil
	}
	return params
}

// unpause begins a period with an invoice. While nobody can be charged for it the subscription stays as it is.
func (s *subscriptions) unpause(ctx context.Context, id string) (billing.Subscription, error) {
	out := &subscription{}
	_, err := s.call(ctx, request{
		op: opResume, method: http.MethodPost, path: stripe.FormatURLPath("/v1/subscriptions/%s/resume", id),
		params: &stripe.SubscriptionResumeParams{}, out: out, valid: func() bool { return out.valid(id) },
	})
	switch {
	case unpayable(err), err == nil && out.Status == pausedByTrial:
		return billing.Subscription{}, refusal("cannot resume this subscription: it is paused because it has no payment " +
			"method; add one in the customer portal and try again")
	case err != nil:
		return billing.Subscription{}, err
	}
	return subscriptionOf(out), nil
}
