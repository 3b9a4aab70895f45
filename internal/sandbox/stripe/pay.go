package stripe

import (
	"strings"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// outcome is what a buyer's step on the hosted page led to.
type outcome struct {
	status string // complete, requires_action, declined, invalid, expired
	// redirect is where the buyer goes next, unless the page stays.
	redirect                   string
	code, declineCode, message string
	field                      string // of the form, when it is to blame
}

// pay tries to pay the session with a card. The account is locked.
func (a *account) pay(s *resource, entry hosted.Entry) outcome {
	if out, done := a.closed(s); done {
		return out
	}
	if known := s.text("customer_email"); entry.Email == "" && known != "" {
		entry.Email = known
	}
	if s.cardless() && entry.Number == "" {
		return a.complete(s, hosted.Details{Email: entry.Email})
	}
	d := hosted.Read(entry, a.now())
	if d.Problem != "" {
		return outcome{status: "invalid", code: d.ProblemCode, message: d.Problem, field: d.ProblemOn}
	}
	k := s.cart
	k.attached = a.newPaymentMethod(d)
	if d.Card.Outcome == hosted.NeedsAuthentication {
		k.pending = &d
		if intent := a.intent(s); intent != nil {
			a.requireAction(intent, s)
		}
		return outcome{status: "requires_action", redirect: s.text("url") + "/authenticate"}
	}
	return a.complete(s, d)
}

// authenticate ends the second page of a card that asks for it.
func (a *account) authenticate(s *resource, confirmed bool) outcome {
	if out, done := a.closed(s); done {
		return out
	}
	k := s.cart
	if k.pending == nil {
		return outcome{status: "invalid", redirect: s.text("url")}
	}
	d := *k.pending
	k.pending = nil
	if confirmed {
		return a.complete(s, d)
	}
	failed := &hosted.Card{
		Code:    "payment_intent_authentication_failure",
		Message: "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
	}
	if k.intent != nil {
		o := k.intent.object
		o["status"], o["next_action"], o["payment_method"] = "requires_payment_method", nil, nil
		e := cardError(failed, "", k.attached)
		e["type"] = typeInvalidRequest
		delete(e, "decline_code")
		o["last_payment_error"] = e
		a.emit("payment_intent.payment_failed", o, nil, Origin{})
	}
	return outcome{status: "declined", code: failed.Code, message: failed.Message}
}

// cardless says that a session can be completed without a card: it is free for now, and does not insist on one.
func (r *resource) cardless() bool {
	return r.cart.due == 0 && r.text("payment_method_collection") == "if_required"
}

// closed answers for a session that can't be paid any more.
func (a *account) closed(s *resource) (outcome, bool) {
	a.expireIfDue(s)
	switch s.text("status") {
	case "complete":
		return outcome{status: "complete", redirect: successURL(s)}, true
	case "expired":
		return outcome{status: "expired", code: "resource_missing", message: "This checkout has expired."}, true
	}
	return outcome{}, false
}

func successURL(s *resource) string {
	return strings.ReplaceAll(s.text("success_url"), "{CHECKOUT_SESSION_ID}", s.key())
}

// intent is the session's payment intent, made at the first try; nil when nothing is due.
func (a *account) intent(s *resource) *resource {
	k := s.cart
	if k.due == 0 {
		return nil
	}
	if k.intent == nil {
		meta, _ := mergeMetadata(nil, k.payment)
		k.intent = a.newIntent(k.due, k.currency, meta)
		o := k.intent.object
		o["description"], o["receipt_email"] = orNil(k.payment, "description"), orNil(k.payment, "receipt_email")
		o["setup_future_usage"] = orNil(k.payment, "setup_future_usage")
		if s.text("mode") == "subscription" {
			o["setup_future_usage"] = "off_session"
		} else {
			s.object["payment_intent"] = k.intent.key()
		}
	}
	return k.intent
}

func (a *account) requireAction(intent, s *resource) {
	o := intent.object
	o["status"], o["payment_method"] = "requires_action", s.cart.attached.key()
	o["next_action"] = object{
		"type":            "redirect_to_url",
		"redirect_to_url": object{"return_url": successURL(s), "url": s.text("url") + "/authenticate"},
	}
	a.emit("payment_intent.requires_action", o, nil, Origin{})
}

// complete charges what is due and, when that worked, closes the session.
func (a *account) complete(s *resource, d hosted.Details) outcome {
	k := s.cart
	if d.Card.Outcome == hosted.Declined {
		if intent := a.intent(s); intent != nil {
			a.charge(intent, k.attached, &d.Card)
		}
		return outcome{
			status: "declined", code: d.Card.Code, declineCode: d.Card.DeclineCode, message: d.Card.Message,
		}
	}
	customer := a.customerFor(s, d)
	if s.text("mode") == "subscription" {
		a.subscribe(s, customer)
	} else if intent := a.intent(s); intent != nil {
		a.charge(intent, k.attached, nil)
	}
	o := s.object
	o["status"], o["url"], o["payment_status"] = "complete", nil, "paid"
	if k.due == 0 {
		o["payment_status"] = "no_payment_required"
	}
	if customer != nil {
		o["customer"] = customer.key()
	}
	o["customer_details"] = object{
		"address": nil, "email": d.Email, "name": nil, "phone": nil, "tax_exempt": "none", "tax_ids": []any{},
	}
	a.emit("checkout.session.completed", o, nil, Origin{})
	return outcome{status: "complete", redirect: successURL(s)}
}

// customerFor is the session's customer. A one-off payment has none unless it was asked for.
func (a *account) customerFor(s *resource, d hosted.Details) *resource {
	customer := a.table("customer").byID[s.text("customer")]
	subscription := s.text("mode") == "subscription"
	if customer == nil {
		if !subscription && s.text("customer_creation") != "always" {
			return nil
		}
		customer = a.newCustomer(d.Email)
		a.emit("customer.created", customer.object, nil, Origin{})
	}
	method := s.cart.attached
	if method == nil {
		return customer
	}
	method.object["customer"] = customer.key()
	if subscription || s.cart.payment.has("setup_future_usage") {
		a.emit("payment_method.attached", method.object, nil, Origin{})
	}
	return customer
}

// subscribe starts the subscription and pays its first invoice.
func (a *account) subscribe(s, customer *resource) {
	k := s.cart
	sub := a.newSubscription(k, customer, k.attached)
	var lines []invoiceLine
	for _, item := range k.items {
		line := invoiceLine{item: item, amount: item.amount}
		if k.trialEnd != 0 && item.price.Recurring != nil {
			line.amount = 0
		}
		lines = append(lines, line)
	}
	in := a.newInvoice(sub, customer, lines, "subscription_create", sub.number("current_period_start"),
		sub.number("current_period_end"))
	sub.object["latest_invoice"] = in.key()
	a.emit("customer.subscription.created", sub.object, nil, Origin{})
	a.emit("invoice.created", in.object, nil, Origin{})
	a.finalize(in, customer)
	if intent := a.intent(s); intent != nil {
		a.payInvoice(in, intent, k.attached, nil)
	}
	a.settle(in)
	if sub.text("status") == "incomplete" {
		a.change(sub, "customer.subscription.updated", func(o object) { o["status"] = "active" })
	}
	s.object["subscription"], s.object["invoice"] = sub.key(), in.key()
}

// payInvoice makes one attempt at an invoice.
func (a *account) payInvoice(in, intent, method *resource, declined *hosted.Card) {
	intent.object["invoice"], in.object["payment_intent"] = in.key(), intent.key()
	in.object["attempt_count"] = in.number("attempt_count") + 1
	a.charge(intent, method, declined)
	in.object["charge"] = intent.object["latest_charge"]
}
