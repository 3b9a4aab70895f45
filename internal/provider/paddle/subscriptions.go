package paddle

import (
	"context"
	"regexp"
	"strings"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var subscriptionIDs = regexp.MustCompile(`^sub_[a-z0-9]{26}$`)

// unended are all statuses but canceled; one element because the API wants one list with commas.
var unended = []string{"active,past_due,paused,trialing"}

// transactionsPage is Paddle's maximum.
const transactionsPage = 30

type subscriptions struct{ *connection }

func (c *connection) Subscriptions() provider.Subscriptions { return &subscriptions{c} }

// List reads the customers with the user's address, then their subscriptions. It keeps those that carry the user's id:
// an address is also of somebody who had it before.
func (s *subscriptions) List(ctx context.Context, user provider.User) ([]billing.Subscription, error) {
	if user.Email == "" {
		return nil, &provider.RefusalError{
			Provider: name,
			Reason: "finds a user's subscriptions by e-mail address alone: the token needs a claim with the verified " +
				"address",
		}
	}
	found, err := s.customers(ctx, user.Email)
	if err != nil || len(found) == 0 || user.ID == "" {
		return nil, err
	}
	var of []string
	for _, customer := range found {
		of = append(of, customer.ID)
	}
	all, err := s.subscriptionsOf(ctx, of)
	if err != nil {
		return nil, err
	}
	if err := s.nameOwners(ctx, all); err != nil {
		return nil, err
	}
	var out []billing.Subscription
	for _, one := range all {
		if one.UserID == user.ID {
			one.Email = user.Email
			out = append(out, one.Subscription)
		}
	}
	return out, nil
}

func (s *subscriptions) subscriptionsOf(
	ctx context.Context, customers []string,
) (out []*attributed, err error) {
	const op = "list subscriptions"
	ctx, _ = withCall(ctx, op)
	list, err := s.sdk.ListSubscriptions(ctx, &paddle.ListSubscriptionsRequest{
		CustomerID: []string{strings.Join(customers, ",")}, Status: unended, OrderBy: paddle.PtrTo("id[ASC]"),
		PerPage: paddle.PtrTo(pageSize),
	})
	if err != nil {
		return nil, asError(op, err)
	}
	err = list.IterErr(ctx, func(p *paddle.Subscription) error {
		if !isSubscription(p) {
			return errUnexpected
		}
		out = append(out, attribute(p))
		return nil
	})
	if err != nil {
		return nil, asError(op, err)
	}
	return out, nil
}

// Get reads one subscription, and whose it is.
func (s *subscriptions) Get(ctx context.Context, id string) (billing.Subscription, error) {
	p, err := s.read(ctx, id)
	if err != nil {
		return billing.Subscription{}, err
	}
	return s.told(ctx, p)
}

func (s *subscriptions) read(ctx context.Context, id string) (*paddle.Subscription, error) {
	const op = "get subscription"
	if !subscriptionIDs.MatchString(id) {
		return nil, s.notFound(op, id)
	}
	ctx, _ = withCall(ctx, op)
	return checked(op, id)(s.sdk.GetSubscription(ctx, &paddle.GetSubscriptionRequest{SubscriptionID: id}))
}

// checked judges what the SDK returned; id is what it must have.
func checked(op, id string) func(*paddle.Subscription, error) (*paddle.Subscription, error) {
	return func(p *paddle.Subscription, err error) (*paddle.Subscription, error) {
		if err == nil && (!isSubscription(p) || p.ID != id) {
			err = errUnexpected
		}
		if err != nil {
			return nil, asError(op, err)
		}
		return p, nil
	}
}

func isSubscription(p *paddle.Subscription) bool {
	return p != nil && subscriptionIDs.MatchString(p.ID) && customerIDs.MatchString(p.CustomerID) && p.Status != ""
}
