package stripe

import (
	"slices"
	"time"
)

// What Stripe's account settings say by default, as far as Stripe tells.
const (
	// draftFor is how long the invoice of a renewal can still be changed before it is charged.
	draftFor = time.Hour
	// warnBefore is when a trial's end is announced.
	warnBefore = 72 * time.Hour
)

// dunning are the waits after the failed attempts at an invoice. After the last attempt the subscription ends.
var dunning = []time.Duration{72 * time.Hour, 120 * time.Hour, 168 * time.Hour}

// renew brings a subscription into its next period at once, or repeats the charge of an open invoice.
func (a *account) renew(sub *resource) *apiError {
	if status := sub.text("status"); status != "active" && status != "trialing" && status != "past_due" {
		return refused("subscription", "", "A subscription with the status `%s` can't be renewed.", status)
	}
	if len(sub.run.open) == 0 {
		a.cycle(sub)
	}
	in := sub.run.open[0]
	if in.text("status") == "draft" {
		a.finalize(in, a.customerOf(sub))
	}
	a.attempt(sub, in)
	return nil
}

func (a *account) customerOf(sub *resource) *resource {
	return a.table("customer").byID[sub.text("customer")]
}

// methodOf is what a subscription is paid with, or nil.
func (a *account) methodOf(sub *resource) *resource {
	return a.table("payment_method").byID[sub.text("default_payment_method")]
}

// cycle moves the subscription to its next period and drafts that period's invoice.
func (a *account) cycle(sub *resource) {
	from := time.Unix(sub.number("current_period_end"), 0).UTC()
	lines, to := sub.run.period(from)
	lines = append(slices.Clone(sub.run.pending), lines...)
	sub.run.pending = nil
	in := a.newInvoice(sub, a.customerOf(sub), lines, "subscription_cycle", from.Unix(), to.Unix())
	in.object["next_payment_attempt"] = a.now().Add(draftFor).Unix()
	a.change(sub, "customer.subscription.updated", func(o object) {
		o["current_period_start"], o["current_period_end"] = from.Unix(), to.Unix()
		o["latest_invoice"] = in.key()
		if o["status"] == "trialing" {
			o["status"] = "active"
		}
	})
	a.emit("invoice.created", in.object, nil, Origin{})
	sub.run.open = append(sub.run.open, in)
}

// period are the lines of the period that begins then, and its end.
func (r *running) period(from time.Time) (lines []invoiceLine, to time.Time) {
	to = from
	for _, item := range r.items {
		lines = append(lines, invoiceLine{item: item, amount: item.amount})
		to = item.price.Recurring.after(from)
	}
	return lines, to
}

// bill finalizes a draft and charges it, unless the subscription's collection is paused.
func (a *account) bill(sub, in *resource) {
	pause := asObject(sub.object["pause_collection"])
	if pause.text("behavior") == "keep_as_draft" {
		in.object["auto_advance"], in.object["next_payment_attempt"] = false, nil
		sub.run.close(in)
		return
	}
	a.finalize(in, a.customerOf(sub))
	switch pause.text("behavior") {
	case "void":
		a.giveUp(sub, in, "void", "voided_at", "invoice.voided")
	case "mark_uncollectible":
		a.giveUp(sub, in, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")
	default:
		a.attempt(sub, in)
	}
}

func (a *account) giveUp(sub, in *resource, status, transition, kind string) {
	in.object["status"], in.object["auto_advance"], in.object["next_payment_attempt"] = status, false, nil
	in.object["status_transitions"].(object)[transition] = a.now().Unix()
	sub.run.close(in)
	a.emit(kind, in.object, nil, Origin{})
}

// close forgets an invoice of which nothing follows any more.
func (r *running) close(in *resource) {
	r.open = slices.DeleteFunc(r.open, func(o *resource) bool { return o == in })
}

// attempt charges an open invoice, and the subscription's status follows.
func (a *account) attempt(sub, in *resource) {
	if a.collect(sub, in) {
		sub.run.close(in)
		a.settle(in)
		if len(sub.run.open) == 0 {
			a.status(sub, "active")
		}
		return
	}
	failed := int(in.number("attempt_count"))
	in.object["attempted"], in.object["next_payment_attempt"] = true, nil
	last := failed > len(dunning)
	if !last {
		in.object["next_payment_attempt"] = a.now().Add(dunning[failed-1]).Unix()
	}
	a.emit("invoice.payment_failed", in.object, nil, Origin{})
	if last {
		a.end(sub, "payment_failed", Origin{})
		return
	}
	a.status(sub, "past_due")
}

// collect tries to take what an invoice asks for.
func (a *account) collect(sub, in *resource) bool {
	due := in.number("amount_due")
	if due == 0 {
		return true
	}
	intent := a.table("payment_intent").byID[in.text("payment_intent")]
	if intent == nil {
		intent = a.newIntent(due, in.text("currency"), map[string]string{})
	}
	intent.object["customer"] = sub.object["customer"]
	method, declined := a.methodOf(sub), declineOf(sub.card)
	if method == nil {
		intent.object["invoice"], in.object["payment_intent"] = in.key(), intent.key()
		in.object["attempt_count"] = in.number("attempt_count") + 1
		return false
	}
	a.payInvoice(in, intent, method, declined)
	return declined == nil
}

func (a *account) status(sub *resource, status string) {
	if sub.text("status") != status {
		a.change(sub, "customer.subscription.updated", func(o object) { o["status"] = status })
	}
}

// end cancels a subscription for good. Its invoices are charged no more.
func (a *account) end(sub *resource, reason string, origin Origin) {
	for _, in := range sub.run.open {
		in.object["auto_advance"], in.object["next_payment_attempt"] = false, nil
	}
	sub.run.open, sub.run.pending = nil, nil
	o, now := sub.object, a.now().Unix()
	o["status"], o["ended_at"] = "canceled", now
	if o["canceled_at"] == nil {
		o["canceled_at"] = now
	}
	o["cancellation_details"] = object{"comment": nil, "feedback": nil, "reason": reason}
	a.emit("customer.subscription.deleted", o, nil, origin)
}
