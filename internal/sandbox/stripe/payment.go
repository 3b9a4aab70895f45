package stripe

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// keep inserts a new object of the payment side.
func (a *account) keep(o object) *resource {
	r := &resource{object: o, seq: a.next()}
	a.table(o.text("object")).insert(r)
	return r
}

// change alters an object, and announces it with what was before.
func (a *account) change(r *resource, kind string, alter func(o object)) {
	before := r.object.clone()
	alter(r.object)
	a.hurry()
	a.emit(kind, r.object, difference(before, r.object), Origin{})
}

func (a *account) newCustomer(email any) *resource {
	return a.keep(object{
		"id": newID("cus"), "object": "customer", "address": nil, "balance": int64(0), "created": a.now().Unix(),
		"currency": nil, "default_source": nil, "delinquent": false, "description": nil, "discount": nil, "email": email,
		"invoice_prefix": random(8), "invoice_settings": object{
			"custom_fields": nil, "default_payment_method": nil, "footer": nil, "rendering_options": nil,
		},
		"livemode": a.live, "metadata": map[string]string{}, "name": nil, "next_invoice_sequence": int64(1), "phone": nil,
		"preferred_locales": []any{}, "shipping": nil, "tax_exempt": "none", "test_clock": nil,
	})
}

func billingDetails(email any) object {
	return object{
		"address": object{
			"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil,
		},
		"email": email, "name": nil, "phone": nil,
	}
}

// newPaymentMethod keeps a card as Stripe shows it: brand, last four digits and expiry.
func (a *account) newPaymentMethod(d hosted.Details) *resource {
	r := a.keep(object{
		"id": newID("pm"), "object": "payment_method", "billing_details": billingDetails(d.Email),
		"card": object{
			"brand": d.Card.Brand, "checks": checks(d.Card), "country": "US", "display_brand": d.Card.Brand,
			"exp_month": int64(d.ExpMonth), "exp_year": int64(d.ExpYear), "fingerprint": fingerprint(d.Card),
			"funding": "credit", "generated_from": nil, "last4": d.Card.Last4(),
			"networks":             object{"available": []any{d.Card.Brand}, "preferred": nil},
			"three_d_secure_usage": object{"supported": true}, "wallet": nil,
		},
		"created": a.now().Unix(), "customer": nil, "livemode": a.live, "metadata": map[string]string{}, "type": "card",
	})
	card := d.Card
	r.card = &card
	return r
}

