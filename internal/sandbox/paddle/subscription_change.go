package paddle

import (
	"net/http"
	"time"
)

const (
	immediately = "immediately"
	nextPeriod  = "next_billing_period"
	// lockedBefore is how long before a renewal nothing can be changed. Paddle tells no number.
	lockedBefore = 30 * time.Minute
)

var (
	effectiveFrom      = field{null: true, check: oneOf([]string{immediately, nextPeriod})}
	cancelFields       = shape{"effective_from": effectiveFrom}
	pauseFields        = shape{"effective_from": effectiveFrom}
	resumeFields       = shape{"effective_from": {null: true, check: oneOf([]string{immediately})}}
	subscriptionFields = shape{
		"scheduled_change": {null: true, check: func(_ any, at string) []fieldError { return wrong(at, "must be null") }},
		"custom_data":      {null: true, check: object},
		"items": {check: listOf(1, 100, shape{
			"price_id": itemFields["price_id"], "quantity": {check: integer(1, 999_999_999)},
		}.check)},
		"proration_billing_mode": {check: oneOf([]string{
			"prorated_immediately", "prorated_next_billing_period", "full_immediately", "full_next_billing_period",
			"do_not_bill",
		})},
		"on_payment_failure": {check: oneOf([]string{"prevent_change", "apply_change"})},
	}
)

// subscriptionInput is the body of an update.
type subscriptionInput struct {
	Items []struct {
		PriceID  string `json:"price_id"`
		Quantity *int64 `json:"quantity"`
	} `json:"items"`
	Proration        string         `json:"proration_billing_mode"`
	OnPaymentFailure string         `json:"on_payment_failure"`
	CustomData       map[string]any `json:"custom_data"`
}

func subscriptionError(code, detail string) *apiError {
	return newError(http.StatusBadRequest, "subscriptions", code, detail)
}

func (c *call) updateSubscription() (any, *apiError) {
	s, err := c.subscription()
	if err != nil {
		return nil, err
	}
	if err := c.read(subscriptionFields); err != nil {
		return nil, err
	}
	in := &subscriptionInput{}
	if err := decode(c.body, in); err != nil {
		return nil, invalidJSON()
	}
	if s.Status == canceled {
		return nil, subscriptionError("subscription_update_when_canceled", "a canceled subscription can't be changed")
	}
	if in.Items != nil {
		if err := c.changeItems(s, in); err != nil {
			return nil, err
		}
	}
	_, unscheduled := c.fields["scheduled_change"]
	_, data := c.fields["custom_data"]
	if unscheduled || data {
		c.alter(s, "subscription.updated", func(time.Time) {
			if data {
				s.CustomData = in.CustomData
			}
			if unscheduled {
				s.unschedule()
			}
		})
	}
	return c.answered(s), nil
}

// admits checks whether the subscription takes a change of its items now.
func (c *call) admits(s *Subscription, mode string) *apiError {
	switch {
	case s.ScheduledChange != nil:
		return subscriptionError("subscription_locked_pending_changes", "a change is scheduled")
	case mode == "":
		return subscriptionError("subscription_items_update_missing_proration_billing_mode",
			"proration_billing_mode is required when items change")
	case s.Status == pastDue:
		return subscriptionError("subscription_update_when_past_due", "the subscription is past due")
	case s.Status == trialing && mode != "do_not_bill":
		return subscriptionError("subscription_trialing_items_update_invalid_options",
			"a trialing subscription takes do_not_bill only")
	case s.Status == paused && mode != "do_not_bill":
		return subscriptionError("subscription_incorrect_proration_on_paused_subscription",
			"a paused subscription takes do_not_bill only")
	case s.NextBilledAt != nil && moment(*s.NextBilledAt).Sub(c.clock()) < lockedBefore:
		return subscriptionError("subscription_locked_renewal", "the subscription is about to renew")
	}
	return nil
}

func (c *call) changeItems(s *Subscription, in *subscriptionInput) *apiError {
	if err := c.admits(s, in.Proration); err != nil {
		return err
	}
	items, err := c.newItems(s, in)
	if err != nil {
		return err
	}
	b := c.billFor(s, items, in.Proration)
	if b.charge && s.card.fails() && in.OnPaymentFailure != "apply_change" {
		return subscriptionError("subscription_payment_declined", "the payment for the change was declined")
	}
	if b.next {
		s.next, s.credit = append(s.next, b.items...), s.credit+b.credit
	}
	if b.charge {
		c.addTransaction(b.transaction, "")
		c.emit("transaction.created", b.transaction)
	}
	c.alter(s, "subscription.updated", func(now time.Time) {
		s.Items = items
		if b.restarts {
			s.BillingCycle = *items[0].Price.BillingCycle
			period := s.BillingCycle.period(now)
			s.CurrentBillingPeriod, s.NextBilledAt = &period, &period.EndsAt
		}
	})
	if b.charge {
		c.collect(s, b.transaction)
	}
	return nil
}

