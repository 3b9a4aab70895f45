package stripe

import (
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// taxonomy says which normalised names an event of Stripe can have; the first is the usual one. Events that tell the
// same story twice have one name between them: invoice.payment_succeeded and refund.* are left out, because
// invoice.paid and charge.refunded tell more.
var taxonomy = map[string][]billing.EventType{
	"checkout.session.completed":               {billing.CheckoutCompleted},
	"checkout.session.async_payment_succeeded": {billing.CheckoutCompleted},
	"checkout.session.async_payment_failed":    {billing.CheckoutFailed},
	"checkout.session.expired":                 {billing.CheckoutExpired},

	"customer.created": {billing.CustomerCreated},
	"customer.updated": {billing.CustomerUpdated},
	"customer.deleted": {billing.CustomerDeleted},

	"customer.subscription.created": {billing.SubscriptionCreated, billing.SubscriptionTrialing},
	"customer.subscription.updated": {
		billing.SubscriptionUpdated, billing.SubscriptionTrialing, billing.SubscriptionActivated,
		billing.SubscriptionPastDue, billing.SubscriptionCancelScheduled, billing.SubscriptionPaused,
		billing.SubscriptionResumed,
	},
	"customer.subscription.pending_update_applied": {billing.SubscriptionUpdated},
	"customer.subscription.pending_update_expired": {billing.SubscriptionUpdated},
	"customer.subscription.trial_will_end":         {billing.SubscriptionTrialEnding},
	"customer.subscription.paused":                 {billing.SubscriptionPaused},
	"customer.subscription.resumed":                {billing.SubscriptionResumed},
	"customer.subscription.deleted":                {billing.SubscriptionCanceled},

	"invoice.paid":                    {billing.PaymentSucceeded, billing.PaymentRecovered},
	"invoice.payment_failed":          {billing.PaymentFailed},
	"invoice.payment_action_required": {billing.PaymentActionRequired},
	"invoice.created":                 {billing.InvoiceCreated},
	"invoice.finalized":               {billing.InvoiceFinalized},
	"invoice.upcoming":                {billing.InvoiceUpcoming},
	"invoice.voided":                  {billing.InvoiceVoided},

	// With an invoice, the invoice's event counts.
	"payment_intent.succeeded":       {billing.PaymentSucceeded},
	"payment_intent.payment_failed":  {billing.PaymentFailed},
	"payment_intent.requires_action": {billing.PaymentActionRequired},

	"charge.refunded":        {billing.PaymentRefunded},
	"charge.dispute.created": {billing.DisputeOpened},
	"charge.dispute.closed":  {billing.DisputeClosed},

	"product.created": {billing.CatalogProductChanged},
	"product.updated": {billing.CatalogProductChanged},
	"product.deleted": {billing.CatalogProductChanged},
	"price.created":   {billing.CatalogPriceChanged},
	"price.updated":   {billing.CatalogPriceChanged},
	"price.deleted":   {billing.CatalogPriceChanged},

	"coupon.created":            {billing.DiscountChanged},
	"coupon.updated":            {billing.DiscountChanged},
	"coupon.deleted":            {billing.DiscountChanged},
	"promotion_code.created":    {billing.DiscountChanged},
	"promotion_code.updated":    {billing.DiscountChanged},
	"customer.discount.created": {billing.DiscountChanged},
	"customer.discount.updated": {billing.DiscountChanged},
	"customer.discount.deleted": {billing.DiscountChanged},
}

// typeOf is the event's normalised name, or "".
func typeOf(e *event) billing.EventType {
	names := taxonomy[e.Type]
	if len(names) == 0 {
		return ""
	}
	o := &e.Object
	switch e.Type {
	case "customer.subscription.created":
		if o.Status == "trialing" {
			return billing.SubscriptionTrialing
		}
	case "customer.subscription.updated":
		return subscriptionChange(o, &e.Previous)
	case "invoice.paid":
		if o.AttemptCount > 1 {
			return billing.PaymentRecovered
		}
	case "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.requires_action":
		if o.ofInvoice() {
			return ""
		}
	}
	return names[0]
}

// ofInvoice says that a payment intent pays an invoice. Since 2025 an intent no longer names it, but Stripe puts its id
// where a merchant's own order number would be, which is not of this form.
func (o *object) ofInvoice() bool {
	const prefix, least = "in_", 14
	id, found := strings.CutPrefix(o.OrderReference, prefix)
	return o.Invoice != "" || found && len(id) >= least && strings.IndexFunc(id, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) < 0
}

// subscriptionChange names an update by what changed. A change of status weighs more than a plan to cancel, and that
// more than a pause.
func subscriptionChange(o *object, was *previous) billing.EventType {
	if was.Status != "" && was.Status != o.Status {
		switch {
		case o.Status == "trialing":
			return billing.SubscriptionTrialing
		case o.Status == "active" && (was.Status == "trialing" || was.Status == "incomplete"):
			return billing.SubscriptionActivated
		case o.Status == "past_due":
			return billing.SubscriptionPastDue
		}
	}
	switch {
	case (was.CancelAtPeriodEnd.there || was.CancelAt.there) && o.cancels():
		return billing.SubscriptionCancelScheduled
	case was.PauseCollection.there && o.PauseCollection:
		return billing.SubscriptionPaused
	case was.PauseCollection.there && was.PauseCollection.set:
		return billing.SubscriptionResumed
	default:
		return billing.SubscriptionUpdated
	}
}

// NativeEvents selects by the same rule that events are later admitted by, billing.MatchesEvent.
func (Codec) NativeEvents(patterns []string) (names, unknown []string) {
	return billing.SelectEvents(patterns, nativeEvents, taxonomy)
}
