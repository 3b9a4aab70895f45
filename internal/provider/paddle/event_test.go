package paddle

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

func ptr[T any](v T) *T { return &v }

func usd(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: "USD"} }

// periodEnd is that of running and ending.
var periodEnd = ptr(time.Date(2024, 5, 12, 10, 18, 47, 635628000, time.UTC))

func TestParse(t *testing.T) {
	user := map[string]string{"user_id": "u7"}
	customer := &billing.EventCustomer{ID: "ctm_1", UserID: "u7"}
	checkout := &billing.EventCheckout{ID: "txn_1"}
	sold := func() *billing.EventSubscription {
		return &billing.EventSubscription{
			ID: "sub_1", Plan: "pro", Price: "monthly", PriceID: "pri_1", Owner: markedOwner,
		}
	}
	monthly := &billing.EventCharge{Unit: usd(2900), Quantity: 1, Interval: billing.Month, Count: 1}
	subscription := func(status billing.SubscriptionStatus, cancels bool, end *time.Time) *billing.EventSubscription {
		s := sold()
		s.Status, s.CancelAtPeriodEnd, s.CurrentPeriodEnd, s.Charge = status, &cancels, end, monthly
		return s
	}
	paid := func(status billing.PaymentStatus, attempt int, code string) *billing.EventPayment {
		return &billing.EventPayment{ID: "txn_1", Money: usd(2900), Status: status, Attempt: attempt, FailureCode: code}
	}
	trial := subscription("Trialing", false, periodEnd)
	trial.TrialEnd = ptr(time.Date(2024, 4, 26, 11, 30, 29, 637000000, time.UTC))
	refund := &billing.EventRefund{ID: "adj_1", Money: usd(100)}
	bare := func(data string) string { return `{"id":"txn_1","status":"completed",` + data + `}` }
	cases := []struct {
		reason, native, data string
		want                 billing.Event // ID, NativeType, Type, Time and Native are left out
	}{
		{"a checkout has what was bought and what was paid for it, at the second attempt", "transaction.completed",
			aTransaction("web", automatic+`,"status":"completed","payments":[`+captured+`,`+declined+`],`+ofSub),
			billing.Event{Customer: customer, Metadata: user, Checkout: checkout, Subscription: sold(),
				Payment: paid("Succeeded", 2, "")}},
		{"a one-time purchase has no subscription", "transaction.completed",
			aTransaction("web", automatic+`,"status":"completed","payments":[`+captured+`],`+ofNone),
			billing.Event{Customer: customer, Metadata: user, Checkout: checkout, Payment: paid("Succeeded", 1, "")}},
		{"a renewal is no checkout", "transaction.completed",
			aTransaction("subscription_recurring", automatic+`,"status":"completed","payments":[`+captured+`],`+ofSub),
			billing.Event{Customer: customer, Metadata: user, Subscription: sold(), Payment: paid("Succeeded", 1, "")}},
		{"a bank transfer is no attempt of Paddle's", "transaction.completed",
			aTransaction("api", manual+`,"status":"completed","payments":[],`+ofSub),
			billing.Event{Customer: customer, Metadata: user, Subscription: sold(), Payment: paid("Succeeded", 0, "")}},
		{"a decline has the reason of the newest attempt", "transaction.payment_failed",
			aTransaction("subscription_recurring", automatic+`,"status":"past_due","payments":[{"status":"error",`+
				`"error_code":"not_enough_balance"},`+declined+`,{"status":"canceled"}],`+ofSub),
			billing.Event{Customer: customer, Metadata: user, Subscription: sold(),
				Payment: paid("Failed", 2, "not_enough_balance")}},
		{"a checkout that failed has nobody yet", "transaction.payment_failed",
			`{"id":"txn_1","status":"ready","origin":"web","subscription_id":null,` +
				`"customer_id":null,"custom_data":null,"payments":[` + declined + `],` + totals("2900", "USD") + `}`,
			billing.Event{Checkout: checkout, Payment: paid("Failed", 1, "declined")}},
		{"the bank asks the buyer at the second attempt", "transaction.updated",
			aTransaction("web", automatic+`,"status":"ready","payments":[`+asked+`,`+declined+`],`+ofNone),
			billing.Event{Customer: customer, Metadata: user, Checkout: checkout, Payment: paid("ActionRequired", 2, "")}},
		{"an invoice that nobody paid in time", "transaction.past_due",
			aTransaction("api", manual+`,"status":"past_due","payments":[],`+ofSub),
			billing.Event{Customer: customer, Metadata: user, Subscription: sold(), Payment: paid("Pending", 0, "")}},
		{"a renewal that is past due", "transaction.past_due",
			aTransaction("subscription_recurring", automatic+`,"status":"past_due","payments":[`+declined+`],`+ofSub),
			billing.Event{Customer: customer, Metadata: user, Subscription: sold(), Payment: paid("Failed", 1, "declined")}},
		{"of a checkout that was given up nothing was paid", "transaction.canceled",
			aTransaction("web", automatic+`,"status":"canceled","payments":[],`+ofNone),
			billing.Event{Customer: customer, Metadata: user, Checkout: checkout}},
		{"an invoice that was taken back", "transaction.canceled",
			aTransaction("api", manual+`,"status":"canceled","payments":[],`+ofNone),
			billing.Event{Customer: customer, Metadata: user, Payment: paid("", 0, "")}},

		{"the start of a trial costs nothing", "transaction.completed", bare(totals("0", "USD")),
			billing.Event{Checkout: checkout,
				Payment: &billing.EventPayment{ID: "txn_1", Money: usd(0), Status: "NotRequired"}}},
		{"a change of plan that gives something back", "transaction.completed",
			bare(`"origin":"subscription_update",` + totals("-1250", "USD")),
			billing.Event{Payment: &billing.EventPayment{ID: "txn_1", Money: usd(-1250), Status: "NotRequired"}}},
		{"a currency without decimals", "transaction.completed", bare(totals("500", "JPY")),
			billing.Event{Checkout: checkout, Payment: &billing.EventPayment{
				ID: "txn_1", Money: billing.Money{Minor: 500, Currency: "JPY"}, Status: "Succeeded"}}},
		{"more than a float can hold", "transaction.completed", bare(totals("9007199254740993", "USD")),
			billing.Event{Checkout: checkout,
				Payment: &billing.EventPayment{ID: "txn_1", Money: usd(9007199254740993), Status: "Succeeded"}}},
		{"more than any integer can hold is no amount", "transaction.completed", bare(totals("9223372036854775808", "USD")),
			billing.Event{Checkout: checkout}},
		{"a fraction is no amount", "transaction.completed", bare(totals("29.00", "USD")),
			billing.Event{Checkout: checkout}},
		{"an unknown currency has no amount", "transaction.completed", bare(totals("2900", "XXX")),
			billing.Event{Checkout: checkout}},
		{"a number is not Paddle's", "transaction.completed",
			bare(`"details":{"totals":{"grand_total":2900,"currency_code":"USD"}}`), billing.Event{Checkout: checkout}},
		{"the currency of the transaction", "transaction.completed",
			bare(`"details":{"totals":{"grand_total":"2900"}},"currency_code":"EUR"`),
			billing.Event{Checkout: checkout, Payment: &billing.EventPayment{
				ID: "txn_1", Money: billing.Money{Minor: 2900, Currency: "EUR"}, Status: "Succeeded"}}},

		{"a part was given back; how much in all, Paddle does not tell", "adjustment.created",
			anAdjustment("refund", "approved", "partial"),
			billing.Event{Customer: &billing.EventCustomer{ID: "ctm_1"}, Subscription: &billing.EventSubscription{ID: "sub_1"},
				Payment: &billing.EventPayment{ID: "txn_1", Money: usd(100), Refund: refund}}},
		{"all was given back", "adjustment.updated", anAdjustment("refund", "approved", "full"),
			billing.Event{Customer: &billing.EventCustomer{ID: "ctm_1"}, Subscription: &billing.EventSubscription{ID: "sub_1"},
				Payment: &billing.EventPayment{ID: "txn_1", Money: usd(100), Status: "Refunded", Refunded: ptr(usd(100)),
					Refund: refund}}},
		{"a pending refund gave nothing back", "adjustment.created", anAdjustment("refund", "pending_approval", "full"),
			billing.Event{Customer: &billing.EventCustomer{ID: "ctm_1"}, Subscription: &billing.EventSubscription{ID: "sub_1"},
				Payment: &billing.EventPayment{ID: "txn_1", Money: usd(100)}}},
		{"a dispute is of the payment, and says which kind it is", "adjustment.created",
			anAdjustment("chargeback_warning", "approved", "full"),
			billing.Event{Customer: &billing.EventCustomer{ID: "ctm_1"}, Subscription: &billing.EventSubscription{ID: "sub_1"},
				Dispute: &billing.EventDispute{ID: "adj_1", Reason: "error", Status: "chargeback_warning"},
				Payment: &billing.EventPayment{ID: "txn_1", Money: usd(100)}}},

		{"a subscription that runs", "subscription.activated", aSubscription("active", running),
			billing.Event{Customer: customer, Metadata: user, Subscription: subscription("Active", false, periodEnd)}},
		{"a subscription that will end is still good", "subscription.updated", aSubscription("active", ending),
			billing.Event{Customer: customer, Metadata: user, Subscription: subscription("Canceling", true, periodEnd)}},
		{"a trial that will end", "subscription.updated", aSubscription("trialing", ending),
			billing.Event{Customer: customer, Metadata: user, Subscription: subscription("Canceling", true, periodEnd)}},
		{"one that will pause does not end", "subscription.updated", aSubscription("active", pausing),
			billing.Event{Customer: customer, Metadata: user, Subscription: subscription("Active", false, periodEnd)}},
		{"a failed renewal weighs more than the end", "subscription.updated", aSubscription("past_due", ending),
			billing.Event{Customer: customer, Metadata: user, Subscription: subscription("PastDue", true, periodEnd)}},
		{"a pause has no period", "subscription.paused", aSubscription("paused", stopped),
			billing.Event{Customer: customer, Metadata: user, Subscription: subscription("Paused", false, nil)}},
		{"nor has the end", "subscription.canceled", aSubscription("canceled", stopped),
			billing.Event{Customer: customer, Metadata: user, Subscription: subscription("Canceled", false, nil)}},
		{"a status of tomorrow is none", "subscription.updated", aSubscription("sleeping", stopped),
			billing.Event{Customer: customer, Metadata: user, Subscription: subscription("", false, nil)}},
		{"without a period the next bill ends it", "subscription.updated",
			aSubscription("active", `"current_billing_period":null,"next_billed_at":"2024-05-12T10:18:47.635628Z"`),
			billing.Event{Customer: customer, Metadata: user, Subscription: subscription("Active", false, periodEnd)}},
		{"a trial's end is an item's", "subscription.trialing",
			`{"id":"sub_1","status":"trialing","customer_id":"ctm_1","currency_code":"USD",` +
				`"custom_data":{"user_id":"u7"},"items":[` +
				strings.Replace(recurringItem, `"quantity":1`, `"quantity":1,"trial_dates":{"starts_at":"x",`+
					`"ends_at":"2024-04-26T11:30:29.637Z"}`, 1) + `],` + running + `}`,
			billing.Event{Customer: customer, Metadata: user, Subscription: trial}},

		{"a customer's address", "customer.updated", aCustomer, billing.Event{Metadata: user,
			Customer: &billing.EventCustomer{ID: "ctm_1", Email: "jane@example.com", UserID: "u7"}}},
		{"a product's marks are not the user's", "product.updated", aProduct,
			billing.Event{CatalogProductID: "pro_1", Metadata: map[string]string{"team": "red"}}},
		{"a price has nothing but marks", "price.updated", aPrice, billing.Event{CatalogProductID: "pro_1"}},
		{"what an entity of tomorrow calls a payment is none", "entitlement.granted",
			`{"id":"e_1","details":{"totals":{"grand_total":"1","currency_code":"USD"}},"subscription_id":"sub_1"}`,
			billing.Event{}},
		{"no data", "subscription.updated", `null`, billing.Event{}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			got, err := Codec{}.Parse(eventBody(c.native, c.data))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(cmp.Diff(c.want, got, cmpopts.IgnoreFields(billing.Event{}, "ID", "NativeType", "Type", "Time",
				"Native"))).To(BeEmpty())
		})
	}
}

