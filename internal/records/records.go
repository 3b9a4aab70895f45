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
// events of which nothing else is known, so that the result is at least the same everywhere.
//
// # Doubt
//
// A subscription of which two events of its latest moment told different things is Tied, which merges as all else does.
// It is Doubtful until it was read at the provider, and Asked is the moment up to which it was: also where the reading
// decided nothing, because the provider has the subscription no more.
//
// Payments and disputes are not read again. What is added up of them, whether and how much was paid, given back or is
// disputed, finality decides: an event that says so wins over all that do not, whenever they happened. Two passing
// states of one moment differ in how a payment is being waited for, and the payment's next event ends that.
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
	"regexp"
	"strconv"
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
	return Version(fmt.Sprintf("%d|%016d|%d|%s", finality, min(max(at.UnixMicro(), 0), latest), rank, id))
}

// latest is the greatest number of 16 digits, in the year 2286.
const latest = 9_999_999_999_999_999

// Moment is a version without its id: nothing but ids tells which of its events is the latest. They are compared as
// versions are.
type Moment string

// MomentLength is how much of a version is its moment.
const MomentLength = len("0|0000000000000000|0|")

// Moment is empty where there is no version.
func (v Version) Moment() Moment { return Moment(v[:min(len(v), MomentLength)]) }

var moments = regexp.MustCompile(`^\d\|(\d{16})\|\d\|$`)

// Time is that of the moment's events; false for what is no moment.
func (m Moment) Time() (time.Time, bool) {
	found := moments.FindStringSubmatch(string(m))
	if found == nil {
		return time.Time{}, false
	}
	micros, err := strconv.ParseInt(found[1], 10, 64)
	return time.UnixMicro(micros).UTC(), err == nil
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