func checks(c hosted.Card) object {
	cvc := "pass"
	if c.Code == "incorrect_cvc" {
		cvc = "fail"
	}
	return object{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": cvc}
}

// fingerprint is the same for the same card, and does not tell its number.
func fingerprint(c hosted.Card) string {
	sum := sha256.Sum256([]byte("card " + c.Number))
	return hex.EncodeToString(sum[:8])
}

func (a *account) newIntent(amount int64, currency string, meta map[string]string) *resource {
	r := a.keepIntent(amount, currency, meta)
	a.emit("payment_intent.created", r.object, nil, Origin{})
	return r
}

// keepIntent is newIntent without the announcement.
func (a *account) keepIntent(amount int64, currency string, meta map[string]string) *resource {
	id := newID("pi")
	return a.keep(object{
		"id": id, "object": "payment_intent", "amount": amount, "amount_capturable": int64(0),
		"amount_details": object{"tip": object{}}, "amount_received": int64(0), "application": nil,
		"application_fee_amount": nil, "automatic_payment_methods": nil, "canceled_at": nil, "cancellation_reason": nil,
		"capture_method": "automatic", "client_secret": id + "_secret_" + random(25), "confirmation_method": "automatic",
		"created": a.now().Unix(), "currency": currency, "customer": nil, "description": nil, "invoice": nil,
		"last_payment_error": nil, "latest_charge": nil, "livemode": a.live, "metadata": meta, "next_action": nil,
		"on_behalf_of": nil, "payment_method": nil, "payment_method_configuration_details": nil,
		"payment_method_options": object{"card": object{
			"installments": nil, "mandate_options": nil, "network": nil, "request_three_d_secure": "automatic",
		}},
		"payment_method_types": []any{"card"}, "processing": nil, "receipt_email": nil, "review": nil,
		"setup_future_usage": nil, "shipping": nil, "statement_descriptor": nil, "statement_descriptor_suffix": nil,
		"status": "requires_payment_method", "transfer_data": nil, "transfer_group": nil,
	})
}

// charge tries to take the intent's amount from the card, and announces the charge and the intent.
func (a *account) charge(intent, method *resource, declined *hosted.Card) {
	ch := a.newCharge(intent, method, declined)
	intent.object["latest_charge"], intent.object["next_action"] = ch["id"], nil
	intent.object["customer"] = method.object["customer"]
	if declined != nil {
		a.emit("charge.failed", ch, nil, Origin{})
		intent.object["status"], intent.object["payment_method"] = "requires_payment_method", nil
		intent.object["last_payment_error"] = cardError(declined, ch.text("id"), method)
		a.emit("payment_intent.payment_failed", intent.object, nil, Origin{})
		return
	}
	a.emit("charge.succeeded", ch, nil, Origin{})
	intent.object["status"], intent.object["payment_method"] = "succeeded", method.object["id"]
	intent.object["last_payment_error"], intent.object["amount_received"] = nil, intent.object["amount"]
	a.emit("payment_intent.succeeded", intent.object, nil, Origin{})
}

func cardError(c *hosted.Card, charge string, method *resource) object {
	e := object{
		"type": typeCard, "code": c.Code, "decline_code": c.DeclineCode, "message": c.Message,
		"doc_url":        "https://stripe.com/docs/error-codes/" + hyphens(c.Code),
		"payment_method": method.object.clone(),
	}
	if charge != "" {
		e["charge"] = charge
	}
	return e
}

func (a *account) newCharge(intent, method *resource, declined *hosted.Card) object {
	id, amount := newID("ch"), intent.object["amount"]
	card := method.object["card"].(object)
	ch := object{
		"id": id, "object": "charge", "amount": amount, "amount_captured": amount, "amount_refunded": int64(0),
		"application": nil, "application_fee": nil, "application_fee_amount": nil, "balance_transaction": newID("txn"),
		"billing_details": method.object["billing_details"], "calculated_statement_descriptor": "KASSA SANDBOX",
		"captured": true, "created": a.now().Unix(), "currency": intent.object["currency"],
		"customer": method.object["customer"], "description": intent.object["description"], "disputed": false,
		"failure_balance_transaction": nil, "failure_code": nil, "failure_message": nil, "fraud_details": object{},
		"invoice": intent.object["invoice"], "livemode": a.live,
		"metadata": maps.Clone(intent.object["metadata"].(map[string]string)), "on_behalf_of": nil,
		"outcome": object{
			"network_status": "approved_by_network", "reason": nil, "risk_level": "normal", "risk_score": int64(20),
			"seller_message": "Payment complete.", "type": "authorized",
		},
		"paid": true, "payment_intent": intent.object["id"], "payment_method": method.object["id"],
		"payment_method_details": object{"type": "card", "card": object{
			"amount_authorized": amount, "brand": card["brand"], "checks": card["checks"], "country": card["country"],
			"exp_month": card["exp_month"], "exp_year": card["exp_year"], "fingerprint": card["fingerprint"],
			"funding": card["funding"], "installments": nil, "last4": card["last4"], "mandate": nil,
			"network": card["brand"], "three_d_secure": nil, "wallet": nil,
		}},
		"receipt_email": intent.object["receipt_email"], "receipt_number": nil, "receipt_url": nil, "refunded": false,
		"review": nil, "shipping": nil, "source_transfer": nil, "statement_descriptor": nil,
		"statement_descriptor_suffix": nil, "status": "succeeded", "transfer_data": nil, "transfer_group": nil,
	}
	if declined != nil {
		ch["amount_captured"], ch["balance_transaction"], ch["captured"] = int64(0), nil, false
		ch["failure_code"], ch["failure_message"] = declined.Code, declined.Message
		ch["paid"], ch["status"] = false, "failed"
		ch["outcome"] = object{
			"network_status": "declined_by_network", "reason": declined.DeclineCode, "risk_level": "normal",
			"risk_score": int64(20), "seller_message": "The bank declined the payment.", "type": "issuer_declined",
		}
	}
	a.keep(ch)
	return ch
}