func TestMainItem(t *testing.T) {
	for _, c := range []struct {
		reason string
		items  []string
		want   string
	}{
		{"a one-time item beside it", []string{oneTimeItem, recurringItem}, "pri_1"},
		{"prorations before it", []string{proratedItem, recurringItem}, "pri_1"},
		{"a one-time item rather than a proration", []string{proratedItem, oneTimeItem}, "pri_2"},
		{"nothing but a proration", []string{proratedItem}, "pri_3"},
		{"the first of two", []string{recurringItem, strings.ReplaceAll(recurringItem, "pri_1", "pri_4")}, "pri_1"},
		{"nothing", nil, ""},
	} {
		g := NewWithT(t)
		e, err := Codec{}.Parse(eventBody("transaction.completed",
			`{"id":"txn_1","subscription_id":"sub_1","items":[`+strings.Join(c.items, ",")+`]}`))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.Subscription.PriceID).To(Equal(c.want), c.reason)
	}
}

// A price that carries no marks, such as one that was adopted, leaves it to those that a checkout of Kassa left.
func TestMarksOfTheCheckout(t *testing.T) {
	g := NewWithT(t)
	parse := func(price, own string) billing.EventSubscription {
		e, err := Codec{}.Parse(eventBody("subscription.created",
			`{"id":"sub_1","custom_data":`+own+`,"items":[{"price":{"id":"pri_1","custom_data":`+price+`}}]}`))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.Metadata).To(BeNil())
		return *e.Subscription
	}
	other := strings.ReplaceAll(marksOfPrice, "shop/pro", "shop/other")
	g.Expect(parse(marksOfPrice, other).Plan).To(Equal("pro"))
	s := parse(`null`, other)
	g.Expect([]string{s.Plan, s.Price, s.Owner.Cluster, s.Owner.Namespace}).
		To(Equal([]string{"other", "monthly", "c-1", "shop"}))
	g.Expect(parse(`"x"`, `[]`).Plan).To(BeEmpty())
	g.Expect(parse(`{"kassa_plan":7}`, `{"kassa_plan":{}}`).Plan).To(BeEmpty())
}

