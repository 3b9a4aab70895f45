package store

import (
	"cmp"
	"math"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
)

type (
	customerKey     = records.CustomerKey
	customer        = records.Customer
	subscriptionKey = records.SubscriptionKey
	subscription    = records.Subscription
	paymentKey      = records.PaymentKey
	payment         = records.Payment
	failureKey      = records.FailureKey
	failure         = records.Failure
	refundKey       = records.RefundKey
	refund          = records.Refund
	disputeKey      = records.DisputeKey
	dispute         = records.Dispute
)

var customers = newTable("customers",
	func(a, b customerKey) int {
		return cmp.Or(compareAccounts(a.Account, b.Account), cmp.Compare(a.Customer, b.Customer))
	},
	id("provider", isKey, func(k customerKey, _ customer) string { return string(k.Provider) }),
	id("account", isKey, func(k customerKey, _ customer) string { return k.ID }),
	id("id", isKey, func(k customerKey, _ customer) string { return k.Customer }),
	id("user_id", by("user_version"), func(_ customerKey, v customer) string { return v.UserID }),
	text("user_version", greatestOf, func(_ customerKey, v customer) string { return string(v.UserVersion) }),
	text("email", by("email_version"), func(_ customerKey, v customer) string { return v.Email }),
	text("email_version", greatestOf, func(_ customerKey, v customer) string { return string(v.EmailVersion) }),
	instant("first_seen_at", leastOf, func(_ customerKey, v customer) time.Time { return v.FirstSeen }),
	instant("deleted_at", leastOf, func(_ customerKey, v customer) time.Time { return v.Deleted }),
)

var subscriptions = newTable("subscriptions",
	func(a, b subscriptionKey) int {
		return cmp.Or(compareAccounts(a.Account, b.Account), cmp.Compare(a.Subscription, b.Subscription))
	},
	id("provider", isKey, func(k subscriptionKey, _ subscription) string { return string(k.Provider) }),
	id("account", isKey, func(k subscriptionKey, _ subscription) string { return k.ID }),
	id("id", isKey, func(k subscriptionKey, _ subscription) string { return k.Subscription }),
	id("customer_id", greatestOf, func(_ subscriptionKey, v subscription) string { return v.Customer }),
	id("user_id", by("user_version"), func(_ subscriptionKey, v subscription) string { return v.UserID }),
	text("user_version", greatestOf, func(_ subscriptionKey, v subscription) string { return string(v.UserVersion) }),
	id("order_id", greatestOf, func(_ subscriptionKey, v subscription) string { return v.Order }),
	text("status", by("version"), func(_ subscriptionKey, v subscription) string { return string(v.Status) }),
	text("plan", by("version"), func(_ subscriptionKey, v subscription) string { return v.Plan }),
	text("price", by("version"), func(_ subscriptionKey, v subscription) string { return v.Price }),
	id("price_id", by("version"), func(_ subscriptionKey, v subscription) string { return v.PriceID }),
	number("quantity", by("version"), func(_ subscriptionKey, v subscription) int64 { return quantity(charge(v)) }),
	of("unit_minor", "bigint", by("version"), func(_ subscriptionKey, v subscription) *int64 {
		if v.Charge == nil {
			return nil
		}
		return &v.Charge.Unit.Minor
	}),
	text("currency", by("version"),
		func(_ subscriptionKey, v subscription) string { return string(charge(v).Unit.Currency) }),
	text("period", by("version"), func(_ subscriptionKey, v subscription) string { return string(charge(v).Interval) }),
	small("period_count", by("version"),
		func(_ subscriptionKey, v subscription) int64 { return int64(min(charge(v).Count, maxPeriods)) }),
	instant("current_period_end", by("version"),
		func(_ subscriptionKey, v subscription) time.Time { return v.CurrentPeriodEnd }),
	of("cancel_at_period_end", "boolean", by("version"),
		func(_ subscriptionKey, v subscription) bool { return v.CancelAtPeriodEnd }),
	instant("trial_end", latestOf, func(_ subscriptionKey, v subscription) time.Time { return v.TrialEnd }),
	text("version", greatestOf, func(_ subscriptionKey, v subscription) string { return string(v.Version) }),
	of("tied", "boolean", tied("status", "price_id", "quantity", "unit_minor", "currency", "period", "period_count",
		"current_period_end", "cancel_at_period_end"), func(_ subscriptionKey, v subscription) bool { return v.Tied }),
	text("asked", greatestOf, func(_ subscriptionKey, v subscription) string { return string(v.Asked) }),
	instant("started_at", leastOf, func(_ subscriptionKey, v subscription) time.Time { return v.Started }),
	instant("ended_at", leastOf, func(_ subscriptionKey, v subscription) time.Time { return v.Ended }),
)

func charge(v subscription) billing.EventCharge {
	if v.Charge == nil {
		return billing.EventCharge{}
	}
	return *v.Charge
}

// maxPeriods is more than any provider bills at once, and little enough for the views, which multiply it.
const maxPeriods = 10_000

// quantity is bounded so that the views can multiply it by the price: one that fails for a row fails for all.
func quantity(c billing.EventCharge) int64 {
	unit := max(c.Unit.Minor, -math.MaxInt64)
	return min(int64(c.Quantity), math.MaxInt64/max(unit, -unit, 1))
}

