package stripe

import (
	"strings"
	"time"
)

func hyphens(s string) string { return strings.ReplaceAll(s, "_", "-") }

// after is the end of one of the price's periods that starts at t. A day that the month lacks becomes its last.
func (r *Recurring) after(t time.Time) time.Time {
	n := int(r.IntervalCount)
	switch r.Interval {
	case "day":
		return t.AddDate(0, 0, n)
	case "week":
		return t.AddDate(0, 0, 7*n)
	case "year":
		n *= 12
	}
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	lastDay := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), lastDay)-1)
}

// newSubscription starts the session's subscription, unpaid.
func (a *account) newSubscription(k *cart, customer, method *resource) *resource {
	id, now := newID("sub"), a.now().UTC().Truncate(time.Second)
	meta, _ := mergeMetadata(nil, k.subscription)
	run, period := &running{}, now
	for _, item := range k.items {
		if item.price.Recurring == nil {
			continue
		}
		item.item = newID("si")
		run.items = append(run.items, item)
		period = item.price.Recurring.after(now)
	}
	status, trialStart, trialEnd := "incomplete", any(nil), any(nil)
	if k.trialEnd != 0 {
		status, trialStart, trialEnd, period = "trialing", now.Unix(), k.trialEnd, time.Unix(k.trialEnd, 0)
	}
	missingMethod := "create_invoice"
	if t := k.subscription.hash("trial_settings"); t != nil {
		missingMethod = t.hash("end_behavior").text("missing_payment_method")
	}
	r := a.keep(object{
		"id": id, "object": "subscription", "application": nil, "application_fee_percent": nil,
		"automatic_tax": object{"enabled": false, "liability": nil}, "billing_cycle_anchor": period.Unix(),
		"billing_cycle_anchor_config": nil, "billing_thresholds": nil, "cancel_at": nil, "cancel_at_period_end": false,
		"canceled_at": nil, "cancellation_details": object{"comment": nil, "feedback": nil, "reason": nil},
		"collection_method": "charge_automatically", "created": now.Unix(), "currency": k.currency,
		"current_period_end": period.Unix(), "current_period_start": now.Unix(), "customer": customer.object["id"],
		"days_until_due": nil, "default_payment_method": idOf(method), "default_source": nil,
		"default_tax_rates": []any{}, "description": orNil(k.subscription, "description"), "discount": nil,
		"ended_at": nil,
		"items":    nil, "latest_invoice": nil,
		"livemode": a.live, "metadata": meta, "next_pending_invoice_item_invoice": nil, "on_behalf_of": nil,
		"pause_collection": nil, "payment_settings": object{
			"payment_method_options": nil, "payment_method_types": nil, "save_default_payment_method": "off",
		},
		"pending_invoice_item_interval": nil, "pending_setup_intent": nil, "pending_update": nil, "schedule": nil,
		"start_date": now.Unix(), "status": status, "test_clock": nil, "transfer_data": nil, "trial_end": trialEnd,
		"trial_settings": object{"end_behavior": object{"missing_payment_method": missingMethod}},
		"trial_start":    trialStart,
	})
	if k.trialEnd == 0 {
		r.object["billing_cycle_anchor"] = now.Unix()
	}
	r.run = run
	r.object["items"] = run.list(id, now.Unix())
	a.hurry()
	if method != nil {
		r.card = method.card
	}
	return r
}

func idOf(r *resource) any {
	if r == nil {
		return nil
	}
	return r.object["id"]
}

// running is what a subscription has beside its object.
type running struct {
	items   []cartItem
	pending []invoiceLine // prorations for the next invoice
	open    []*resource   // invoices that are neither paid nor given up, oldest first
	warned  bool          // that the trial ends
}

// list are the subscription's items as Stripe shows them.
func (r *running) list(subscription string, now int64) object {
	data := []any{}
	for _, item := range r.items {
		entry := object{
			"id": item.item, "object": "subscription_item", "billing_thresholds": nil, "created": now,
			"metadata": map[string]string{}, "price": objectOf(item.price), "subscription": subscription, "tax_rates": []any{},
		}
		if item.quantity > 0 {
			entry["quantity"] = item.quantity
		}
		data = append(data, entry)
	}
	return listObject("/v1/subscription_items?subscription="+subscription, data)
}
