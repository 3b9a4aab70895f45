package paddle

import (
	"context"
	"fmt"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var _ provider.Dunner = (*connection)(nil)

type dunning struct{ *subscriptions }

func (c *connection) Dunning() provider.Dunning { return &dunning{&subscriptions{c}} }

// DunningTraits are none: Paddle keeps every attempt, and does everything.
func (Adapter) DunningTraits() provider.DunningTraits { return provider.DunningTraits{} }

func (d *dunning) Traits() provider.DunningTraits { return Adapter{}.DunningTraits() }

// Arrears reads the transaction and counts the attempts that failed.
func (d *dunning) Arrears(ctx context.Context, e *billing.Event) (provider.Arrears, error) {
	const op = "get transaction"
	var native event
	if err := native.read(e.Native); err != nil {
		return provider.Arrears{}, fmt.Errorf("%w: %w", provider.ErrMalformedEvent, err)
	}
	id := string(native.data.id)
	if !transactionIDs.MatchString(id) {
		return provider.Arrears{}, nil
	}
	ctx, _ = withCall(ctx, op)
	t, err := d.sdk.GetTransaction(ctx, &paddle.GetTransactionRequest{TransactionID: id})
	if err == nil && (t == nil || t.ID != id || t.Status == "") {
		err = errUnexpected
	}
	if err != nil {
		return provider.Arrears{}, asError(op, err)
	}
	a := provider.Arrears{InvoiceID: id, Open: isOwed(t.Status)}
	if t.SubscriptionID != nil {
		a.SubscriptionID = *t.SubscriptionID
	}
	for _, p := range t.Payments {
		if p.Status == paddle.PaymentAttemptStatusError {
			a.FailedPayments++
		}
	}
	return a, nil
}

func isOwed(s paddle.TransactionStatus) bool {
	switch s {
	case paddle.TransactionStatusPaid, paddle.TransactionStatusCompleted, paddle.TransactionStatusCanceled:
		return false
	}
	return true
}

// Pause stops a subscription at once. Paddle cancels the renewal that is past due then. It takes no second change while
// one is scheduled, so that is taken back before.
func (d *dunning) Pause(ctx context.Context, id string) (billing.Subscription, error) {
	const op = "pause subscription"
	there, err := d.read(ctx, id)
	switch {
	case err != nil:
		return billing.Subscription{}, err
	case there.Status == paddle.SubscriptionStatusPaused:
		return d.told(ctx, there)
	case there.Status == paddle.SubscriptionStatusCanceled:
		return billing.Subscription{}, &provider.RefusalError{Provider: name, Reason: ended}
	case there.ScheduledChange != nil:
		if _, err := d.update(ctx, op, unscheduling(id)); err != nil {
			return billing.Subscription{}, err
		}
	}
	from := paddle.EffectiveFromImmediately
	call, _ := withCall(ctx, op)
	p, err := checked(op, id)(d.sdk.PauseSubscription(call, &paddle.PauseSubscriptionRequest{
		SubscriptionID: id, EffectiveFrom: &from,
	}))
	if err != nil {
		return billing.Subscription{}, refusalOf(err)
	}
	return d.told(ctx, p)
}
