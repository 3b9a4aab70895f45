// Package clock is the sandbox's clock: the time at which objects are created and by which deliveries are repeated. It
// can be advanced, and run faster than the time outside.
package clock

import (
	"sync"
	"time"
)

// Clock is safe for concurrent use.
type Clock struct {
	base func() time.Time

	mu       sync.Mutex
	rate     float64
	since    time.Time     // when the rate began, outside
	elapsed  time.Duration // inside, from the start until then
	ahead    time.Duration // of base, then
	onChange []func()
}

// New starts a clock that shows what base does; nil is the system's time. What runs by the clock runs also where base
// stands still.
func New(base func() time.Time) *Clock {
	if base == nil {
		base = time.Now
	}
	return &Clock{base: base, rate: 1, since: time.Now()}
}

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	return c.base().Add(c.ahead)
}

// Ahead is how far the clock's time is from the time outside.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	return c.ahead
}

// Elapsed is the time since the clock's start, by the clock. It never goes back.
func (c *Clock) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	return c.elapsed
}

// settle brings the sums up to now.
func (c *Clock) settle() {
	now := time.Now()
	outside := now.Sub(c.since)
	inside := time.Duration(float64(outside) * c.rate)
	c.elapsed += inside
	c.ahead += inside - outside
	c.since = now
}

// Outside is how long a time by the clock lasts outside.
func (c *Clock) Outside(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(float64(d) / c.rate)
}

// Rate is how many times faster than outside the clock runs.
func (c *Clock) Rate() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rate
}

// Advance puts the clock forward. What was to happen in between happens now.
func (c *Clock) Advance(d time.Duration) {
	c.change(func() {
		c.elapsed += d
		c.ahead += d
	})
}

// SetRate makes the clock run so many times faster than outside from now on.
func (c *Clock) SetRate(rate float64) { c.change(func() { c.rate = rate }) }

// Reset makes the clock show what its base does, at the rate of 1.
func (c *Clock) Reset() { c.change(func() { c.rate, c.ahead = 1, 0 }) }

// OnChange calls f after every change of the clock.
func (c *Clock) OnChange(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onChange = append(c.onChange, f)
}

func (c *Clock) change(f func()) {
	c.mu.Lock()
	c.settle()
	f()
	calls := c.onChange
	c.mu.Unlock()
	for _, call := range calls {
		call()
	}
}
