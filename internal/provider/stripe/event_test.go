package stripe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// eventBody writes an event; previous may be empty.
func eventBody(native, object, previous string) []byte {
	if previous != "" {
		previous = `,"previous_attributes":` + previous
	}
	return fmt.Appendf(nil, `{"id":"evt_1","object":"event","api_version":"2023-10-16","created":1712000000,`+
		`"livemode":false,"type":%q,"data":{"object":%s%s}}`, native, object, previous)
}

func ptr[T any](v T) *T { return &v }

func unix(s int64) *time.Time { return ptr(time.Unix(s, 0).UTC()) }

func usd(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: "USD"} }

const invoiceObject = `{"id":"in_1","object":"invoice","currency":"usd","status":"paid","amount_due":2900,
	"amount_paid":2900,"attempt_count":1,"customer":"cus_1","customer_email":"a@example.com","payment_intent":"pi_1",
	"subscription":"sub_1","subscription_details":{"metadata":{"user_id":"u7","team":"red","kassa_uid":"x"}},
	"metadata":{"team":"blue"},"lines":{"object":"list","data":[
	{"type":"subscription","proration":true,"price":{"id":"price_old","metadata":{"kassa_plan":"shop/old"}}},
	{"type":"subscription","proration":false,"price":{"id":"price_1",
	"metadata":{"kassa_plan":"shop/pro","kassa_price":"monthly"}}}]}}`

// invoiceMoved is the same invoice as API versions since 2025 write it.
const invoiceMoved = `{"id":"in_1","object":"invoice","currency":"usd","status":"paid","amount_due":2900,
	"amount_paid":2900,"attempt_count":2,"customer":{"id":"cus_1","object":"customer"},"metadata":{},
	"parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1",
	"metadata":{"kassa_plan":"shop/pro","kassa_price":"monthly"}}},
	"payments":{"data":[{"payment":{"type":"payment_intent","payment_intent":"pi_1"}}]},
	"lines":{"data":[{"parent":{"type":"invoice_item_details"},"pricing":{"price_details":{"price":"price_extra"}}},
	{"parent":{"subscription_item_details":{"proration":true}},
	"pricing":{"price_details":{"price":"price_old"}}},{"pricing":{"price_details":{"price":"price_1"}}}]}}`

const sessionObject = `{"id":"cs_1","object":"checkout.session","mode":"subscription","payment_status":"paid",
	"amount_total":500,"currency":"jpy","customer":"cus_1","customer_details":{"email":"a@example.com"},
	"client_reference_id":"u7","subscription":"sub_1","payment_intent":null,"invoice":"in_1",
	"metadata":{"kassa_plan":"shop/pro","kassa_price":"monthly","campaign":"x"}}`

