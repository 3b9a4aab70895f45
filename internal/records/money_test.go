package records_test

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
)

func id(n int64) string { return strconv.FormatInt(n, 10) }

// paid is a payment as an accountant sees it.
type paid struct {
	Amount   int64
	Status   billing.PaymentStatus
	Of       string // a subscription
	Price    string
	Failures string // codes of the attempts that failed, with a comma after each
	Last     string // code of the latest failure
	Back     int64
}

// books are the payments by the time of their beginning: those that are no other's, which at LemonSqueezy the orders
// are that a subscription began with.
func books(r records.Rows) []paid {
	type line struct {
		paid
		at time.Time
	}
	var lines []line
	for key, p := range r.Payments {
		if key.Kind == records.KindOrder && beganSubscription(r, key) {
			continue
		}
		l := line{paid{p.Money.Minor, p.Status, p.Subscription, p.Price, "", p.FailureCode, 0}, p.Created}
		for _, f := range failuresOf(r, key) {
			l.Failures += f.Code + ","
		}
		for back, refund := range r.Refunds {
			if back.PaymentKey == key {
				l.Back += refund.Money.Minor
			}
		}
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.Amount, b.Amount)) })
	var out []paid
	for _, l := range lines {
		out = append(out, l.paid)
	}
	return out
}

// beganSubscription says that an order is a subscription's. Its first invoice is the same payment.
func beganSubscription(r records.Rows, order records.PaymentKey) bool {
	for key, s := range r.Subscriptions {
		if key.Account == order.Account && s.Order == order.Payment {
			return true
		}
	}
	return false
}

func failuresOf(r records.Rows, key records.PaymentKey) []records.Failure {
	var out []records.Failure
	for at, f := range r.Failures {
		if at.PaymentKey == key {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b records.Failure) int { return a.At.Compare(b.At) })
	return out
}