func TestCustomData(t *testing.T) {
	for _, c := range []struct {
		reason, data string
		want         map[string]string
	}{
		{"none", `null`, nil},
		{"empty", `{}`, nil},
		{"a list", `["user_id"]`, nil},
		{"a text", `"user_id"`, nil},
		{"texts, as they are", `{"a":"x","b":"","c\"":"\u00e9\n"}`, map[string]string{"a": "x", "b": "", `c"`: "é\n"}},
		{"numbers and booleans, as they are written", `{"a":9007199254740993,"b":1.10,"c":-1e3,"d":true,"e":false}`,
			map[string]string{"a": "9007199254740993", "b": "1.10", "c": "-1e3", "d": "true", "e": "false"}},
		{"nothing nested, and no null", `{"a":{"b":"x"},"c":["x"],"d":null,"e":"x"}`, map[string]string{"e": "x"}},
		{"no marks, whatever they are", `{"kassa_plan":"a/b","kassa_uid":1,"kassa_new":"x","kassa":"x","a":"x"}`,
			map[string]string{"a": "x"}},
		{"nothing but marks", `{"kassa_plan":"a/b"}`, nil},
	} {
		g := NewWithT(t)
		e, err := Codec{}.Parse(eventBody("discount.updated", `{"id":"dsc_1","custom_data":`+c.data+`}`))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.Metadata).To(Equal(c.want), c.reason)
	}
	g := NewWithT(t)
	e, err := Codec{}.Parse(eventBody("customer.created", `{"id":"ctm_1","custom_data":{"user_id":42}}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Customer.UserID).To(Equal("42"), "apps that count their users send numbers")
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]string{
		occurred:                         occurred,
		"2024-04-12T12:18:49+02:00":      "2024-04-12T10:18:49Z",
		"2024-04-12T10:18:49.738971238Z": "2024-04-12T10:18:49.738971238Z",
		"":                               "",
		"2024-04-12":                     "",
		"0000-01-01T00:00:00+01:00":      "", // a year before any that JSON can tell
		"9999-12-31T23:59:59-01:00":      "", // and one after
		"1970-01-01T00:00:00Z":           "",
	} {
		g, got := NewWithT(t), ""
		if at := timeOf([]byte(text)); at != nil {
			got = at.Format(time.RFC3339Nano)
		}
		g.Expect(got).To(Equal(want), text)
	}
}
