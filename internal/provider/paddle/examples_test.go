package paddle

import (
	"encoding/json"
	"fmt"

	"github.com/kassa-dev/kassa/internal/billing"
)

// example is an event by hand, reduced to what Kassa reads and a little of what it does not.
type example struct {
	why, native, data string
	want              billing.EventType
}

func (x example) body() []byte { return eventBody(x.native, x.data) }

const occurred = "2024-04-12T10:18:49.621022Z"

func eventBody(native, data string) []byte {
	return fmt.Appendf(nil, `{"event_id":"evt_1","event_type":%s,"occurred_at":%q,"notification_id":"ntf_1","data":%s}`,
		quoted(native), occurred, data)
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can be encoded
	}
	return string(text)
}

const marksOfPrice = `{"kassa_cluster":"c-1","kassa_uid":"u-1","kassa_plan":"shop/pro","kassa_price":"monthly"}`

// markedOwner is whose marks marksOfPrice are.
var markedOwner = billing.Owner{Cluster: "c-1", UID: "u-1", Namespace: "shop", Name: "pro"}

const (
	recurringItem = `{"price":{"id":"pri_1","product_id":"pro_1","name":"Monthly","unit_price":{"amount":"2900",` +
		`"currency_code":"USD"},"billing_cycle":{"interval":"month","frequency":1},"custom_data":` + marksOfPrice + `},` +
		`"quantity":1,"proration":null}`
	oneTimeItem  = `{"price":{"id":"pri_2","billing_cycle":null,"custom_data":null},"quantity":1,"proration":null}`
	proratedItem = `{"price":{"id":"pri_3","billing_cycle":{"interval":"month","frequency":1}},"quantity":1,` +
		`"proration":{"rate":"0.5","billing_period":{"starts_at":"x","ends_at":"y"}}}`
	declined = `{"payment_attempt_id":"1","amount":"2900","status":"error","error_code":"declined","captured_at":null}`
	captured = `{"payment_attempt_id":"2","amount":"2900","status":"captured","error_code":null}`
	asked    = `{"payment_attempt_id":"3","amount":"2900","status":"action_required","error_code":null}`
)

func totals(amount, currency string) string {
	return fmt.Sprintf(`"details":{"totals":{"subtotal":"1","tax":"1","total":"3","grand_total":%q,"fee":null,`+
		`"currency_code":%q},"line_items":[{"id":"txnitm_1","price_id":"pri_9","totals":{"total":"7"}}]},"currency_code":%q`,
		amount, currency, currency)
}

func aTransaction(origin, fields string) string {
	return `{"id":"txn_1","origin":"` + origin + `","customer_id":"ctm_1","discount_id":null,` +
		`"custom_data":{"user_id":"u7"},"items":[` + recurringItem + `],` + totals("2900", "USD") + `,` + fields + `}`
}

const (
	automatic = `"collection_mode":"automatic","invoice_number":null`
	manual    = `"collection_mode":"manual","billing_details":{"enable_checkout":true}`
	ofSub     = `"subscription_id":"sub_1"`
	ofNone    = `"subscription_id":null`
)

func anAdjustment(action, status, kind string) string {
	return fmt.Sprintf(`{"id":"adj_1","action":%q,"status":%q,"type":%q,"reason":"error","transaction_id":"txn_1",`+
		`"customer_id":"ctm_1","subscription_id":"sub_1","currency_code":"USD","items":[{"id":"adjitm_1","type":"partial",`+
		`"amount":"100","totals":{"total":"1"},"proration":null}],"totals":{"subtotal":"92","tax":"8","total":"100",`+
		`"fee":"5","earnings":"87","currency_code":"USD"},"payout_totals":{"total":"90","currency_code":"EUR"}}`,
		action, status, kind)
}

func aSubscription(status, fields string) string {
	return `{"id":"sub_1","status":"` + status + `","customer_id":"ctm_1","currency_code":"USD",` +
		`"custom_data":{"user_id":"u7"},"items":[` + recurringItem + `],` + fields + `}`
}

const (
	running = `"current_billing_period":{"starts_at":"2024-04-12T10:18:47.635628Z",` +
		`"ends_at":"2024-05-12T10:18:47.635628Z"},"next_billed_at":"2024-05-12T10:18:47.635628Z","scheduled_change":null`
	ending = `"current_billing_period":{"ends_at":"2024-05-12T10:18:47.635628Z"},"next_billed_at":null,` +
		`"scheduled_change":{"action":"cancel","effective_at":"2024-05-12T10:18:47.635628Z","resume_at":null}`
	pausing = `"current_billing_period":{"ends_at":"2024-05-12T10:18:47.635628Z"},"next_billed_at":null,` +
		`"scheduled_change":{"action":"pause","effective_at":"2024-05-12T10:18:47.635628Z","resume_at":null}`
	stopped = `"current_billing_period":null,"next_billed_at":null,"scheduled_change":null`

	aCustomer = `{"id":"ctm_1","status":"active","name":null,"email":"jane@example.com","locale":"en",` +
		`"custom_data":{"user_id":"u7"}}`
	aProduct  = `{"id":"pro_1","name":"Pro","status":"active","custom_data":{"kassa_uid":"u-1","team":"red"}}`
	aPrice    = `{"id":"pri_1","product_id":"pro_1","status":"active","custom_data":` + marksOfPrice + `}`
	aDiscount = `{"id":"dsc_1","status":"active","type":"percentage","amount":"20","custom_data":null}`
)

