package stripe

import (
	"encoding/json"

	"github.com/kassa-dev/kassa/internal/billing"
)

// example is an event by hand, reduced to what Kassa reads and a little of what it does not.
type example struct {
	why, native, object, previous string
	want                          billing.EventType
}

func (x example) body() []byte { return eventBody(x.native, x.object, x.previous) }

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can be encoded
	}
	return string(text)
}

func aSession(fields string) string {
	return `{"id":"cs_1","object":"checkout.session","currency":"usd","amount_total":2900,"customer":"cus_1",` +
		`"customer_details":{"email":"jane@example.com"},"metadata":{"user_id":"u7"},` + fields + `}`
}

func aSubscription(fields string) string {
	return `{"id":"sub_1","object":"subscription","customer":"cus_1","currency":"usd","current_period_end":1714592000,` +
		`"metadata":{"user_id":"u7"},"items":{"object":"list","data":[{"id":"si_1","price":{"id":"price_1","metadata":` +
		`{"kassa_plan":"shop/pro","kassa_price":"monthly"}}}]},` + fields + `}`
}

// anItem is a subscription of API versions since 2025: the period is the item's.
func anItem(fields string) string {
	return `{"id":"sub_1","object":"subscription","customer":"cus_1","currency":"usd","items":{"object":"list","data":[` +
		`{"id":"si_1","current_period_end":1714592000,"price":{"id":"price_1"}}]},` + fields + `}`
}

func anInvoice(fields string) string {
	return `{"id":"in_1","object":"invoice","currency":"usd","amount_due":2900,"customer":"cus_1",` +
		`"subscription":"sub_1","customer_email":"jane@example.com","payment_intent":"pi_1","metadata":{},` +
		`"lines":{"data":[{"type":"subscription","price":{"id":"price_1",` +
		`"metadata":{"kassa_plan":"shop/pro","kassa_price":"monthly"}}}]},` + fields + `}`
}

func anIntent(fields string) string {
	return `{"id":"pi_1","object":"payment_intent","amount":700,"currency":"usd","customer":"cus_1",` +
		`"metadata":{"user_id":"u7"},` + fields + `}`
}

func aCharge(fields string) string {
	return `{"id":"ch_1","object":"charge","amount":2900,"currency":"usd","payment_intent":"pi_1","customer":"cus_1",` +
		`"status":"succeeded","billing_details":{"email":"jane@example.com"},"metadata":{},` + fields + `}`
}

func aDispute(fields string) string {
	return `{"id":"dp_1","object":"dispute","amount":2900,"currency":"usd","charge":"ch_1","payment_intent":"pi_1",` +
		`"reason":"fraudulent","metadata":{},` + fields + `}`
}

const (
	aCustomer = `{"id":"cus_1","object":"customer","email":"jane@example.com","metadata":{"user_id":"u7"}}`
	aProduct  = `{"id":"prod_1","object":"product","name":"Pro","active":true,"metadata":{"kassa_uid":"x"}}`
	aPrice    = `{"id":"price_1","object":"price","product":"prod_1","currency":"usd","unit_amount":2900,"metadata":{}}`
	aCoupon   = `{"id":"c_1","object":"coupon","percent_off":20,"duration":"once","metadata":{}}`
	aCode     = `{"id":"promo_1","object":"promotion_code","code":"X","coupon":{"id":"c_1","object":"coupon"}}`
	aDiscount = `{"id":"di_1","object":"discount","customer":"cus_1","subscription":"sub_1","coupon":{"id":"c_1"}}`
)

