package lemonsqueezy

import (
	"fmt"

	"github.com/kassa-dev/kassa/internal/billing"
)

// example is an event by hand, reduced to what Kassa reads and a little of what it does not.
type example struct {
	why, native, data string
	want              billing.EventType
}

const (
	exampleID   = "3f1c6a52-8d0e-4b7a-9c55-1e2f3a4b5c6d"
	exampleTime = "2026-03-01T10:00:00.000000Z"
)

func (x example) body() []byte { return delivery(x.native, x.data) }

// delivery is a request's body: a customer's checkout had the app's user and a mark of Kassa's.
func delivery(native, data string) []byte {
	return fmt.Appendf(nil, `{"meta":{"test_mode":true,"event_name":%q,"webhook_id":%q,"custom_data":{"user_id":"u7",`+
		`"team":"blue","kassa_plan":"shop/pro"}},"data":%s}`, native, exampleID, data)
}

func anOrder(fields string) string {
	return `{"type":"orders","id":"501","attributes":{"store_id":77,"customer_id":9,"user_email":"jane@example.com",` +
		`"currency":"USD","currency_rate":"1.00000000","total":2900,"total_usd":2900,"total_formatted":"$29.00",` +
		`"first_order_item":{"id":4,"order_id":501,"product_id":3,"variant_id":88,"price":2900},` +
		`"created_at":"2026-03-01T09:59:58.000000Z","updated_at":"` + exampleTime + `",` + fields + `},` +
		`"relationships":{"store":{"links":{"self":"x"}}},"links":{"self":"x"}}`
}

func aSubscription(fields string) string {
	return `{"type":"subscriptions","id":"601","attributes":{"store_id":77,"customer_id":9,"order_id":501,` +
		`"user_email":"jane@example.com","product_id":3,"variant_id":88,"test_mode":true,"card_brand":"visa",` +
		`"created_at":"2026-02-01T10:00:00.000000Z","updated_at":"` + exampleTime + `",` +
		`"first_subscription_item":{"id":5,"price_id":4000,"quantity":1},` + fields + `},` +
		`"relationships":{}}`
}

func anInvoice(fields string) string {
	return `{"type":"subscription-invoices","id":"701","attributes":{"store_id":77,"subscription_id":601,` +
		`"customer_id":9,"user_email":"jane@example.com","billing_reason":"renewal","currency":"PLN",` +
		`"currency_rate":"0.27281601",` +
		`"total":57599,"total_usd":15714,"total_formatted":"PLN575.99","test_mode":true,` +
		`"created_at":"2026-03-01T09:59:58.000000Z","updated_at":"` + exampleTime + `",` + fields + `},"relationships":{}}`
}

const (
	renews = `"renews_at":"2026-04-01T10:00:00.000000Z","ends_at":null,"cancelled":false,"trial_ends_at":null,"pause":null`
	ending = `"renews_at":"2026-04-01T10:00:00.000000Z","ends_at":"2026-03-20T10:00:00.000000Z","cancelled":true,` +
		`"trial_ends_at":null,"pause":null`
	trial = `"renews_at":"2026-03-15T10:00:00.000000Z","ends_at":null,"cancelled":false,` +
		`"trial_ends_at":"2026-03-15T10:00:00.000000Z","pause":null`
	stopped = `"renews_at":"2026-04-01T10:00:00.000000Z","ends_at":null,"cancelled":false,"trial_ends_at":null,` +
		`"pause":{"mode":"void","resumes_at":null}`
	kept = `"refunded":false,"refunded_at":null,"refunded_amount":0`
)

var examples = []example{
	{"an order", "order_created", anOrder(`"status":"paid",` + kept), billing.CheckoutCompleted},
	{"a refunded order", "order_refunded",
		anOrder(`"status":"refunded","refunded":true,"refunded_amount":2900`), billing.PaymentRefunded},
	{"a subscription", "subscription_created", aSubscription(`"status":"active",` + renews), billing.SubscriptionCreated},
	{"a subscription with a trial", "subscription_created", aSubscription(`"status":"on_trial",` + trial),
		billing.SubscriptionTrialing},
	{"a change, such as that a trial has become a subscription", "subscription_updated",
		aSubscription(`"status":"active",` + renews), billing.SubscriptionUpdated},
	{"behind with a payment", "subscription_updated", aSubscription(`"status":"past_due",` + renews),
		billing.SubscriptionPastDue},
	{"given up after four tries", "subscription_updated", aSubscription(`"status":"unpaid",` + renews),
		billing.SubscriptionUpdated},
	{"the update beside a cancellation", "subscription_updated", aSubscription(`"status":"cancelled",` + ending),
		billing.SubscriptionUpdated},
	{"will end", "subscription_cancelled", aSubscription(`"status":"cancelled",` + ending),
		billing.SubscriptionCancelScheduled},
	{"will not end after all", "subscription_resumed", aSubscription(`"status":"active",` + renews),
		billing.SubscriptionUpdated},
	{"ended", "subscription_expired", aSubscription(`"status":"expired",` + ending), billing.SubscriptionCanceled},
	{"paused", "subscription_paused", aSubscription(`"status":"paused",` + stopped), billing.SubscriptionPaused},
	{"goes on", "subscription_unpaused", aSubscription(`"status":"active",` + renews), billing.SubscriptionResumed},
	{"paid", "subscription_payment_success", anInvoice(`"status":"paid",` + kept), billing.PaymentSucceeded},
	{"not paid", "subscription_payment_failed", anInvoice(`"status":"pending",` + kept), billing.PaymentFailed},
	{"paid late", "subscription_payment_recovered", anInvoice(`"status":"paid",` + kept), billing.PaymentRecovered},
	{"partly refunded", "subscription_payment_refunded",
		anInvoice(`"status":"partial_refund","refunded":true,"refunded_amount":10000`), billing.PaymentRefunded},
	{"a licence key", "license_key_created",
		`{"type":"license-keys","id":"801","attributes":{"customer_id":9,"user_email":"jane@example.com",` +
			`"status":"inactive","updated_at":"` + exampleTime + `"}}`, ""},
	{"a licence key that was used", "license_key_updated",
		`{"type":"license-keys","id":"801","attributes":{"customer_id":9,"user_email":"jane@example.com",` +
			`"status":"active","updated_at":"` + exampleTime + `"}}`, ""},
	{"a customer", "customer_updated",
		`{"type":"customers","id":"9","attributes":{"store_id":77,"email":"jane@example.com","status":"subscribed",` +
			`"updated_at":"` + exampleTime + `"}}`, billing.CustomerUpdated},
}