// newItems are the subscription's items after the change. Those that stay keep the price as it was.
func (c *call) newItems(s *Subscription, in *subscriptionInput) ([]SubscriptionItem, *apiError) {
	var out []SubscriptionItem
	seen := map[string]bool{}
	for _, item := range in.Items {
		if seen[item.PriceID] {
			return nil, subscriptionError("subscription_duplicate_price_ids", "price "+item.PriceID+" is there twice")
		}
		seen[item.PriceID] = true
		if old := s.item(item.PriceID); old != nil {
			kept := *old
			if item.Quantity != nil {
				kept.Quantity = *item.Quantity
			}
			out = append(out, kept)
			continue
		}
		if item.Quantity == nil {
			return nil, subscriptionError("subscription_quantity_missing_for_new_items", "new items need a quantity")
		}
		p, err := c.sellable(item.PriceID, *item.Quantity)
		switch {
		case err != nil && err.Code == "transaction_item_quantity_out_of_range":
			return nil, subscriptionError("subscription_quantity_not_valid", err.Detail)
		case err != nil:
			return nil, subscriptionError("subscription_new_items_not_valid", err.Detail)
		case p.BillingCycle == nil || len(out) > 0 && *p.BillingCycle != *out[0].Price.BillingCycle:
			return nil, subscriptionError("subscription_new_items_not_valid", "billing cycles of items differ")
		}
		added := c.newItem(s, p, *item.Quantity)
		if s.Status == trialing {
			added.Status, added.TrialDates = trialing, s.CurrentBillingPeriod
		}
		out = append(out, added)
	}
	return out, nil
}

func (s *Subscription) item(price string) *SubscriptionItem {
	for i := range s.Items {
		if s.Items[i].Price.ID == price {
			return &s.Items[i]
		}
	}
	return nil
}

func (c *call) cancelSubscription() (any, *apiError) {
	s, now, err := c.ending(cancelFields)
	if err != nil {
		return nil, err
	}
	if now || s.Status == paused {
		c.end(s)
	} else {
		c.schedule(s, "cancel")
	}
	return c.answered(s), nil
}

func (c *call) pauseSubscription() (any, *apiError) {
	s, now, err := c.ending(pauseFields)
	switch {
	case err != nil:
		return nil, err
	case s.Status != active && s.Status != pastDue:
		return nil, subscriptionError("subscription_cannot_be_paused", "only active subscriptions can be paused")
	case now:
		c.pause(s)
	default:
		c.schedule(s, "pause")
	}
	return c.answered(s), nil
}

// ending reads a request that ends or pauses a subscription, at once or later.
func (c *call) ending(fields shape) (s *Subscription, now bool, err *apiError) {
	if s, err = c.subscription(); err != nil {
		return nil, false, err
	}
	if err := c.read(fields); err != nil {
		return nil, false, err
	}
	var in struct {
		EffectiveFrom string `json:"effective_from"`
	}
	if len(c.body) > 0 && decode(c.body, &in) != nil {
		return nil, false, invalidJSON()
	}
	switch now = in.EffectiveFrom == immediately; {
	case s.Status == canceled:
		err = subscriptionError("subscription_is_canceled_action_invalid", "the subscription is canceled")
	case s.ScheduledChange != nil:
		err = subscriptionError("subscription_locked_pending_changes", "a change is scheduled")
	}
	return s, now, err
}

func (c *call) resumeSubscription() (any, *apiError) {
	s, err := c.subscription()
	if err != nil {
		return nil, err
	}
	if err := c.read(resumeFields); err != nil {
		return nil, err
	}
	if s.Status != paused {
		return nil, subscriptionError("subscription_must_be_paused", "only paused subscriptions can be resumed")
	}
	c.alter(s, "subscription.resumed", func(time.Time) { s.Status, s.PausedAt = active, nil })
	c.renew(s, c.clock().UTC())
	return c.answered(s), nil
}

func (c *call) activateSubscription() (any, *apiError) {
	s, err := c.subscription()
	if err != nil {
		return nil, err
	}
	if s.Status != trialing {
		return nil, subscriptionError("subscription_cannot_activate", "only trialing subscriptions can be activated")
	}
	c.renew(s, c.clock().UTC())
	return c.answered(s), nil
}
