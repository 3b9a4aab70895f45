package stripe

import (
	"time"

	stripe "github.com/stripe/stripe-go/v76"
)

// Stripe's bounds of a session's life, with a minute for the way there and for clocks that differ.
const (
	shortestSession = 31 * time.Minute
	longestSession  = 24*time.Hour - time.Minute
)

// sessionEnds are what to send as a session's end, one after the other until Stripe does not say that the idempotency
// key was used with another end. The first is that of a new session. The others are those with which the same purchase
// may have made one that is still open: a step later, by a clock that was ahead, and all steps before. With a key that
// was used Stripe makes nothing, and the one request that fits is answered with the session that was made.
//
// The one end of nil leaves it to Stripe, which takes a day, where that is as near as it lets come.
func sessionEnds(at time.Time, step time.Duration, now time.Time) []*int64 {
	switch {
	case at.IsZero() || step == 0 && at.Sub(now) > longestSession:
		return []*int64{nil}
	case step == 0:
		return []*int64{seconds(latest(at, now.Add(shortestSession)))}
	}
	for at.Sub(now) < shortestSession {
		at = at.Add(step)
	}
	ends := []*int64{seconds(at), seconds(at.Add(step))}
	for at = at.Add(-step); at.After(now); at = at.Add(-step) {
		ends = append(ends, seconds(at))
	}
	return ends
}

func seconds(t time.Time) *int64 { return stripe.Int64(t.Unix()) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
