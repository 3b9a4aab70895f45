package stripe

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
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
	items, period := []any{}, now
	for _, item := range k.items {
		if item.price.Recurring == nil {
			continue
		}
		entry := object{
			"id": newID("si"), "object": "subscription_item", "billing_thresholds": nil, "created": now.Unix(),
			"metadata": map[string]string{}, "price": objectOf(item.price), "subscription": id, "tax_rates": []any{},
		}
		if item.quantity > 0 {
			entry["quantity"] = item.quantity
		}
		items = append(items, entry)
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
		"items":    listObject("/v1/subscription_items?subscription="+id, items), "latest_invoice": nil,
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
	r.cart = k
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

// invoiceLine is one position of an invoice.
type invoiceLine struct {
	item   cartItem
	amount int64
}

// newInvoice drafts a subscription's invoice for the period.
func (a *account) newInvoice(sub, customer *resource, lines []invoiceLine, reason string, from, to int64) *resource {
	id, now, total := newID("in"), a.now().Unix(), int64(0)
	data := []any{}
	meta := maps.Clone(sub.object["metadata"].(map[string]string))
	for _, l := range lines {
		total += l.amount
		data = append(data, lineObject(id, sub, l, meta, from, to))
	}
	return a.keep(object{
		"id": id, "object": "invoice", "account_country": "US", "account_name": sellerName, "account_tax_ids": nil,
		"amount_due": total, "amount_paid": int64(0), "amount_remaining": total, "amount_shipping": int64(0),
		"application": nil, "application_fee_amount": nil, "attempt_count": int64(0), "attempted": false,
		"auto_advance":   true,
		"automatic_tax":  object{"enabled": false, "liability": nil, "status": nil},
		"billing_reason": reason, "charge": nil, "collection_method": "charge_automatically", "created": now,
		"currency": sub.object["currency"], "custom_fields": nil, "customer": customer.object["id"],
		"customer_address": nil, "customer_email": customer.object["email"], "customer_name": nil, "customer_phone": nil,
		"customer_shipping": nil, "customer_tax_exempt": "none", "customer_tax_ids": []any{},
		"default_payment_method": nil, "default_source": nil, "default_tax_rates": []any{}, "description": nil,
		"discount": nil, "discounts": []any{}, "due_date": nil, "effective_at": nil, "ending_balance": nil, "footer": nil,
		"from_invoice": nil, "hosted_invoice_url": nil, "invoice_pdf": nil, "issuer": object{"type": "self"},
		"last_finalization_error": nil, "latest_revision": nil,
		"lines": listObject("/v1/invoices/"+id+"/lines", data), "livemode": a.live, "metadata": map[string]string{},
		"next_payment_attempt": nil, "number": nil, "on_behalf_of": nil, "paid": false, "paid_out_of_band": false,
		"payment_intent": nil, "payment_settings": object{
			"default_mandate": nil, "payment_method_options": nil, "payment_method_types": nil,
		},
		"period_end": to, "period_start": from, "post_payment_credit_notes_amount": int64(0),
		"pre_payment_credit_notes_amount": int64(0), "quote": nil, "receipt_number": nil, "rendering": nil,
		"shipping_cost": nil, "shipping_details": nil, "starting_balance": int64(0), "statement_descriptor": nil,
		"status": "draft", "status_transitions": object{
			"finalized_at": nil, "marked_uncollectible_at": nil, "paid_at": nil, "voided_at": nil,
		},
		"subscription": sub.object["id"], "subscription_details": object{"metadata": meta}, "subtotal": total,
		"subtotal_excluding_tax": total, "tax": nil, "test_clock": nil, "total": total,
		"total_discount_amounts": []any{}, "total_excluding_tax": total, "total_tax_amounts": []any{},
		"transfer_data": nil, "webhooks_delivered_at": nil,
	})
}

func lineObject(invoice string, sub *resource, l invoiceLine, meta map[string]string, from, to int64) object {
	kind, item := "invoiceitem", any(nil)
	if l.item.price.Recurring != nil {
		kind, item = "subscription", itemOf(sub, l.item.price.ID)
	}
	line := object{
		"id": newID("il"), "object": "line_item", "amount": l.amount, "amount_excluding_tax": l.amount,
		"currency":    sub.object["currency"],
		"description": fmt.Sprintf("%d × %s", l.item.quantity, l.item.name), "discount_amounts": []any{},
		"discountable": true, "discounts": []any{}, "invoice": invoice, "livemode": sub.object["livemode"],
		"metadata": meta, "period": object{"end": to, "start": from}, "price": objectOf(l.item.price), "proration": false,
		"proration_details": object{"credited_items": nil}, "quantity": l.item.quantity,
		"subscription": sub.object["id"], "tax_amounts": []any{}, "tax_rates": []any{}, "type": kind,
		"unit_amount_excluding_tax": l.item.price.UnitAmountDecimal,
	}
	if item != nil {
		line["subscription_item"] = item
	} else {
		line["invoice_item"] = newID("ii")
	}
	return line
}

func itemOf(sub *resource, price string) any {
	for _, entry := range sub.object["items"].(object)["data"].([]any) {
		if item := entry.(object); item["price"].(object).text("id") == price {
			return item["id"]
		}
	}
	return nil
}

// finalize makes a draft an open invoice with its number.
func (a *account) finalize(in, customer *resource) {
	n := customer.number("next_invoice_sequence")
	customer.object["next_invoice_sequence"] = n + 1
	in.object["number"] = fmt.Sprintf("%s-%04d", customer.text("invoice_prefix"), n)
	in.object["status"], in.object["effective_at"] = "open", a.now().Unix()
	in.object["status_transitions"].(object)["finalized_at"] = a.now().Unix()
	a.emit("invoice.finalized", in.object, nil, Origin{})
}

// settle marks an invoice paid.
func (a *account) settle(in *resource) {
	in.object["status"], in.object["paid"], in.object["attempted"] = "paid", true, true
	in.object["amount_paid"], in.object["amount_remaining"] = in.object["amount_due"], int64(0)
	in.object["auto_advance"], in.object["next_payment_attempt"] = false, nil
	in.object["status_transitions"].(object)["paid_at"] = a.now().Unix()
	a.emit("invoice.paid", in.object, nil, Origin{})
	a.emit("invoice.payment_succeeded", in.object, nil, Origin{})
}

// retryAfter is when a failed renewal is tried again.
const retryAfter = 72 * time.Hour

// fail records a failed attempt at an invoice.
func (a *account) fail(in *resource) {
	in.object["attempted"], in.object["next_payment_attempt"] = true, a.now().Add(retryAfter).Unix()
	a.emit("invoice.payment_failed", in.object, nil, Origin{})
}

// declineOf is the card that a further charge fails with, or nil.
func declineOf(card *hosted.Card) *hosted.Card {
	if card != nil && (card.Outcome == hosted.FailsLater || card.Outcome == hosted.Declined) {
		return card
	}
	return nil
}