func TestParse(t *testing.T) {
	customer := &billing.EventCustomer{ID: "cus_1", Email: "a@example.com", UserID: "u7"}
	cases := []struct {
		reason, native, object string
		want                   billing.Event // ID, NativeType, Time, Mode and Native are filled in
	}{
		{"an invoice's metadata and the price that was billed", "invoice.paid", invoiceObject, billing.Event{
			Type: billing.PaymentSucceeded, Customer: customer,
			Metadata: map[string]string{"user_id": "u7", "team": "blue"},
			Subscription: &billing.EventSubscription{
				ID: "sub_1", Plan: "pro", Price: "monthly", PriceID: "price_1", Owner: marked,
			},
			Payment: &billing.EventPayment{ID: "pi_1", Money: usd(2900), Status: "Succeeded", Attempt: 1},
		}},
		{"the places of 2025, and a second attempt", "invoice.paid", invoiceMoved, billing.Event{
			Type: billing.PaymentRecovered, Customer: &billing.EventCustomer{ID: "cus_1"},
			Subscription: &billing.EventSubscription{
				ID: "sub_1", Plan: "pro", Price: "monthly", PriceID: "price_1", Owner: marked,
			},
			Payment: &billing.EventPayment{ID: "pi_1", Money: usd(2900), Status: "Succeeded", Attempt: 2},
		}},
		{"the start of a trial costs nothing", "invoice.paid",
			`{"id":"in_1","object":"invoice","currency":"usd","status":"paid","amount_due":0,"amount_paid":0}`,
			billing.Event{
				Type:    billing.PaymentSucceeded,
				Payment: &billing.EventPayment{ID: "in_1", Money: usd(0), Status: "NotRequired"},
			}},
		{"a failed renewal", "invoice.payment_failed",
			`{"id":"in_1","object":"invoice","currency":"usd","status":"open","amount_due":2900,"amount_paid":0,
			"attempt_count":2,"payment_intent":{"id":"pi_1","object":"payment_intent"},"charge":null}`,
			billing.Event{
				Type:    billing.PaymentFailed,
				Payment: &billing.EventPayment{ID: "pi_1", Money: usd(2900), Status: "Failed", Attempt: 2},
			}},
		{"the twin of invoice.paid has no name", "invoice.payment_succeeded",
			`{"id":"in_1","object":"invoice","currency":"usd","status":"paid","amount_due":5,"amount_paid":5}`,
			billing.Event{Payment: &billing.EventPayment{ID: "in_1", Money: usd(5), Status: "Succeeded"}}},
		{"a checkout, in a currency without decimals", "checkout.session.completed", sessionObject, billing.Event{
			Type: billing.CheckoutCompleted, Customer: customer, Metadata: map[string]string{"campaign": "x"},
			Checkout:     &billing.EventCheckout{ID: "cs_1"},
			Subscription: &billing.EventSubscription{ID: "sub_1", Plan: "pro", Price: "monthly", Owner: marked},
			Payment: &billing.EventPayment{
				ID: "in_1", Money: billing.Money{Minor: 500, Currency: "JPY"}, Status: "Succeeded",
			},
		}},
		{"a bank debit that is under way", "checkout.session.completed",
			`{"id":"cs_1","object":"checkout.session","payment_status":"unpaid","amount_total":5,"currency":"usd",
			"payment_intent":"pi_1"}`,
			billing.Event{
				Type: billing.CheckoutCompleted, Checkout: &billing.EventCheckout{ID: "cs_1"},
				Payment: &billing.EventPayment{ID: "pi_1", Money: usd(5), Status: "Pending"},
			}},
		{"nothing was paid in an expired one", "checkout.session.expired",
			`{"id":"cs_1","object":"checkout.session","payment_status":"unpaid","amount_total":5,"currency":"usd"}`,
			billing.Event{Type: billing.CheckoutExpired, Checkout: &billing.EventCheckout{ID: "cs_1"}}},
		{"a bank debit that bounced", "checkout.session.async_payment_failed",
			`{"id":"cs_1","object":"checkout.session","payment_status":"unpaid","amount_total":5,"currency":"usd",
			"payment_intent":"pi_1"}`,
			billing.Event{
				Type: billing.CheckoutFailed, Checkout: &billing.EventCheckout{ID: "cs_1"},
				Payment: &billing.EventPayment{ID: "pi_1", Money: usd(5), Status: "Failed"},
			}},
		{"a one-off payment", "payment_intent.succeeded",
			`{"id":"pi_1","object":"payment_intent","status":"succeeded","amount":700,"amount_received":650,
			"currency":"usd","invoice":null,"receipt_email":"a@example.com","metadata":{"user_id":"u7"}}`,
			billing.Event{
				Type: billing.PaymentSucceeded, Metadata: map[string]string{"user_id": "u7"},
				Customer: &billing.EventCustomer{Email: "a@example.com", UserID: "u7"},
				Payment:  &billing.EventPayment{ID: "pi_1", Money: usd(650), Status: "Succeeded"},
			}},
		{"a payment of an invoice is told by the invoice", "payment_intent.payment_failed",
			`{"id":"pi_1","object":"payment_intent","status":"requires_payment_method","amount":700,"currency":"usd",
			"invoice":"in_1","last_payment_error":{"code":"card_declined","decline_code":"insufficient_funds"}}`,
			billing.Event{Payment: &billing.EventPayment{
				ID: "pi_1", Money: usd(700), Status: "Failed", FailureCode: "insufficient_funds",
			}}},
		{"3-D Secure", "payment_intent.requires_action",
			`{"id":"pi_1","object":"payment_intent","status":"requires_action","amount":700,"currency":"usd"}`,
			billing.Event{
				Type:    billing.PaymentActionRequired,
				Payment: &billing.EventPayment{ID: "pi_1", Money: usd(700), Status: "ActionRequired"},
			}},
		{"a partial refund", "charge.refunded",
			`{"id":"ch_1","object":"charge","status":"succeeded","amount":2900,"amount_refunded":1000,"refunded":false,
			"currency":"usd","payment_intent":"pi_1","customer":"cus_1","billing_details":{"email":"a@example.com"}}`,
			billing.Event{
				Type: billing.PaymentRefunded, Customer: &billing.EventCustomer{ID: "cus_1", Email: "a@example.com"},
				Payment: &billing.EventPayment{
					ID: "pi_1", Money: usd(2900), Status: "Succeeded", Refunded: ptr(usd(1000)),
				},
			}},
		{"a whole refund in a currency that Stripe counts otherwise", "charge.refunded",
			`{"id":"ch_1","object":"charge","amount":5,"amount_refunded":5,"refunded":true,"currency":"mga"}`,
			billing.Event{Type: billing.PaymentRefunded, Payment: &billing.EventPayment{
				ID: "ch_1", Money: billing.Money{Minor: 500, Currency: "MGA"}, Status: "Refunded",
				Refunded: &billing.Money{Minor: 500, Currency: "MGA"},
			}}},
		{"a dispute", "charge.dispute.created",
			`{"id":"dp_1","object":"dispute","amount":2900,"currency":"usd","charge":"ch_1","payment_intent":"pi_1",
			"reason":"fraudulent","status":"needs_response"}`,
			billing.Event{
				Type: billing.DisputeOpened, Payment: &billing.EventPayment{ID: "pi_1", Money: usd(2900)},
				Dispute: &billing.EventDispute{ID: "dp_1", Reason: "fraudulent", Status: "needs_response"},
			}},
		{"a customer", "customer.updated",
			`{"id":"cus_1","object":"customer","email":"a@example.com","currency":null,"metadata":{"user_id":"u7"}}`,
			billing.Event{
				Type: billing.CustomerUpdated, Customer: customer, Metadata: map[string]string{"user_id": "u7"},
			}},
		{"a currency that Kassa does not know gives no amount", "charge.refunded",
			`{"id":"ch_1","object":"charge","amount":5,"currency":"usdc"}`, billing.Event{Type: billing.PaymentRefunded}},
		{"fields of another type count as not given", "invoice.paid",
			`{"id":7,"object":"invoice","currency":["usd"],"customer":5,"lines":[1],"metadata":"x","subscription":"sub_1"}`,
			billing.Event{Type: billing.PaymentSucceeded, Subscription: &billing.EventSubscription{ID: "sub_1"}}},
		{"a price of the catalogue", "price.updated",
			`{"id":"price_1","object":"price","currency":"usd","product":"prod_1","metadata":{"kassa_uid":"x"}}`,
			billing.Event{Type: billing.CatalogPriceChanged, CatalogProductID: "prod_1"}},
		{"a price with its product expanded", "price.deleted",
			`{"id":"price_1","object":"price","currency":"usd","product":{"id":"prod_1","object":"product"}}`,
			billing.Event{Type: billing.CatalogPriceChanged, CatalogProductID: "prod_1"}},
		{"a product of the catalogue", "product.updated", `{"id":"prod_1","object":"product","default_price":"price_1"}`,
			billing.Event{Type: billing.CatalogProductChanged, CatalogProductID: "prod_1"}},
		{"an event that Kassa has no name for", "payout.paid", `{"id":"po_1","object":"payout","amount":5}`,
			billing.Event{}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			body := eventBody(c.native, c.object, "")
			c.want.ID, c.want.NativeType, c.want.Mode = "evt_1", c.native, billing.Test
			c.want.Time, c.want.Native = time.Unix(1712000000, 0).UTC(), body
			got, err := Codec{}.Parse(body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseSubscription(t *testing.T) {
	const items = `"items":{"data":[{"price":{"id":"price_1","metadata":{"kassa_plan":"shop/pro","kassa_price":"y"}},
		"current_period_end":1714592000}]}`
	sub := func(fields string) string {
		return `{"id":"sub_1","object":"subscription",` + items + `,` + fields + `}`
	}
	cases := []struct {
		reason, native, fields, previous string
		want                             billing.EventType
		status                           billing.SubscriptionStatus
	}{
		{"created", "created", `"status":"active"`, "", billing.SubscriptionCreated, billing.StatusActive},
		{"created before its first payment", "created", `"status":"incomplete"`, "", billing.SubscriptionCreated,
			billing.StatusIncomplete},
		{"created with a trial", "created", `"status":"trialing"`, "", billing.SubscriptionTrialing,
			billing.StatusTrialing},
		{"the trial ends soon", "trial_will_end", `"status":"trialing"`, "", billing.SubscriptionTrialEnding,
			billing.StatusTrialing},
		{"the trial became a subscription", "updated", `"status":"active"`, `{"status":"trialing"}`,
			billing.SubscriptionActivated, billing.StatusActive},
		{"the first payment came", "updated", `"status":"active"`, `{"status":"incomplete"}`,
			billing.SubscriptionActivated, billing.StatusActive},
		{"a late payment came", "updated", `"status":"active"`, `{"status":"past_due"}`, billing.SubscriptionUpdated,
			billing.StatusActive},
		{"a renewal failed", "updated", `"status":"past_due"`, `{"status":"active"}`, billing.SubscriptionPastDue,
			billing.StatusPastDue},
		{"Stripe gave up", "updated", `"status":"unpaid"`, `{"status":"past_due"}`, billing.SubscriptionUpdated,
			billing.StatusUnpaid},
		{"never paid", "updated", `"status":"incomplete_expired"`, `{"status":"incomplete"}`,
			billing.SubscriptionUpdated, billing.StatusIncompleteExpired},
		{"will end", "updated", `"status":"active","cancel_at_period_end":true`, `{"cancel_at_period_end":false}`,
			billing.SubscriptionCancelScheduled, billing.StatusCanceling},
		{"will end, as later API versions say it", "updated", `"status":"active","cancel_at":1714592000`,
			`{"cancel_at":null}`, billing.SubscriptionCancelScheduled, billing.StatusCanceling},
		{"ends in a later period", "updated", `"status":"active","cancel_at":1814592000`, `{"cancel_at":null}`,
			billing.SubscriptionUpdated, billing.StatusActive},
		{"will not end after all", "updated", `"status":"active","cancel_at_period_end":false`,
			`{"cancel_at_period_end":true}`, billing.SubscriptionUpdated, billing.StatusActive},
		{"still to end, something else changed", "updated", `"status":"active","cancel_at_period_end":true`,
			`{"metadata":{}}`, billing.SubscriptionUpdated, billing.StatusCanceling},
		{"collection paused", "updated", `"status":"active","pause_collection":{"behavior":"void"}`,
			`{"pause_collection":null}`, billing.SubscriptionPaused, billing.StatusPaused},
		{"collection resumed", "updated", `"status":"active","pause_collection":null`,
			`{"pause_collection":{"behavior":"void"}}`, billing.SubscriptionResumed, billing.StatusActive},
		{"paused when the trial ended without a card", "paused", `"status":"paused"`, "", billing.SubscriptionPaused,
			billing.StatusPaused},
		{"resumed", "resumed", `"status":"active"`, "", billing.SubscriptionResumed, billing.StatusActive},
		{"ended; a pause does not hide it", "deleted", `"status":"canceled","pause_collection":{"behavior":"void"}`, "",
			billing.SubscriptionCanceled, billing.StatusCanceled},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			e, err := Codec{}.Parse(eventBody("customer.subscription."+c.native, sub(c.fields), c.previous))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.Type).To(Equal(c.want))
			cancels := c.status == billing.StatusCanceling
			g.Expect(e.Subscription).To(Equal(&billing.EventSubscription{
				ID: "sub_1", Status: c.status, Plan: "pro", Price: "y", PriceID: "price_1", Owner: marked,
				CurrentPeriodEnd: unix(1714592000), CancelAtPeriodEnd: &cancels,
			}))
			names, _ := Codec{}.NativeEvents([]string{string(e.Type)})
			g.Expect(names).To(ContainElement(e.NativeType), "an endpoint for %s would not get this event", e.Type)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("x", 129)
	for reason, body := range map[string]string{
		"nothing":           ``,
		"not JSON":          `t=1`,
		"cut short":         `{"id":"evt_1","type":"invoice.paid"`,
		"two values":        `{"id":"evt_1","type":"invoice.paid"}{}`,
		"null":              `null`,
		"a list":            `[{"id":"evt_1","type":"invoice.paid"}]`,
		"a string":          `"evt_1"`,
		"no id":             `{"type":"invoice.paid"}`,
		"an id of a number": `{"id":1,"type":"invoice.paid"}`,
		"no type":           `{"id":"evt_1"}`,
		"a long id":         `{"id":"` + long + `","type":"invoice.paid"}`,
		"a long type":       `{"id":"evt_1","type":"` + long[:101] + `"}`,
	} {
		_, err := Codec{}.Parse([]byte(body))
		NewWithT(t).Expect(err).To(MatchError(provider.ErrMalformedEvent), reason)
	}
}

// marked is the owner that the marks of these events tell: of an old price, without cluster and UID.
var marked = billing.Owner{Namespace: "shop", Name: "pro"}
