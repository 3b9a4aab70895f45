package checkoutserver

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// cancelSubscription is POST /v1/subscriptions/{id}/cancel.
func (s *Server) cancelSubscription(c *call) *answer {
	var in struct {
		When v1alpha1.CancelPolicy `json:"when"`
	}
	policy, refused := c.cfg.cancelPolicy()
	if refused != nil {
		return refused
	}
	if refused := optionalBody(c.w, c.r, &in, "when"); refused != nil {
		return refused
	}
	switch in.When {
	case "", v1alpha1.CancelAtPeriodEnd:
	case v1alpha1.CancelNow:
		if policy != v1alpha1.CancelNow {
			return notAllowed("A subscription ends with the period that was paid.")
		}
	default:
		return invalid("when is AtPeriodEnd or Now.")
	}
	return s.alone(c, "cancel", func(ctx context.Context, o *owned) (billing.Subscription, error) {
		return o.at.subscriptions.Cancel(ctx, o.ID, in.When == v1alpha1.CancelNow)
	})
}

// resumeSubscription is POST /v1/subscriptions/{id}/resume.
func (s *Server) resumeSubscription(c *call) *answer {
	if _, refused := c.cfg.cancelPolicy(); refused != nil {
		return refused
	}
	if refused := optionalBody(c.w, c.r, &struct{}{}); refused != nil {
		return refused
	}
	return s.alone(c, "resume", func(ctx context.Context, o *owned) (billing.Subscription, error) {
		return o.at.subscriptions.Resume(ctx, o.ID)
	})
}

// cancelPolicy says how users may cancel, or that they may not.
func (c *settings) cancelPolicy() (v1alpha1.CancelPolicy, *answer) {
	if c.spec.Subscriptions == nil {
		return "", notOffered("changes of subscriptions")
	}
	if c.spec.Subscriptions.Cancel == v1alpha1.CancelDisabled {
		return "", notAllowed("Subscriptions are not cancelled here.")
	}
	return cmp.Or(c.spec.Subscriptions.Cancel, v1alpha1.CancelAtPeriodEnd), nil
}

// change is the body of PATCH /v1/subscriptions/{id}.
type change struct {
	Plan      string             `json:"plan"`
	Price     string             `json:"price"`
	Quantity  *whole             `json:"quantity,omitempty"`
	Proration v1alpha1.Proration `json:"proration,omitempty"`
}

// changeSubscription is PATCH /v1/subscriptions/{id}.
func (s *Server) changeSubscription(c *call) *answer {
	var in change
	if refused := readBody(c.w, c.r, &in, "plan", "price", "quantity", "proration"); refused != nil {
		return refused
	}
	key, refused := idempotencyKey(c.r)
	if refused != nil {
		return refused
	}
	plan, price, proration, refused := c.cfg.target(&in)
	if refused != nil {
		return refused
	}
	work := func(key string) *answer { return s.move(c, &in, plan, price, proration, key) }
	if key == "" {
		return work(rand.Text())
	}
	id := c.replayID("change", key)
	a, again := s.replays.do(id, digestOfValue([]any{c.r.PathValue("id"), in}), c.now, func() *answer { return work(key) })
	c.replayed = again
	return a
}

// target is what a change of plan asks for, if it is sold and allowed.
func (c *settings) target(in *change) (*storefront.Plan, *storefront.Price, billing.Proration, *answer) {
	if c.spec.Subscriptions == nil {
		return nil, nil, "", notOffered("changes of subscriptions")
	}
	options := cmp.Or(c.spec.Subscriptions.PlanChange, &v1alpha1.PlanChange{})
	if options.Policy == v1alpha1.PlanChangeDisabled {
		return nil, nil, "", notAllowed("Plans are not changed here.")
	}
	if in.Plan == "" || in.Price == "" {
		return nil, nil, "", invalid("plan and price name what the subscription is changed to.")
	}
	if refused := checkQuantity(in.Quantity); refused != nil {
		return nil, nil, "", refused
	}
	proration := cmp.Or(options.Proration, v1alpha1.ProrateImmediately)
	switch in.Proration {
	case "", proration:
	case v1alpha1.ProrateImmediately, v1alpha1.ProrateNextPeriod, v1alpha1.ProrationNone, v1alpha1.FullImmediately,
		v1alpha1.FullNextPeriod:
		if !c.trustsClient() {
			return nil, nil, "", notAllowed("What a change of plan costs at once is not the user's to choose.")
		}
		proration = in.Proration
	default:
		return nil, nil, "", invalid("proration is ProrateImmediately, ProrateNextPeriod, None, FullImmediately or " +
			"FullNextPeriod.")
	}
	plan, price := c.doc.Price(in.Plan, in.Price)
	switch {
	case price == nil:
		return nil, nil, "", notForSale("There is no such price.")
	case price.Recurring == nil:
		return nil, nil, "", notForSale("The price is paid once; a subscription cannot be changed to it.")
	case price.Metered && in.Quantity != nil:
		return nil, nil, "", invalid("quantity is not for a price that is billed by usage.")
	}
	return plan, price, billing.Proration(proration), nil
}

// move changes the subscription at its provider, which has to sell the price too.
func (s *Server) move(
	c *call, in *change, plan *storefront.Plan, price *storefront.Price, proration billing.Proration, key string,
) *answer {
	return s.alone(c, "change", func(ctx context.Context, o *owned) (billing.Subscription, error) {
		if err := o.changeable(); err != nil {
			return billing.Subscription{}, err
		}
		to := provider.SubscriptionChange{
			Owner: c.cfg.owner(plan), Plan: plan.Name, Price: price.Name, Metered: price.Metered, Proration: proration,
		}
		for _, at := range price.At {
			if at.Provider == o.at.Key() {
				to.PriceID = at.PriceID
			}
		}
		if to.PriceID == "" {
			return billing.Subscription{}, &provider.RefusalError{Provider: o.at.Type,
				Reason: "has the subscription, but does not sell this price"}
		}
		if in.Quantity != nil {
			to.Quantity = int(*in.Quantity)
		}
		content := digestOfValue([]any{o.ID, to})
		id := digestOf(string(c.cfg.uid), c.user.ID, key, o.at.Key(), string(content[:]))
		to.IdempotencyKey = hex.EncodeToString(id[:])
		return o.at.subscriptions.Change(ctx, o.ID, to)
	})
}
