package lemonsqueezy

import (
	"maps"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
)

// taxonomy has every event that a webhook can be registered for, by the names of the official JavaScript SDK, and
// which normalised names it can have; the first is the usual one.
//
// Two pairs tell one payment twice, and each event has a name of its own so that payment.succeeded is told exactly once
// for each payment of a subscription: the first payment is also in order_created, and a late one also in
// subscription_payment_recovered, always beside subscription_payment_success. An order that is no subscription's is
// told by order_created alone; nothing in it says which of the two it is.
//
// There is no subscription.activated: subscription_updated comes with every change and does not tell the status before.
var taxonomy = map[string][]billing.EventType{
	"order_created":  {billing.CheckoutCompleted},
	"order_refunded": {billing.PaymentRefunded},

	"subscription_created":   {billing.SubscriptionCreated, billing.SubscriptionTrialing},
	"subscription_updated":   {billing.SubscriptionUpdated, billing.SubscriptionPastDue},
	"subscription_cancelled": {billing.SubscriptionCancelScheduled}, // it ends with what was paid for
	"subscription_resumed":   {billing.SubscriptionUpdated},         // it does not end after all
	"subscription_paused":    {billing.SubscriptionPaused},
	"subscription_unpaused":  {billing.SubscriptionResumed},
	"subscription_expired":   {billing.SubscriptionCanceled},

	"subscription_payment_success":   {billing.PaymentSucceeded},
	"subscription_payment_failed":    {billing.PaymentFailed},
	"subscription_payment_recovered": {billing.PaymentRecovered},
	"subscription_payment_refunded":  {billing.PaymentRefunded},

	"license_key_created": nil,
	"license_key_updated": nil,
}

// customerUpdated is told of by others than LemonSqueezy: it is understood when it comes, and not asked for.
const customerUpdated = "customer_updated"

var nativeEvents = slices.Sorted(maps.Keys(taxonomy))

// typeOf is the event's normalised name, or "".
func typeOf(native, status string) billing.EventType {
	switch {
	case native == customerUpdated:
		return billing.CustomerUpdated
	case native == "subscription_created" && status == onTrial:
		return billing.SubscriptionTrialing
	case native == "subscription_updated" && status == pastDue:
		return billing.SubscriptionPastDue
	case len(taxonomy[native]) > 0:
		return taxonomy[native][0]
	}
	return ""
}

// NativeEvents selects by the same rule that events are later admitted by, billing.MatchesEvent.
func (Codec) NativeEvents(patterns []string) (names, unknown []string) {
	return billing.SelectEvents(patterns, nativeEvents, taxonomy)
}
