// Package records turns events into the rows that a company asks: its customers, subscriptions, payments, failures,
// refunds and disputes. It is pure; internal/store writes what it says into PostgreSQL.
//
// # Why the order of events does not matter
//
// Providers send events out of order, several times, and with clocks of whole seconds. So a row is a function of the
// set of events that told of it, and of nothing else. Each column is one of
//
//   - the least or the greatest value that any event told, such as the time of the first event;
//   - part of a snapshot: all of its columns belong to the event whose version is the greatest.
//
// Least, greatest, and "that of the greatest version" are associative, commutative and idempotent, and so is a merge of
// rows, which is the product of them. Whoever merges the same events gets the same row: in any order, in any batches,
// any of them twice, in Go (Merge) or in SQL (internal/store). A test merges them in every order.
//
// # Versions
//
// A version is a text, compared byte by byte: how final the state is that the event told, its time by the provider's
// clock, its rank among events of that time, and its id. What is final comes first: no event leads out of a state
// that the provider's objects never leave (a subscription that ended, a payment that was paid), however late it
// comes. Rank says what is known of events of the same moment: what begins an object comes before what changes it,
// and what was read from the provider after the events of a moment comes after all of them. The id decides between
// events of which nothing else is known, so that the result is at least the same everywhere; Doubtful says that it
// did, and the object is read again.
//
// # Money
//
// Each payment is one row, under the id that all events of it have, and what was given back of it is in rows of their
// own. Its status is Refunded once the provider said that this was all of it; of several partial refunds Paddle never
// does, so what was earned is what was paid less what was given back, whatever the status. LemonSqueezy alone tells one
// payment under two ids: the order that a subscription began with (Subscription.Order) is the same money as the
// subscription's first invoice, and is not to be added up beside it.
package records

import (
	"fmt"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Account is whose records they are.
type Account struct {
	Provider billing.Provider
	ID       string
}

// Rows are what events tell, one row for each thing, with the key of the account.
type Rows struct {
	Customers     map[CustomerKey]Customer
	Subscriptions map[SubscriptionKey]Subscription
	Payments      map[PaymentKey]Payment
	Failures      map[FailureKey]Failure
	Refunds       map[RefundKey]Refund
	Disputes      map[DisputeKey]Dispute
}

// Version orders snapshots of one thing. The zero value is before all others.
type Version string

// How final what an event tells is.
const (
	passing = 0 // may change any time
	settled = 1 // a subscription that ended, a payment that was paid
	undone  = 2 // a payment that was given back
)

// Rank of events of one moment.
const (
	rankBegin  = 1 // the event that begins an object
	rankChange = 5
	rankRead   = 9 // read from the provider afterwards
)

// version of a snapshot. Microseconds are what PostgreSQL keeps, and no provider tells more that means anything.
func version(finality int, at time.Time, rank int, id string) Version {
	return Version(fmt.Sprintf("%d|%016d|%d|%s", finality, max(at.UnixMicro(), 0), rank, id))
}

// moment is a version without the id.
func (v Version) moment() string {
	if i := strings.LastIndexByte(string(v), '|'); i >= 0 && len(v) > momentLength {
		return string(v[:momentLength])
	}
	return ""
}

const momentLength = len("0|0000000000000000|0|")

// Doubtful says of two different snapshots of one thing that nothing but their ids tells which is the later one.
func Doubtful(a, b Version) bool {
	return a != b && a != "" && a.moment() == b.moment()
}

// least of two times, of which the zero one is none.
func least(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// greatest of two times, of which the zero one is none.
func greatest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
