package paddle

import (
	"context"
	"strings"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
)

// attributed is a subscription whose owner is told by itself, or by the checkout that it comes from.
type attributed struct {
	billing.Subscription

	bare bool // it carries nothing, and can be written to
}

func attribute(p *paddle.Subscription) *attributed {
	return &attributed{subscriptionOf(p), len(p.CustomData) == 0 && p.Status != paddle.SubscriptionStatusCanceled}
}

// told is a subscription with its owner.
func (s *subscriptions) told(ctx context.Context, p *paddle.Subscription) (billing.Subscription, error) {
	out := attribute(p)
	err := s.nameOwners(ctx, []*attributed{out})
	return out.Subscription, err
}

// maxCopies is how many subscriptions are written to in one request of a user, who waits for it.
const maxCopies = 3

// nameOwners looks at the checkouts that subscriptions without a user's id come from. That Paddle copies custom_data
// from there is documented, and may come late. It is one request for at most as many subscriptions as Paddle has
// transactions on a page; those beyond stay without an owner, and are shown to nobody.
//
// Where it was not copied Kassa copies it, once: the events of a subscription tell its user by that alone.
func (s *subscriptions) nameOwners(ctx context.Context, all []*attributed) error {
	unknown := map[string]*attributed{}
	var of []string
	for _, one := range all {
		if one.UserID == "" && len(of) < transactionsPage {
			unknown[one.ID], of = one, append(of, one.ID)
		}
	}
	if len(of) == 0 {
		return nil
	}
	sales, err := s.salesOf(ctx, of)
	if err != nil {
		return err
	}
	copies := 0
	for _, sale := range sales {
		one := unknown[*sale.SubscriptionID]
		if one == nil || one.UserID != "" {
			continue
		}
		one.UserID = text(sale.CustomData, billing.MetadataUserID)
		if one.UserID != "" && one.bare && copies < maxCopies {
			s.copyData(ctx, one.ID, sale.CustomData)
			copies++
		}
	}
	return nil
}

// salesOf are the transactions that subscriptions come from.
func (s *subscriptions) salesOf(ctx context.Context, ids []string) (out []*paddle.Transaction, err error) {
	const op = "list transactions"
	ctx, sent := withCall(ctx, op)
	sent.limit = 1
	page, err := s.sdk.ListTransactions(ctx, &paddle.ListTransactionsRequest{
		SubscriptionID: []string{strings.Join(ids, ",")}, Origin: []string{"api,web"}, Status: []string{"completed,paid"},
		OrderBy: paddle.PtrTo("id[ASC]"), PerPage: paddle.PtrTo(transactionsPage),
	})
	if err != nil {
		return nil, asError(op, err)
	}
	for range transactionsPage {
		next := page.Next(ctx)
		if !next.Ok() {
			break
		}
		t := next.Value()
		if t == nil || t.SubscriptionID == nil {
			return nil, asError(op, errUnexpected)
		}
		out = append(out, t)
	}
	return out, nil
}

// copyData fails without a word: whose the subscription is, is known for this answer, and the next one tries again.
func (s *subscriptions) copyData(ctx context.Context, id string, data paddle.CustomData) {
	ctx, _ = withCall(ctx, "copy custom data")
	_, _ = s.sdk.UpdateSubscription(ctx, &paddle.UpdateSubscriptionRequest{
		SubscriptionID: id, CustomData: paddle.NewPatchField(data),
	})
}
