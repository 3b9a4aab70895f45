package stripe

import (
	"fmt"
	"maps"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// invoiceLine is one position of an invoice.
type invoiceLine struct {
	item   cartItem
	amount int64
	// prorated says what a proration is for; it is empty for anything else.
	prorated string
	from, to int64 // of a proration
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
	balance := customer.number("balance")
	due := max(0, total+balance)
	return a.keep(object{
		"id": id, "object": "invoice", "account_country": "US", "account_name": sellerName, "account_tax_ids": nil,
		"amount_due": due, "amount_paid": int64(0), "amount_remaining": due, "amount_shipping": int64(0),
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
		"shipping_cost": nil, "shipping_details": nil, "starting_balance": balance, "statement_descriptor": nil,
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
	description := fmt.Sprintf("%d × %s", l.item.quantity, l.item.name)
	if l.prorated != "" {
		kind, item, description, from, to = "invoiceitem", nil, l.prorated, l.from, l.to
	}
	line := object{
		"id": newID("il"), "object": "line_item", "amount": l.amount, "amount_excluding_tax": l.amount,
		"currency":    sub.object["currency"],
		"description": description, "discount_amounts": []any{},
		"discountable": true, "discounts": []any{}, "invoice": invoice, "livemode": sub.object["livemode"],
		"metadata": meta, "period": object{"end": to, "start": from}, "price": objectOf(l.item.price),
		"proration":         l.prorated != "",
		"proration_details": object{"credited_items": nil}, "quantity": l.item.quantity,
		"subscription": sub.object["id"], "tax_amounts": []any{}, "tax_rates": []any{}, "type": kind,
		"unit_amount_excluding_tax": l.item.price.UnitAmountDecimal,
	}
	switch {
	case item != nil:
		line["subscription_item"] = item
	case l.prorated != "":
		line["subscription_item"], line["invoice_item"] = l.item.item, newID("ii")
	default:
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
	// What the customer is owed pays first, and a credit is owed from now on.
	before := customer.number("balance")
	after := min(0, in.number("total")+before)
	in.object["ending_balance"] = after
	if before != after {
		a.change(customer, "customer.updated", func(o object) { o["balance"] = after })
	}
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

// declineOf is the card that a further charge fails with, or nil.
func declineOf(card *hosted.Card) *hosted.Card {
	if card != nil && (card.Outcome == hosted.FailsLater || card.Outcome == hosted.Declined) {
		return card
	}
	return nil
}
