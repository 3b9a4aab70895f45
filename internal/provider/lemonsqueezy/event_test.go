package lemonsqueezy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
)

func in(c billing.Currency, minor int64) billing.Money {
	return billing.Money{Minor: minor, Currency: c}
}

func day(month time.Month, d int) *time.Time {
	return new(time.Date(2026, month, d, 10, 0, 0, 0, time.UTC))
}

// anOrderOf is a paid order over a total, as it is in JSON.
func anOrderOf(total string) string {
	return strings.Replace(anOrder(`"status":"paid"`), `"total":2900`, `"total":`+total, 1)
}

// record is what an event tells beside its name, its customer and its metadata.
type record struct {
	Subscription *billing.EventSubscription
	Payment      *billing.EventPayment
	Checkout     *billing.EventCheckout
	Dispute      *billing.EventDispute
}

func TestRecord(t *testing.T) {
	sub := func(status billing.SubscriptionStatus, end, trialEnd *time.Time) record {
		return record{Subscription: &billing.EventSubscription{
			ID: "601", PriceID: "88", Status: status, CurrentPeriodEnd: end, TrialEnd: trialEnd,
			CancelAtPeriodEnd: new(status == billing.StatusCanceling), OrderID: "501", Quantity: 1,
		}}
	}
	order := func(status billing.PaymentStatus, total int64, refunded *billing.Money) record {
		return record{
			Subscription: &billing.EventSubscription{PriceID: "88"}, Checkout: &billing.EventCheckout{ID: "501"},
			Payment: &billing.EventPayment{
				ID: "501", Money: in("USD", total), Status: status, Refunded: refunded, Order: true,
			},
		}
	}
	invoice := func(status billing.PaymentStatus, refunded *billing.Money) record {
		return record{
			Subscription: &billing.EventSubscription{ID: "601"},
			Payment:      &billing.EventPayment{ID: "701", Money: in("PLN", 57599), Status: status, Refunded: refunded},
		}
	}
	noAmount := record{
		Subscription: &billing.EventSubscription{PriceID: "88"}, Checkout: &billing.EventCheckout{ID: "501"},
	}
	whole := in("USD", 2900)
	cases := []struct {
		reason, native, data string
		want                 record
	}{
		{"active", "subscription_created", aSubscription(`"status":"active",` + renews),
			sub(billing.StatusActive, day(4, 1), nil)},
		{"on trial", "subscription_created", aSubscription(`"status":"on_trial",` + trial),
			sub(billing.StatusTrialing, day(3, 15), day(3, 15))},
		{"behind with a payment", "subscription_updated", aSubscription(`"status":"past_due",` + renews),
			sub(billing.StatusPastDue, day(4, 1), nil)},
		{"given up", "subscription_updated", aSubscription(`"status":"unpaid",` + renews),
			sub(billing.StatusUnpaid, day(4, 1), nil)},
		{"cancelled is paid for until ends_at", "subscription_cancelled", aSubscription(`"status":"cancelled",` + ending),
			sub(billing.StatusCanceling, day(3, 20), nil)},
		{"expired is the end", "subscription_expired", aSubscription(`"status":"expired",` + ending),
			sub(billing.StatusCanceled, day(3, 20), nil)},
		{"paused", "subscription_paused", aSubscription(`"status":"paused",` + stopped),
			sub(billing.StatusPaused, day(4, 1), nil)},
		{"a pause that the status does not tell", "subscription_updated", aSubscription(`"status":"active",` + stopped),
			sub(billing.StatusPaused, day(4, 1), nil)},
		{"a pause does not hide the end", "subscription_expired",
			aSubscription(`"status":"expired","ends_at":null,"pause":{"mode":"free"}`), sub(billing.StatusCanceled, nil, nil)},
		{"an end that is not told", "subscription_cancelled",
			aSubscription(`"status":"cancelled","renews_at":"2026-04-01T10:00:00.000000Z"`),
			sub(billing.StatusCanceling, day(4, 1), nil)},
		{"a status that nobody knows", "subscription_updated", aSubscription(`"status":"sleeping"`),
			record{Subscription: &billing.EventSubscription{ID: "601", PriceID: "88", OrderID: "501", Quantity: 1}}},
		{"usage is billed by what was used", "subscription_updated", strings.Replace(aSubscription(`"status":"sleeping"`),
			`"quantity":1`, `"quantity":4,"is_usage_based":true`, 1),
			record{Subscription: &billing.EventSubscription{ID: "601", PriceID: "88", OrderID: "501"}}},
		{"seats, of an order that is not told", "subscription_updated", strings.NewReplacer(`"order_id":501,`, "",
			`"quantity":1`, `"quantity":4,"is_usage_based":false`).Replace(aSubscription(`"status":"sleeping"`)),
			record{Subscription: &billing.EventSubscription{ID: "601", PriceID: "88", Quantity: 4}}},

		{"an order", "order_created", anOrder(`"status":"paid",` + kept),
			order(billing.PaymentStatusSucceeded, 2900, nil)},
		{"an order of the time before refunded_amount", "order_created", anOrder(`"status":"paid","refunded":null`),
			order(billing.PaymentStatusSucceeded, 2900, nil)},
		{"a free order", "order_created", anOrderOf(`0`),
			order(billing.PaymentStatusNotRequired, 0, nil)},
		{"an order that is not paid yet", "order_created", anOrder(`"status":"pending"`),
			order(billing.PaymentStatusPending, 2900, nil)},
		{"an order that was not paid", "order_created", anOrder(`"status":"failed"`),
			order(billing.PaymentStatusFailed, 2900, nil)},
		{"an order of which nobody knows", "order_created", anOrder(`"status":"fraudulent"`), order("", 2900, nil)},
		{"a part was given back", "order_refunded",
			anOrder(`"status":"partial_refund","refunded":true,"refunded_amount":900`),
			order(billing.PaymentStatusSucceeded, 2900, new(in("USD", 900)))},
		{"the rest was given back: the amount is of all refunds", "order_refunded",
			anOrder(`"status":"partial_refund","refunded":true,"refunded_amount":2900`),
			order(billing.PaymentStatusRefunded, 2900, &whole)},
		{"all was given back", "order_refunded", anOrder(`"status":"refunded","refunded":true,"refunded_amount":2900`),
			order(billing.PaymentStatusRefunded, 2900, &whole)},
		{"all was given back, without an amount", "order_refunded", anOrder(`"status":"refunded","refunded":true`),
			order(billing.PaymentStatusRefunded, 2900, &whole)},
		{"all was given back, by the flag alone", "order_refunded", anOrder(`"status":"paid","refunded":true`),
			order(billing.PaymentStatusRefunded, 2900, &whole)},
		{"a part, without an amount", "order_refunded", anOrder(`"status":"partial_refund","refunded":true`),
			order(billing.PaymentStatusSucceeded, 2900, nil)},

		{"a payment, not in dollars", "subscription_payment_success", anInvoice(`"status":"paid",` + kept),
			invoice(billing.PaymentStatusSucceeded, nil)},
		{"a failure, of which the invoice says that it is pending", "subscription_payment_failed",
			anInvoice(`"status":"pending",` + kept), invoice(billing.PaymentStatusFailed, nil)},
		{"a failure that was the last", "subscription_payment_failed", anInvoice(`"status":"void",` + kept),
			invoice(billing.PaymentStatusFailed, nil)},
		{"recovered is the same payment", "subscription_payment_recovered", anInvoice(`"status":"paid",` + kept),
			invoice(billing.PaymentStatusSucceeded, nil)},
		{"a part of an invoice", "subscription_payment_refunded",
			anInvoice(`"status":"partial_refund","refunded":true,"refunded_amount":100`),
			invoice(billing.PaymentStatusSucceeded, new(in("PLN", 100)))},
		{"a whole invoice", "subscription_payment_refunded",
			anInvoice(`"status":"refunded","refunded":true,"refunded_amount":57599`),
			invoice(billing.PaymentStatusRefunded, new(in("PLN", 57599)))},

		{"no currency, no amount", "order_created", strings.Replace(anOrderOf(`5`), "USD", "XTS", 1), noAmount},
		{"an amount that is no whole number is none, and not 0", "order_created",
			anOrderOf(`28.5`), noAmount},
		{"an amount in words is none", "order_created", anOrderOf(`"2900"`), noAmount},
		{"an amount beyond all money is none", "order_created",
			anOrderOf(`99999999999999999999`), noAmount},
		{"an object of another kind", "order_created", `{"type":"files","id":"1","attributes":{"total":5,"currency":"USD"}}`,
			record{}},
		{"a licence key tells only whose it is", "license_key_created",
			`{"type":"license-keys","id":"1","attributes":{"order_id":501,"status":"active"}}`, record{}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			e, err := Codec{}.Parse(delivery(c.native, c.data))
			if err != nil {
				t.Fatal(err)
			}
			got := record{e.Subscription, e.Payment, e.Checkout, e.Dispute}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	g := NewWithT(t)
	parse := func(meta, attributes string) billing.Event {
		e, err := Codec{}.Parse([]byte(`{"data":{"type":"orders","id":"1","attributes":{` + attributes + `}},` +
			`"meta":{` + meta + `}}`))
		g.Expect(err).NotTo(HaveOccurred())
		return e
	}
	const named = `"event_name":"order_created"`

	for meta, want := range map[string]billing.Mode{
		`,"test_mode":true`: billing.Test, `,"test_mode":false`: billing.Live,
		// Neither is a guess: a mode that is not told must not refuse the event.
		`,"test_mode":"false"`: "", `,"test_mode":0`: "", `,"test_mode":null`: "", ``: "",
	} {
		g.Expect(parse(named+meta, "").Mode).To(Equal(want), meta)
	}
	g.Expect(parse(named+`,"test_mode":true`, `"test_mode":false`).Mode).To(Equal(billing.Test), "the delivery's counts")
	g.Expect(parse(named, `"test_mode":false`).Mode).To(Equal(billing.Live))

	at := time.Date(2026, 3, 1, 10, 0, 0, 500, time.UTC)
	for attributes, want := range map[string]time.Time{
		`"created_at":"2020-01-01T00:00:00Z","updated_at":"2026-03-01T10:00:00.000000500Z"`: at,
		`"created_at":"2026-03-01T12:00:00.000000500+02:00"`:                                at,
		`"updated_at":"yesterday"`: {}, `"updated_at":1772359200`: {}, ``: {},
		`"updated_at":"0001-01-01T00:00:00Z"`: {}, `"updated_at":"1969-12-31T23:59:59Z"`: {},
	} {
		g.Expect(parse(named, attributes).Time).To(Equal(want), attributes)
	}

	for custom, want := range map[string]map[string]string{
		`{"user_id":"u7","n":7,"big":12345678901234567890,"x":1.50,"yes":true,"none":null,"list":["a"],"more":{"a":1},` +
			`"kassa_uid":"u"}`: {"user_id": "u7", "n": "7", "big": "12345678901234567890", "x": "1.50", "yes": "true"},
		`{"user_id":42}`: {"user_id": "42"},
		`[]`:             nil, `["u7"]`: nil, `null`: nil, `"u7"`: nil, `{}`: nil, `{"kassa_plan":"shop/pro"}`: nil,
	} {
		e := parse(named+`,"custom_data":`+custom, "")
		g.Expect(e.Metadata).To(Equal(want), custom)
		if id := want["user_id"]; id != "" {
			g.Expect(e.Customer).To(Equal(&billing.EventCustomer{UserID: id}))
		} else {
			g.Expect(e.Customer).To(BeNil())
		}
	}
}

// An id says which event it is. One that another event could have as well would make Kassa drop that one.
func TestIdentity(t *testing.T) {
	hash := func(meta string) string {
		e, err := Codec{}.Parse([]byte(`{"meta":{"event_name":"order_created"` + meta + `},"data":{}}`))
		if err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	g := NewWithT(t)
	g.Expect(hash(`,"webhook_id":"` + exampleID + `"`)).To(Equal(exampleID))
	other := "sha256-" + strings.Repeat("0", 64)
	seen := map[string]string{}
	for _, meta := range []string{
		``, `,"webhook_id":""`, `,"webhook_id":null`, `,"webhook_id":{}`, `,"webhook_id":"` + other + `"`,
		// A webhook's own number is the same in all of its events.
		`,"webhook_id":17`, `,"webhook_id":"17"`,
		`,"webhook_id":"a b"`, `,"webhook_id":"é"`, `,"webhook_id":"` + strings.Repeat("x", 129) + `"`,
	} {
		id := hash(meta)
		g.Expect(id).To(MatchRegexp(`^sha256-[0-9a-f]{64}$`), meta)
		g.Expect(id).NotTo(Equal(other), "nobody chooses an id of this form")
		g.Expect(seen).NotTo(HaveKey(id), "%s and %s", meta, seen[id])
		g.Expect(hash(meta)).To(Equal(id), "a repeated delivery is the same event")
		seen[id] = meta
	}
	g.Expect(len(hash(""))).To(BeNumerically("<=", provider.MaxEventID))
}

func TestParseSamples(t *testing.T) {
	customer := billing.EventCustomer{ID: "7137295", Email: "jane@example.com", UserID: "user_42"}
	buyer := customer
	buyer.ID = "1"
	metadata := map[string]string{"user_id": "user_42", "plan": "team-a/pro"}
	end := time.Date(2026, 11, 19, 11, 9, 23, 0, time.UTC)
	no, yes := false, true
	for file, want := range map[string]billing.Event{
		"order_created": {
			ID: "c3140015-e44d-53b0-b061-8fd397636dc2", Type: billing.CheckoutCompleted, Customer: &buyer,
			Time:         time.Date(2023, 1, 17, 12, 26, 23, 0, time.UTC),
			Subscription: &billing.EventSubscription{PriceID: "1"}, Checkout: &billing.EventCheckout{ID: "1"},
			Payment: &billing.EventPayment{ID: "1", Money: in("USD", 5899), Status: billing.PaymentStatusSucceeded, Order: true},
		},
		"subscription_created": {
			ID: "81f42342-070a-4224-971f-c020d189b563", Type: billing.SubscriptionCreated, Customer: &customer,
			Time: time.Date(2025, 11, 19, 11, 9, 30, 0, time.UTC), Subscription: &billing.EventSubscription{
				ID: "1652029", Status: billing.StatusActive, PriceID: "1090954", CurrentPeriodEnd: &end, CancelAtPeriodEnd: &no,
				OrderID: "6859490", Quantity: 6,
			},
		},
		"subscription_cancelled": {
			ID: "cb46ae47-6d3f-584b-8cf4-d5ab7eae612a", Type: billing.SubscriptionCancelScheduled, Customer: &customer,
			Time: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Subscription: &billing.EventSubscription{
				ID: "1652029", Status: billing.StatusCanceling, PriceID: "1090954", CurrentPeriodEnd: &end,
				CancelAtPeriodEnd: &yes, OrderID: "6859490", Quantity: 6,
			},
		},
		"subscription_payment_success": {
			ID: "2f438530-f4b6-43d7-99dc-b04b82a087ec", Type: billing.PaymentSucceeded, Customer: &customer,
			Time:         time.Date(2025, 11, 19, 11, 9, 31, 0, time.UTC),
			Subscription: &billing.EventSubscription{ID: "1652029"},
			Payment: &billing.EventPayment{
				ID: "5113449", Money: in("PLN", 57599), Status: billing.PaymentStatusSucceeded,
			},
		},
	} {
		t.Run(file, func(t *testing.T) {
			body := providertest.Sample(t, "lemonsqueezy/"+file+".json")
			want.NativeType, want.Mode, want.Metadata, want.Native = file, billing.Test, metadata, body
			got, err := Codec{}.Parse(body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
