package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// stranger is a user who wants to do something with the buyer's subscription.
const stranger = "eve"

// cancel shows that a subscription is its user's alone.
func cancel(ctx context.Context, s *stage) error {
	heading("Jane cancels at the end of the period; nobody else can")
	mine, err := subscriptions(ctx, buyer)
	if err != nil {
		return err
	}
	if len(mine) != 1 {
		return fmt.Errorf("%s has %d subscriptions, not one", buyer, len(mine))
	}
	fmt.Println(" ", mine[0].words())
	path := "/v1/subscriptions/" + mine[0].ID + "/cancel"
	var after subscription
	err = ask(ctx, stranger, http.MethodPost, path, struct{}{}, &after)
	refused, ok := errors.AsType[*refusedError](err)
	if !ok || refused.status != http.StatusNotFound {
		return fmt.Errorf("%s was not answered 404: %w", stranger, err)
	}
	fmt.Printf("  HTTP %d: %s\n", refused.status, refused.message)
	if err := ask(ctx, buyer, http.MethodPost, path, struct{}{}, &after); err != nil {
		return err
	}
	fmt.Println(" ", after.words())
	if !after.CancelAtPeriodEnd {
		return errors.New("the subscription does not end with its period")
	}
	_, err = s.awaitEvent(ctx, "dev.kassa.subscription.cancel_scheduled", buyer)
	return err
}

// subscription is one of GET /v1/subscriptions.
type subscription struct {
	ID, Provider, Status, Plan, Price, CurrentPeriodEnd string
	CancelAtPeriodEnd                                   bool
}

func (s subscription) words() string {
	end, _, _ := strings.Cut(s.CurrentPeriodEnd, "T")
	what := "renews"
	if s.CancelAtPeriodEnd {
		what = "ends"
	}
	return fmt.Sprintf("%s  %s/%s  %s at %s, %s %s", s.ID, s.Plan, s.Price, s.Status, s.Provider, what, end)
}

func subscriptions(ctx context.Context, user string) ([]subscription, error) {
	var list struct{ Subscriptions []subscription }
	err := ask(ctx, user, http.MethodGet, "/v1/subscriptions", nil, &list)
	return list.Subscriptions, err
}