var examples = []example{
	{"a checkout that is paid", "transaction.completed",
		aTransaction("web", automatic+`,"status":"completed","payments":[`+captured+`],`+ofSub), billing.CheckoutCompleted},
	{"a checkout by the API, at the second attempt", "transaction.completed",
		aTransaction("api", automatic+`,"status":"completed","payments":[`+captured+`,`+declined+`],`+ofNone),
		billing.CheckoutCompleted},
	{"a renewal", "transaction.completed",
		aTransaction("subscription_recurring", automatic+`,"status":"completed","payments":[`+captured+`],`+ofSub),
		billing.PaymentSucceeded},
	{"a change of plan", "transaction.completed",
		aTransaction("subscription_update", automatic+`,"status":"completed","payments":[`+captured+`],`+ofSub),
		billing.PaymentSucceeded},
	{"another card", "transaction.completed",
		aTransaction("subscription_payment_method_change", automatic+`,"status":"completed","payments":[],`+ofSub),
		billing.PaymentSucceeded},
	{"a charge between two renewals", "transaction.completed",
		aTransaction("subscription_charge", automatic+`,"status":"completed","payments":[`+captured+`],`+ofSub),
		billing.PaymentSucceeded},
	{"an invoice that was paid by bank transfer", "transaction.completed",
		aTransaction("api", manual+`,"status":"completed","payments":[],`+ofSub), billing.PaymentSucceeded},
	{"a renewal at the second attempt", "transaction.completed",
		aTransaction("subscription_recurring", automatic+`,"status":"completed","payments":[`+captured+`,`+declined+`],`+
			ofSub), billing.PaymentRecovered},
	{"a checkout whose card is declined", "transaction.payment_failed",
		aTransaction("web", automatic+`,"status":"ready","payments":[`+declined+`],`+ofNone), billing.CheckoutFailed},
	{"a renewal whose card is declined", "transaction.payment_failed",
		aTransaction("subscription_recurring", automatic+`,"status":"past_due","payments":[`+declined+`],`+ofSub),
		billing.PaymentFailed},
	{"a checkout for a subscription that is there, whose card is declined", "transaction.payment_failed",
		aTransaction("web", automatic+`,"status":"past_due","payments":[`+declined+`],`+ofSub), billing.PaymentFailed},
	{"an invoice whose card is declined", "transaction.payment_failed",
		aTransaction("api", manual+`,"status":"billed","payments":[`+declined+`],`+ofNone), billing.PaymentFailed},
	{"a renewal whose bank asks the buyer", "transaction.payment_failed",
		aTransaction("subscription_recurring", automatic+`,"status":"past_due","payments":[`+asked+`],`+ofSub),
		billing.PaymentActionRequired},
	{"the bank asks the buyer", "transaction.updated",
		aTransaction("web", automatic+`,"status":"ready","payments":[`+asked+`],`+ofNone), billing.PaymentActionRequired},
	{"something else of a transaction changed", "transaction.updated",
		aTransaction("web", automatic+`,"status":"paid","payments":[`+captured+`,`+asked+`],`+ofNone), ""},
	{"paid, but not processed", "transaction.paid",
		aTransaction("web", automatic+`,"status":"paid","payments":[`+captured+`],`+ofNone), ""},
	{"a renewal is past due", "transaction.past_due",
		aTransaction("subscription_recurring", automatic+`,"status":"past_due","payments":[`+declined+`],`+ofSub),
		billing.PaymentPastDue},
	{"a checkout that was given up", "transaction.canceled",
		aTransaction("web", automatic+`,"status":"canceled","payments":[],`+ofNone), billing.CheckoutExpired},
	{"what a subscription that is there owed", "transaction.canceled",
		aTransaction("api", automatic+`,"status":"canceled","payments":[`+declined+`],`+ofSub), billing.InvoiceVoided},
	{"an invoice that was taken back", "transaction.canceled",
		aTransaction("api", manual+`,"status":"canceled","payments":[],`+ofNone), billing.InvoiceVoided},
	{"a renewal that was given up", "transaction.canceled",
		aTransaction("subscription_recurring", automatic+`,"status":"canceled","payments":[`+declined+`],`+ofSub),
		billing.InvoiceVoided},
	{"a checkout was opened", "transaction.created",
		aTransaction("web", automatic+`,"status":"draft","payments":[],`+ofNone), ""},
	{"a renewal is due", "transaction.created",
		aTransaction("subscription_recurring", automatic+`,"status":"billed","payments":[],`+ofSub), billing.InvoiceCreated},
	{"an invoice was written", "transaction.created",
		aTransaction("api", manual+`,"status":"draft","payments":[],`+ofNone), billing.InvoiceCreated},
	{"an invoice was issued", "transaction.billed",
		aTransaction("api", manual+`,"status":"billed","payments":[],`+ofNone), billing.InvoiceFinalized},

	{"a refund waits for Paddle", "adjustment.created", anAdjustment("refund", "pending_approval", "full"), ""},
	{"a refund that Paddle approved at once", "adjustment.created", anAdjustment("refund", "approved", "partial"),
		billing.PaymentRefunded},
	{"a refund that Paddle approved later", "adjustment.updated", anAdjustment("refund", "approved", "full"),
		billing.PaymentRefunded},
	{"a refund that Paddle rejected", "adjustment.updated", anAdjustment("refund", "rejected", "full"), ""},
	{"a credit moves no money", "adjustment.created", anAdjustment("credit", "approved", "partial"), ""},
	{"a credit is taken back", "adjustment.created", anAdjustment("credit_reverse", "approved", "partial"), ""},
	{"a chargeback", "adjustment.created", anAdjustment("chargeback", "approved", "full"), billing.DisputeOpened},
	{"a chargeback that may come", "adjustment.created", anAdjustment("chargeback_warning", "approved", "full"),
		billing.DisputeOpened},
	{"a chargeback was won", "adjustment.created", anAdjustment("chargeback_reverse", "approved", "full"),
		billing.DisputeClosed},
	{"no chargeback came", "adjustment.created", anAdjustment("chargeback_warning_reverse", "approved", "full"),
		billing.DisputeClosed},
	{"a chargeback that was told already", "adjustment.updated", anAdjustment("chargeback", "reversed", "full"), ""},

	{"a customer", "customer.created", aCustomer, billing.CustomerCreated},
	{"a customer from elsewhere", "customer.imported", aCustomer, billing.CustomerCreated},
	{"a customer changed", "customer.updated", aCustomer, billing.CustomerUpdated},

	{"a subscription begins", "subscription.created",
		aSubscription("active", running+`,"transaction_id":"txn_1"`), billing.SubscriptionCreated},
	{"a subscription from elsewhere", "subscription.imported", aSubscription("active", running),
		billing.SubscriptionCreated},
	{"a trial begins", "subscription.trialing", aSubscription("trialing", running), billing.SubscriptionTrialing},
	{"a trial is over", "subscription.activated", aSubscription("active", running), billing.SubscriptionActivated},
	{"something of a subscription changed", "subscription.updated", aSubscription("active", running),
		billing.SubscriptionUpdated},
	{"a subscription will end", "subscription.updated", aSubscription("active", ending),
		billing.SubscriptionCancelScheduled},
	{"a subscription will pause", "subscription.updated", aSubscription("active", pausing), billing.SubscriptionUpdated},
	{"a renewal failed", "subscription.past_due", aSubscription("past_due", running), billing.SubscriptionPastDue},
	{"a pause begins", "subscription.paused", aSubscription("paused", stopped), billing.SubscriptionPaused},
	{"a pause ends", "subscription.resumed", aSubscription("active", running), billing.SubscriptionResumed},
	{"a subscription ended", "subscription.canceled", aSubscription("canceled", stopped), billing.SubscriptionCanceled},

	{"a product", "product.created", aProduct, billing.CatalogProductChanged},
	{"a product from elsewhere", "product.imported", aProduct, billing.CatalogProductChanged},
	{"a product changed", "product.updated", aProduct, billing.CatalogProductChanged},
	{"a price", "price.created", aPrice, billing.CatalogPriceChanged},
	{"a price from elsewhere", "price.imported", aPrice, billing.CatalogPriceChanged},
	{"a price changed", "price.updated", aPrice, billing.CatalogPriceChanged},
	{"a discount", "discount.created", aDiscount, billing.DiscountChanged},
	{"a discount from elsewhere", "discount.imported", aDiscount, billing.DiscountChanged},
	{"a discount changed", "discount.updated", aDiscount, billing.DiscountChanged},
	{"a group of discounts", "discount_group.created", `{"id":"dsg_1","name":"Spring"}`, billing.DiscountChanged},
	{"a group changed", "discount_group.updated", `{"id":"dsg_1","name":"Summer"}`, billing.DiscountChanged},

	{"a card is kept", "payment_method.saved", `{"id":"paymtd_1","customer_id":"ctm_1","type":"card"}`, ""},
	{"an event of tomorrow", "entitlement.granted", `{"id":"ent_1","customer_id":"ctm_1"}`, ""},
}
