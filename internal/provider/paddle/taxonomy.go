package paddle

import (
	"github.com/kassa-dev/kassa/internal/billing"
)

// taxonomy says which normalised names an event of Paddle can have; the first is the usual one. transaction.paid is
// left out: it comes shortly before transaction.completed, without the subscription and with a part of the amounts.
//
// An event has one name. transaction.completed is both the end of a checkout and a payment: it is a checkout where a
// buyer paid in one, as facts of the payment are in it too, and what waits for a checkout would else wait for ever.
var taxonomy = map[string][]billing.EventType{
	"transaction.completed": {
		billing.CheckoutCompleted, billing.PaymentSucceeded, billing.PaymentRecovered,
	},
	"transaction.payment_failed": {billing.PaymentFailed, billing.CheckoutFailed, billing.PaymentActionRequired},
	"transaction.past_due":       {billing.PaymentPastDue},
	"transaction.updated":        {billing.PaymentActionRequired},
	"transaction.canceled":       {billing.CheckoutExpired, billing.InvoiceVoided},
	"transaction.created":        {billing.InvoiceCreated},
	"transaction.billed":         {billing.InvoiceFinalized},

	"adjustment.created": {billing.PaymentRefunded, billing.DisputeOpened, billing.DisputeClosed},
	"adjustment.updated": {billing.PaymentRefunded},

	"customer.created":  {billing.CustomerCreated},
	"customer.imported": {billing.CustomerCreated},
	"customer.updated":  {billing.CustomerUpdated},

	"subscription.created":   {billing.SubscriptionCreated},
	"subscription.imported":  {billing.SubscriptionCreated},
	"subscription.updated":   {billing.SubscriptionUpdated, billing.SubscriptionCancelScheduled},
	"subscription.trialing":  {billing.SubscriptionTrialing},
	"subscription.activated": {billing.SubscriptionActivated},
	"subscription.past_due":  {billing.SubscriptionPastDue},
	"subscription.paused":    {billing.SubscriptionPaused},
	"subscription.resumed":   {billing.SubscriptionResumed},
	"subscription.canceled":  {billing.SubscriptionCanceled},

	"product.created":  {billing.CatalogProductChanged},
	"product.imported": {billing.CatalogProductChanged},
	"product.updated":  {billing.CatalogProductChanged},
	"price.created":    {billing.CatalogPriceChanged},
	"price.imported":   {billing.CatalogPriceChanged},
	"price.updated":    {billing.CatalogPriceChanged},

	"discount.created":       {billing.DiscountChanged},
	"discount.imported":      {billing.DiscountChanged},
	"discount.updated":       {billing.DiscountChanged},
	"discount_group.created": {billing.DiscountChanged},
	"discount_group.updated": {billing.DiscountChanged},
}

// typeOf is the event's normalised name, or "".
func typeOf(e *event) billing.EventType {
	names := taxonomy[e.native]
	if len(names) == 0 {
		return ""
	}
	o := &e.data
	switch e.native {
	case "transaction.completed":
		return o.completed()
	case "transaction.payment_failed":
		switch {
		case string(o.payments.newest) == "action_required":
			return billing.PaymentActionRequired
		case o.isCheckout() && len(o.subscriptionID) == 0:
			return billing.CheckoutFailed
		}
	case "transaction.updated":
		if string(o.payments.newest) != "action_required" {
			return ""
		}
	case "transaction.canceled":
		if !o.isCheckout() || len(o.subscriptionID) > 0 {
			return billing.InvoiceVoided
		}
	case "transaction.created":
		if o.isCheckout() {
			return "" // a checkout was opened
		}
	case "adjustment.created", "adjustment.updated":
		return o.adjusted(e.native == "adjustment.created")
	case "subscription.updated":
		if o.cancels() {
			return billing.SubscriptionCancelScheduled
		}
	}
	return names[0]
}

// completed tells the end of a checkout from what a subscription or an invoice brings in, which has recovered if an
// attempt before it had failed.
func (o *object) completed() billing.EventType {
	switch {
	case o.isCheckout():
		return billing.CheckoutCompleted
	case o.payments.failed > 0:
		return billing.PaymentRecovered
	default:
		return billing.PaymentSucceeded
	}
}

// adjusted names a refund when Paddle has approved it, at once or later; only a refund that was not approved at once is
// ever updated, so none is told twice. Disputes are told when their adjustment is made. A credit moves no money.
func (o *object) adjusted(created bool) billing.EventType {
	switch action := string(o.action); {
	case action == "refund" && string(o.status) == "approved":
		return billing.PaymentRefunded
	case !created:
		return ""
	case action == "chargeback", action == "chargeback_warning":
		return billing.DisputeOpened
	case action == "chargeback_reverse", action == "chargeback_warning_reverse":
		return billing.DisputeClosed
	default:
		return ""
	}
}

// NativeEvents selects by the same rule that events are later admitted by, billing.MatchesEvent.
func (Codec) NativeEvents(patterns []string) (names, unknown []string) {
	return billing.SelectEvents(patterns, nativeEvents, taxonomy)
}