var examples = []example{
	{"a checkout that is paid", "checkout.session.completed",
		aSession(`"payment_status":"paid","subscription":"sub_1","invoice":"in_1"`), "", billing.CheckoutCompleted},
	{"a checkout whose bank debit is under way", "checkout.session.completed",
		aSession(`"payment_status":"unpaid","payment_intent":"pi_1"`), "", billing.CheckoutCompleted},
	{"the bank debit came", "checkout.session.async_payment_succeeded",
		aSession(`"payment_status":"paid","payment_intent":"pi_1"`), "", billing.CheckoutCompleted},
	{"the bank debit bounced", "checkout.session.async_payment_failed",
		aSession(`"payment_status":"unpaid","payment_intent":"pi_1"`), "", billing.CheckoutFailed},
	{"nobody paid", "checkout.session.expired", aSession(`"payment_status":"unpaid","status":"expired"`), "",
		billing.CheckoutExpired},

	{"a new customer", "customer.created", aCustomer, "", billing.CustomerCreated},
	{"a customer changed", "customer.updated", aCustomer, `{"email":null}`, billing.CustomerUpdated},
	{"a customer is gone", "customer.deleted", aCustomer, "", billing.CustomerDeleted},

	{"a subscription", "customer.subscription.created", aSubscription(`"status":"active"`), "",
		billing.SubscriptionCreated},
	{"a subscription that waits for its first payment", "customer.subscription.created",
		aSubscription(`"status":"incomplete"`), "", billing.SubscriptionCreated},
	{"a subscription with a trial", "customer.subscription.created",
		aSubscription(`"status":"trialing","trial_end":1714592000`), "", billing.SubscriptionTrialing},
	{"a subscription in the places of 2025", "customer.subscription.created", anItem(`"status":"active"`), "",
		billing.SubscriptionCreated},
	{"a change of plan", "customer.subscription.updated", aSubscription(`"status":"active"`),
		`{"items":{"data":[{"price":{"id":"price_old"}}]},"plan":{"id":"price_old"}}`, billing.SubscriptionUpdated},
	{"a late payment came", "customer.subscription.updated", aSubscription(`"status":"active"`),
		`{"status":"past_due"}`, billing.SubscriptionUpdated},
	{"a trial was given to a running subscription", "customer.subscription.updated",
		aSubscription(`"status":"trialing"`), `{"status":"active"}`, billing.SubscriptionTrialing},
	{"the trial became a subscription", "customer.subscription.updated", aSubscription(`"status":"active"`),
		`{"status":"trialing"}`, billing.SubscriptionActivated},
	{"the first payment came", "customer.subscription.updated", aSubscription(`"status":"active"`),
		`{"status":"incomplete"}`, billing.SubscriptionActivated},
	{"a renewal failed", "customer.subscription.updated", aSubscription(`"status":"past_due"`), `{"status":"active"}`,
		billing.SubscriptionPastDue},
	{"it will end", "customer.subscription.updated", aSubscription(`"status":"active","cancel_at_period_end":true`),
		`{"cancel_at_period_end":false,"cancel_at":null}`, billing.SubscriptionCancelScheduled},
	{"it will end, said with a time", "customer.subscription.updated",
		anItem(`"status":"active","cancel_at":1714592000,"cancel_at_period_end":false`), `{"cancel_at":null}`,
		billing.SubscriptionCancelScheduled},
	{"it will not end", "customer.subscription.updated", aSubscription(`"status":"active","cancel_at_period_end":false`),
		`{"cancel_at_period_end":true,"cancel_at":1714592000}`, billing.SubscriptionUpdated},
	{"collection is paused", "customer.subscription.updated",
		aSubscription(`"status":"active","pause_collection":{"behavior":"void","resumes_at":null}`),
		`{"pause_collection":null}`, billing.SubscriptionPaused},
	{"collection goes on", "customer.subscription.updated", aSubscription(`"status":"active","pause_collection":null`),
		`{"pause_collection":{"behavior":"void","resumes_at":null}}`, billing.SubscriptionResumed},
	{"a pending update was applied", "customer.subscription.pending_update_applied",
		aSubscription(`"status":"active","pending_update":null`), "", billing.SubscriptionUpdated},
	{"a pending update expired", "customer.subscription.pending_update_expired",
		aSubscription(`"status":"active","pending_update":null`), "", billing.SubscriptionUpdated},
	{"the trial ends in three days", "customer.subscription.trial_will_end",
		aSubscription(`"status":"trialing","trial_end":1712259200`), "", billing.SubscriptionTrialEnding},
	{"the trial ended without a card", "customer.subscription.paused", aSubscription(`"status":"paused"`),
		`{"status":"trialing"}`, billing.SubscriptionPaused},
	{"a card came", "customer.subscription.resumed", aSubscription(`"status":"active"`), `{"status":"paused"}`,
		billing.SubscriptionResumed},
	{"it ended", "customer.subscription.deleted", aSubscription(`"status":"canceled"`), "",
		billing.SubscriptionCanceled},

	{"a renewal", "invoice.paid", anInvoice(`"status":"paid","amount_paid":2900,"attempt_count":1`), "",
		billing.PaymentSucceeded},
	{"a renewal in the places of 2025", "invoice.paid", invoiceMoved, "", billing.PaymentRecovered},
	{"a trial costs nothing", "invoice.paid", anInvoice(`"status":"paid","amount_paid":0,"attempt_count":0`), "",
		billing.PaymentSucceeded},
	{"a renewal at the second attempt", "invoice.paid",
		anInvoice(`"status":"paid","amount_paid":2900,"attempt_count":2`), "", billing.PaymentRecovered},
	{"the twin of invoice.paid", "invoice.payment_succeeded",
		anInvoice(`"status":"paid","amount_paid":2900,"attempt_count":1`), "", ""},
	{"a renewal that failed", "invoice.payment_failed",
		anInvoice(`"status":"open","amount_paid":0,"attempt_count":1,"next_payment_attempt":1712259200`), "",
		billing.PaymentFailed},
	{"a renewal that the bank asks about", "invoice.payment_action_required",
		anInvoice(`"status":"open","amount_paid":0,"attempt_count":1`), "", billing.PaymentActionRequired},
	{"a draft", "invoice.created", anInvoice(`"status":"draft","amount_paid":0,"attempt_count":0`), "",
		billing.InvoiceCreated},
	{"an invoice is final", "invoice.finalized", anInvoice(`"status":"open","amount_paid":0,"attempt_count":0`), "",
		billing.InvoiceFinalized},
	{"an invoice that is not yet one", "invoice.upcoming",
		`{"object":"invoice","currency":"usd","amount_due":2900,"amount_paid":0,"subscription":"sub_1","status":"draft"}`,
		"", billing.InvoiceUpcoming},
	{"an invoice is void", "invoice.voided", anInvoice(`"status":"void","amount_paid":0,"attempt_count":1`), "",
		billing.InvoiceVoided},

	{"a one-off payment", "payment_intent.succeeded",
		anIntent(`"status":"succeeded","amount_received":700,"invoice":null`), "", billing.PaymentSucceeded},
	{"a one-off payment in the places of 2025", "payment_intent.succeeded",
		anIntent(`"status":"succeeded","amount_received":700,"payment_details":{"order_reference":null}`), "",
		billing.PaymentSucceeded},
	{"a one-off payment with an order's number", "payment_intent.succeeded",
		anIntent(`"status":"succeeded","amount_received":700,"payment_details":{"order_reference":"in_2026-0000012345"}`), "",
		billing.PaymentSucceeded},
	{"a payment of an invoice in the places of 2025", "payment_intent.succeeded",
		anIntent(`"status":"succeeded","amount_received":700,"payment_details":{"customer_reference":null,` +
			`"order_reference":"in_1TqGc6tB7WZ01zgkWu9fdqL6"}`), "", ""},
	{"a payment of an invoice failed", "payment_intent.payment_failed",
		anIntent(`"status":"requires_payment_method","last_payment_error":{"code":"card_declined"},` +
			`"payment_details":{"order_reference":"in_1TqGc6tB7WZ01zgkWu9fdqL6"}`), "", ""},
	{"a payment of an invoice that the bank asks about", "payment_intent.requires_action",
		anIntent(`"status":"requires_action","payment_details":{"order_reference":"in_1TqGc6tB7WZ01zgkWu9fdqL6"}`),
		"", ""},
	{"a payment of an invoice", "payment_intent.succeeded",
		anIntent(`"status":"succeeded","amount_received":700,"invoice":"in_1"`), "", ""},
	{"a one-off payment failed", "payment_intent.payment_failed",
		anIntent(`"status":"requires_payment_method","last_payment_error":{"code":"card_declined",` +
			`"decline_code":"insufficient_funds","charge":"ch_1"}`), "", billing.PaymentFailed},
	{"a one-off payment that the bank asks about", "payment_intent.requires_action",
		anIntent(`"status":"requires_action","next_action":{"type":"use_stripe_sdk"}`), "", billing.PaymentActionRequired},

	{"a refund of a part", "charge.refunded", aCharge(`"amount_refunded":1000,"refunded":false`), "",
		billing.PaymentRefunded},
	{"a refund of all", "charge.refunded", aCharge(`"amount_refunded":2900,"refunded":true`), "",
		billing.PaymentRefunded},
	{"the same refund", "charge.refund.updated",
		`{"id":"re_1","object":"refund","amount":1000,"currency":"usd","charge":"ch_1","status":"succeeded"}`, "", ""},
	{"and again", "refund.created",
		`{"id":"re_1","object":"refund","amount":1000,"currency":"usd","charge":"ch_1","status":"succeeded"}`, "", ""},
	{"a dispute", "charge.dispute.created", aDispute(`"status":"needs_response"`), "", billing.DisputeOpened},
	{"a dispute that is lost", "charge.dispute.closed", aDispute(`"status":"lost"`), "", billing.DisputeClosed},

	{"a new product", "product.created", aProduct, "", billing.CatalogProductChanged},
	{"a product changed", "product.updated", aProduct, `{"name":"Old"}`, billing.CatalogProductChanged},
	{"a product is gone", "product.deleted", aProduct, "", billing.CatalogProductChanged},
	{"a new price", "price.created", aPrice, "", billing.CatalogPriceChanged},
	{"a price changed", "price.updated", aPrice, `{"active":true}`, billing.CatalogPriceChanged},
	{"a price is gone", "price.deleted", aPrice, "", billing.CatalogPriceChanged},

	{"a new coupon", "coupon.created", aCoupon, "", billing.DiscountChanged},
	{"a coupon changed", "coupon.updated", aCoupon, "", billing.DiscountChanged},
	{"a coupon is gone", "coupon.deleted", aCoupon, "", billing.DiscountChanged},
	{"a new code", "promotion_code.created", aCode, "", billing.DiscountChanged},
	{"a code changed", "promotion_code.updated", aCode, "", billing.DiscountChanged},
	{"a customer got a discount", "customer.discount.created", aDiscount, "", billing.DiscountChanged},
	{"a customer's discount changed", "customer.discount.updated", aDiscount, "", billing.DiscountChanged},
	{"a customer's discount ended", "customer.discount.deleted", aDiscount, "", billing.DiscountChanged},

	{"an event that Kassa has no name for", "payout.paid", `{"id":"po_1","object":"payout","amount":5}`, "", ""},
}