func comparePayments(a, b paymentKey) int {
	return cmp.Or(compareAccounts(a.Account, b.Account), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Payment, b.Payment))
}

var payments = newTable("payments", comparePayments,
	id("provider", isKey, func(k paymentKey, _ payment) string { return string(k.Provider) }),
	id("account", isKey, func(k paymentKey, _ payment) string { return k.ID }),
	id("kind", isKey, func(k paymentKey, _ payment) string { return string(k.Kind) }),
	id("id", isKey, func(k paymentKey, _ payment) string { return k.Payment }),
	id("customer_id", greatestOf, func(_ paymentKey, v payment) string { return v.Customer }),
	id("subscription_id", greatestOf, func(_ paymentKey, v payment) string { return v.Subscription }),
	text("plan", greatestOf, func(_ paymentKey, v payment) string { return v.Plan }),
	text("price", greatestOf, func(_ paymentKey, v payment) string { return v.Price }),
	text("status", by("version"), func(_ paymentKey, v payment) string { return string(v.Status) }),
	number("amount_minor", by("money_version"), func(_ paymentKey, v payment) int64 { return v.Money.Minor }),
	text("currency", by("money_version"), func(_ paymentKey, v payment) string { return string(v.Money.Currency) }),
	text("money_version", greatestOf, func(_ paymentKey, v payment) string { return string(v.MoneyVersion) }),
	text("version", greatestOf, func(_ paymentKey, v payment) string { return string(v.Version) }),
	small("attempts", greatestOf, func(_ paymentKey, v payment) int64 { return int64(v.Attempts) }),
	text("failure_code", by("failure_version"), func(_ paymentKey, v payment) string { return v.FailureCode }),
	text("failure_version", greatestOf, func(_ paymentKey, v payment) string { return string(v.FailureVersion) }),
	instant("created_at", leastOf, func(_ paymentKey, v payment) time.Time { return v.Created }),
	instant("paid_at", leastOf, func(_ paymentKey, v payment) time.Time { return v.Paid }),
)

var failures = newTable("payment_failures",
	func(a, b failureKey) int {
		return cmp.Or(comparePayments(a.PaymentKey, b.PaymentKey), cmp.Compare(a.Event, b.Event))
	},
	id("provider", isKey, func(k failureKey, _ failure) string { return string(k.Provider) }),
	id("account", isKey, func(k failureKey, _ failure) string { return k.ID }),
	id("kind", isKey, func(k failureKey, _ failure) string { return string(k.Kind) }),
	id("payment_id", isKey, func(k failureKey, _ failure) string { return k.Payment }),
	id("event_id", isKey, func(k failureKey, _ failure) string { return k.Event }),
	small("attempt", always, func(_ failureKey, v failure) int64 { return int64(v.Attempt) }),
	text("code", always, func(_ failureKey, v failure) string { return v.Code }),
	instant("failed_at", always, func(_ failureKey, v failure) time.Time { return v.At }),
)

var refunds = newTable("refunds",
	func(a, b refundKey) int {
		return cmp.Or(comparePayments(a.PaymentKey, b.PaymentKey), cmp.Compare(a.Refund, b.Refund))
	},
	id("provider", isKey, func(k refundKey, _ refund) string { return string(k.Provider) }),
	id("account", isKey, func(k refundKey, _ refund) string { return k.ID }),
	id("kind", isKey, func(k refundKey, _ refund) string { return string(k.Kind) }),
	id("payment_id", isKey, func(k refundKey, _ refund) string { return k.Payment }),
	id("id", isKey, func(k refundKey, _ refund) string { return k.Refund }),
	number("amount_minor", greatestOf, func(_ refundKey, v refund) int64 { return v.Money.Minor }),
	text("currency", always, func(_ refundKey, v refund) string { return string(v.Money.Currency) }),
	instant("refunded_at", leastOf, func(_ refundKey, v refund) time.Time { return v.At }),
)

var disputes = newTable("disputes",
	func(a, b disputeKey) int {
		return cmp.Or(compareAccounts(a.Account, b.Account), cmp.Compare(a.Dispute, b.Dispute))
	},
	id("provider", isKey, func(k disputeKey, _ dispute) string { return string(k.Provider) }),
	id("account", isKey, func(k disputeKey, _ dispute) string { return k.ID }),
	id("id", isKey, func(k disputeKey, _ dispute) string { return k.Dispute }),
	id("payment_id", greatestOf, func(_ disputeKey, v dispute) string { return v.Payment }),
	text("reason", by("version"), func(_ disputeKey, v dispute) string { return v.Reason }),
	text("status", by("version"), func(_ disputeKey, v dispute) string { return v.Status }),
	number("amount_minor", by("version"), func(_ disputeKey, v dispute) int64 { return v.Money.Minor }),
	text("currency", by("version"), func(_ disputeKey, v dispute) string { return string(v.Money.Currency) }),
	text("version", greatestOf, func(_ disputeKey, v dispute) string { return string(v.Version) }),
	instant("opened_at", leastOf, func(_ disputeKey, v dispute) time.Time { return v.Opened }),
	instant("closed_at", leastOf, func(_ disputeKey, v dispute) time.Time { return v.Closed }),
)
