package records_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/records"
)

// atStripe is an event of the one second in which all of these happen.
func atStripe(eventID, native, object string) string {
	return fmt.Sprintf(`{"id":%q,"type":%q,"created":1772359200,"data":{"object":%s}}`, eventID, native, object)
}

// stripeSubscription is an event of a subscription; was is the status before a change of it, or empty.
func stripeSubscription(eventID, verb, status, was string) string {
	body := fmt.Sprintf(`{"id":%q,"type":"customer.subscription.%s","created":1772359200,"data":{"object":`+
		`{"object":"subscription","id":"sub_1","status":%q}`, eventID, verb, status)
	if was != "" {
		body += fmt.Sprintf(`,"previous_attributes":{"status":%q}`, was)
	}
	return body + `}}`
}

func paddleSubscription(eventID, verb, status string) string {
	return fmt.Sprintf(`{"event_id":%q,"event_type":"subscription.%s","occurred_at":"2026-03-01T10:00:00Z",`+
		`"data":{"id":"sub_1","status":%q}}`, eventID, verb, status)
}

func lemonSubscription(eventID, name, status string) string {
	return fmt.Sprintf(`{"meta":{"event_name":%q,"webhook_id":%q},"data":{"type":"subscriptions","id":"1",`+
		`"attributes":{"status":%q,"updated_at":"2026-03-01T10:00:00.000000Z"}}}`, name, eventID, status)
}

// Of two events of one moment the later one counts, whichever comes first, and whatever their ids are. Where nothing
// tells which that is, the greater id counts, and the tie is known to be one.
func TestTies(t *testing.T) {
	// The event that happened first has the greater id.
	for _, c := range []struct {
		reason      string
		codec       provider.WebhookCodec
		first, then string
		want        string // a status
		doubtful    bool
	}{
		{"a subscription was created, and then paid", stripe.Codec{},
			stripeSubscription("evt_2", "created", "incomplete", ""),
			stripeSubscription("evt_1", "updated", "active", "incomplete"), "Active", false},
		{"created, and then its trial began", stripe.Codec{},
			stripeSubscription("evt_2", "created", "incomplete", ""),
			stripeSubscription("evt_1", "updated", "trialing", "incomplete"), "Trialing", false},
		{"it began with a trial, which was ended at once", stripe.Codec{},
			stripeSubscription("evt_2", "created", "trialing", ""),
			stripeSubscription("evt_1", "updated", "active", "trialing"), "Active", false},
		{"paid, and canceled", stripe.Codec{},
			stripeSubscription("evt_2", "updated", "active", "incomplete"),
			stripeSubscription("evt_1", "deleted", "canceled", ""), "Canceled", false},
		{"canceled, and told of again as it was before", stripe.Codec{},
			stripeSubscription("evt_2", "deleted", "canceled", ""),
			stripeSubscription("evt_1", "updated", "past_due", "active"), "Canceled", false},
		{"two changes", stripe.Codec{},
			stripeSubscription("evt_2", "updated", "past_due", "active"),
			stripeSubscription("evt_1", "updated", "active", "past_due"), "PastDue", true},
		{"created, and activated", paddle.Codec{}, paddleSubscription("evt_2", "created", "trialing"),
			paddleSubscription("evt_1", "activated", "active"), "Active", false},
		{"two changes at Paddle", paddle.Codec{}, paddleSubscription("evt_2", "updated", "active"),
			paddleSubscription("evt_1", "past_due", "past_due"), "Active", true},
		{"created, and changed", lemonsqueezy.Codec{}, lemonSubscription("b", "subscription_created", "on_trial"),
			lemonSubscription("a", "subscription_updated", "active"), "Active", false},
		{"two changes at LemonSqueezy", lemonsqueezy.Codec{}, lemonSubscription("b", "subscription_cancelled", "cancelled"),
			lemonSubscription("a", "subscription_resumed", "active"), "Canceling", true},

		{"a payment failed, and was repeated", stripe.Codec{},
			atStripe("evt_2", "invoice.payment_failed", `{"object":"invoice","id":"in_1","currency":"usd","amount_due":5}`),
			atStripe("evt_1", "invoice.paid", `{"object":"invoice","id":"in_1","currency":"usd","amount_due":5,
				"amount_paid":5}`), "Succeeded", false},
		{"paid, and given back", stripe.Codec{},
			atStripe("evt_2", "payment_intent.succeeded", `{"object":"payment_intent","id":"in_1","currency":"usd",
				"status":"succeeded","amount":5,"amount_received":5}`),
			atStripe("evt_1", "charge.refunded", `{"object":"charge","payment_intent":"in_1","currency":"usd","amount":5,
				"amount_refunded":5,"refunded":true}`), "Refunded", false},
	} {
		g := NewWithT(t)
		account := records.Account{Provider: billing.Stripe, ID: "acct_1"}
		one, other := rowsOf(t, account, c.codec, c.first), rowsOf(t, account, c.codec, c.then)
		for _, order := range [][]records.Rows{{one, other}, {other, one}} {
			var all records.Rows
			all.Merge(order[0])
			all.Merge(order[1])
			g.Expect(status(all)).To(Equal(c.want), c.reason)
			g.Expect(doubtful(all)).To(Equal(c.doubtful), c.reason)
		}
		one.Merge(one)
		g.Expect(doubtful(one)).To(BeFalse(), "it came again")
	}
}

func rowsOf(t *testing.T, account records.Account, codec provider.WebhookCodec, body string) records.Rows {
	t.Helper()
	e, err := codec.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return records.Of(account, &e)
}

// status of the only subscription, or payment.
func status(r records.Rows) string {
	for _, s := range r.Subscriptions {
		return string(s.Status)
	}
	for _, p := range r.Payments {
		return string(p.Status)
	}
	return ""
}

func doubtful(r records.Rows) bool {
	for _, s := range r.Subscriptions {
		return s.Doubtful()
	}
	return false
}
