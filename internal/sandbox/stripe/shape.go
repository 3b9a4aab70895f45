package stripe

import (
	"bytes"
	"encoding/json"
	"strings"
)

// laterVersions are versions after APIVersion that a webhook endpoint can be pinned to. Its events then have that
// version's shapes, as far as shapeOf knows them: fields of subscriptions, invoices, charges, payment intents,
// promotion codes and products that have moved or gone. What later versions have added is left out.
var laterVersions = strings.Fields(`
2024-04-10 2024-06-20 2024-09-30.acacia 2024-10-28.acacia 2024-11-20.acacia 2024-12-18.acacia 2025-01-27.acacia
2025-02-24.acacia 2025-03-31.basil 2025-04-30.basil 2025-05-28.basil 2025-06-30.basil 2025-07-30.basil 2025-08-27.basil
2025-09-30.clover 2025-10-29.clover 2025-11-17.clover 2025-12-15.clover 2026-08-26.dahlia`)

// The versions in which something has moved.
const (
	marketingFeatures = "2024-04-10" // product.features
	basil             = "2025-03-31" // periods of subscriptions, and what an invoice is for
	clover            = "2025-09-30" // promotion_code.coupon
)

// shapeOf is an event's data in the shape of a later version; earlier ones are taken for APIVersion.
func shapeOf(data EventData, version string) EventData {
	if version < marketingFeatures {
		return data
	}
	read := func(text json.RawMessage) object {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		out := object{}
		if err := dec.Decode(&out); err != nil {
			return nil
		}
		return out
	}
	now := read(data.Object)
	if now == nil {
		return data
	}
	kind := now.text("object")
	reshape(now, kind, version)
	out := EventData{Object: raw(now)}
	if before := read(data.PreviousAttributes); before != nil {
		reshape(before, kind, version)
		out.PreviousAttributes = raw(before)
	}
	return out
}

// reshape moves the fields of an object, or of a part of one, to where a version has them.
func reshape(o object, kind, version string) {
	if kind == "product" {
		rename(o, "features", "marketing_features")
	}
	if version >= clover && kind == "promotion_code" {
		if coupon, has := o["coupon"]; has {
			o["promotion"] = object{"type": "coupon", "coupon": coupon}
			delete(o, "coupon")
		}
	}
	if version < basil {
		return
	}
	switch kind {
	case "subscription":
		reshapeSubscription(o)
	case "invoice":
		reshapeInvoice(o)
	case "payment_intent":
		reshapeIntent(o)
	case "charge":
		delete(o, "invoice")
	}
}

func rename(o object, from, to string) {
	if value, has := o[from]; has {
		o[to] = value
		delete(o, from)
	}
}

// drop takes fields out of an object and returns them.
func drop(o object, names ...string) object {
	out := object{}
	for _, name := range names {
		if value, has := o[name]; has {
			out[name] = value
			delete(o, name)
		}
	}
	return out
}

// reshapeSubscription gives the period to the items.
func reshapeSubscription(o object) {
	period := drop(o, "current_period_start", "current_period_end")
	if gone := drop(o, "discount"); len(gone) > 0 {
		o["discounts"] = []any{}
	}
	for _, item := range data(o, "items") {
		for name, value := range period {
			item[name] = value
		}
	}
}

// reshapeIntent leaves what an intent pays where a merchant's own order number would be, as captured events have it;
// Stripe's reference does not say so.
func reshapeIntent(o object) {
	invoice, has := o["invoice"]
	if !has {
		return
	}
	o["payment_details"] = object{"customer_reference": nil, "order_reference": invoice}
	delete(o, "invoice")
}

// reshapeInvoice puts the subscription into the parent, and drops what tells of the payment.
func reshapeInvoice(o object) {
	drop(o, "paid", "paid_out_of_band", "charge", "payment_intent", "quote", "discount", "tax", "total_tax_amounts",
		"application_fee_amount", "transfer_data", "rendering_options")
	sub := drop(o, "subscription", "subscription_details", "subscription_proration_date")
	if id, _ := sub["subscription"].(string); id != "" {
		details := object{"subscription": id, "metadata": object{}}
		if given := asObject(sub["subscription_details"]); given != nil && given["metadata"] != nil {
			details["metadata"] = given["metadata"]
		}
		o["parent"] = object{"type": "subscription_details", "subscription_details": details, "quote_details": nil}
	} else if _, has := sub["subscription"]; has {
		o["parent"] = nil
	}
	for _, line := range data(o, "lines") {
		reshapeLine(line)
	}
}

func reshapeLine(line object) {
	if price := asObject(line["price"]); price != nil {
		line["pricing"] = object{
			"type":                "price_details",
			"price_details":       object{"price": price["id"], "product": price["product"]},
			"unit_amount_decimal": price["unit_amount_decimal"],
		}
	}
	drop(line, "price", "plan", "tax_amounts", "tax_rates", "unit_amount_excluding_tax", "amount_excluding_tax")
	was := drop(line, "type", "subscription", "subscription_item", "invoice_item", "proration", "proration_details")
	details := object{
		"subscription": was["subscription"], "proration": was["proration"], "proration_details": was["proration_details"],
		"invoice_item": was["invoice_item"],
	}
	kind, other := "invoice_item_details", "subscription_item_details"
	if was["type"] == "subscription" {
		kind, other = other, kind
		details["subscription_item"] = was["subscription_item"]
	}
	line["parent"] = object{"type": kind, kind: details, other: nil}
}

// data are the entries of a list within an object.
func data(o object, list string) []object {
	inner := asObject(o[list])
	rows, _ := inner["data"].([]any)
	var out []object
	for _, row := range rows {
		if entry := asObject(row); entry != nil {
			out = append(out, entry)
		}
	}
	return out
}
