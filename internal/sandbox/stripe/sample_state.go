package stripe

import (
	"time"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// enter brings an object into the state that an event of its kind tells of.
func (a *account) enter(o object, noun, verb string) {
	switch noun {
	case "customer.subscription":
		a.enterSubscription(o, verb)
	case "invoice":
		a.enterInvoice(o, verb)
	case "payment_intent":
		a.enterIntent(o, verb)
	case "charge":
		enterCharge(o, verb)
	case "charge.dispute":
		if verb == "closed" || verb == "funds_reinstated" {
			o["status"] = "won"
		}
	case "checkout.session":
		enterSession(o, verb)
	}
}

func (a *account) enterSubscription(o object, verb string) {
	now := a.now().Unix()
	switch verb {
	case "deleted":
		o["status"], o["canceled_at"], o["ended_at"] = "canceled", now, now
		o["cancellation_details"] = object{"comment": nil, "feedback": nil, "reason": "cancellation_requested"}
	case "paused":
		o["status"] = "paused"
	case "trial_will_end":
		end := a.now().Add(72 * time.Hour).Unix()
		o["status"], o["trial_start"], o["trial_end"], o["current_period_end"] = "trialing", now, end, end
	}
}

func (a *account) enterInvoice(o object, verb string) {
	now, due := a.now().Unix(), o["amount_due"]
	set := func(status string, transition string) {
		o["status"], o["paid"] = status, status == "paid"
		times := object{"finalized_at": now, "marked_uncollectible_at": nil, "paid_at": nil, "voided_at": nil}
		if transition != "" {
			times[transition] = now
		}
		o["status_transitions"], o["effective_at"] = times, now
	}
	switch verb {
	case "created", "upcoming", "deleted":
		if verb == "upcoming" {
			delete(o, "id") // there is none yet
		}
		o["charge"], o["payment_intent"], o["attempt_count"] = nil, nil, int64(0)
	case "paid", "payment_succeeded":
		set("paid", "paid_at")
		o["attempted"], o["auto_advance"], o["next_payment_attempt"] = true, false, nil
		o["amount_paid"], o["amount_remaining"] = due, int64(0)
	case "payment_failed", "payment_action_required":
		set("open", "")
		o["attempted"], o["next_payment_attempt"] = true, a.now().Add(dunning[0]).Unix()
		o["amount_paid"], o["amount_remaining"] = int64(0), due
	case "voided":
		set("void", "voided_at")
	case "marked_uncollectible":
		set("uncollectible", "marked_uncollectible_at")
	default:
		set("open", "")
	}
}

func (a *account) enterIntent(o object, verb string) {
	if verb == "succeeded" {
		o["status"] = "succeeded"
		return
	}
	o["amount_received"], o["latest_charge"] = int64(0), nil
	switch verb {
	case "payment_failed":
		o["status"], o["payment_method"] = "requires_payment_method", nil
		o["last_payment_error"] = a.declined()
	case "requires_action":
		o["status"] = "requires_action"
		o["next_action"] = object{"type": "redirect_to_url", "redirect_to_url": object{
			"return_url": "https://shop.example.com/ok", "url": "https://shop.example.com/authenticate",
		}}
	case "canceled":
		o["status"], o["canceled_at"], o["cancellation_reason"] = "canceled", a.now().Unix(), "abandoned"
	case "processing":
		o["status"] = "processing"
	default:
		o["status"], o["payment_method"] = "requires_payment_method", nil
	}
}

// declined is the error of a card without funds.
func (a *account) declined() object {
	card := hosted.Card{
		Code: "card_declined", DeclineCode: "insufficient_funds", Message: "Your card has insufficient funds.",
	}
	rows := a.table("payment_method").rows
	if len(rows) == 0 {
		rows = append(rows, a.sampleSale().method)
	}
	return cardError(&card, "", rows[len(rows)-1])
}

func enterCharge(o object, verb string) {
	switch verb {
	case "refunded":
		o["amount_refunded"], o["refunded"] = o["amount"], true
	case "failed", "expired":
		o["status"], o["paid"], o["captured"], o["amount_captured"] = "failed", false, false, int64(0)
		o["balance_transaction"] = nil
		o["failure_code"], o["failure_message"] = "card_declined", "Your card was declined."
	case "pending":
		o["status"], o["paid"] = "pending", false
	}
}

func enterSession(o object, verb string) {
	o["url"] = nil
	switch verb {
	case "expired":
		o["status"], o["payment_status"], o["subscription"], o["invoice"] = "expired", "unpaid", nil, nil
	case "async_payment_failed":
		o["status"], o["payment_status"] = "complete", "unpaid"
	default:
		o["status"], o["payment_status"] = "complete", "paid"
	}
}
