package checkoutserver

import (
	"errors"
	"time"

	"github.com/kassa-dev/kassa/internal/signin"
)

// Refused tokens that one address has in a minute and at once, before its next ones are not looked at. Many users,
// whose tokens expire now and then, may share an address, so it is far more than one client needs. Verifying so many
// signatures takes a hundredth of a processor.
const (
	refusedPerMinute = 600
	refusedBurst     = 200
)

func newRefusals() *limiter { return newLimiter(refusedPerMinute, refusedBurst) }

// mayTry says whether an address may present a token: a forged signature costs as much to verify as a good one, so that
// a flood of them is answered without.
func (c *settings) mayTry(address string, now time.Time) (ok bool, retryAfter time.Duration) {
	if c.refusals == nil {
		return true, 0
	}
	return c.refusals.allows(address, now)
}

// tried counts what was presented, if it was refused.
func (c *settings) tried(address string, now time.Time, err error) {
	if c.refusals != nil && errors.Is(err, signin.ErrRefused) {
		c.refusals.allow(address, now)
	}
}
