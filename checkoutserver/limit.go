package checkoutserver

import (
	"hash/maphash"
	"sync"
	"time"
)

// limitCells is how many cells a row has; both rows are 1 MiB together, whoever comes.
const limitCells = 1 << 16

// limiter gives each client a token bucket, in memory that neither grows nor is ever given from one client to another.
// A client has a cell in each of two rows, by a hash that nobody can foresee, and may go on while one of the two has
// a token; each request takes one from both. Clients that share a cell in one row have another in the second. So no
// client gets more than its share, and a flood of new ones frees nobody: it would have to drain both rows, at more
// than limitCells times the rate, before it is felt by all.
type limiter struct {
	seed maphash.Seed
	// interval is what one request costs, and full what an untouched bucket holds, in nanoseconds.
	interval, full int64

	mu sync.Mutex
	// rows hold when a bucket is full again, in nanoseconds since 1970.
	rows [2][limitCells]int64
}

// newLimiter allows a client perMinute requests in the long run, and burst of them at once.
func newLimiter(perMinute, burst int32) *limiter {
	interval := int64(time.Minute) / int64(max(perMinute, 1))
	return &limiter{seed: maphash.MakeSeed(), interval: interval, full: interval * int64(max(burst, 1))}
}

// allow takes a token of the client's. Without one, it says when there will be one.
func (l *limiter) allow(key string, now time.Time) (ok bool, retryAfter time.Duration) {
	return l.take(key, now, 1)
}

// take is allow for a request that counts as several. Who may have fewer at once pays all of them.
func (l *limiter) take(key string, now time.Time, requests int64) (ok bool, retryAfter time.Duration) {
	return l.ask(key, now, min(requests*l.interval, l.full))
}

// allows is allow that takes nothing.
func (l *limiter) allows(key string, now time.Time) (ok bool, retryAfter time.Duration) {
	return l.ask(key, now, 0)
}

// ask takes what is said, in nanoseconds, if there is as much, and a token at least.
func (l *limiter) ask(key string, now time.Time, taken int64) (ok bool, retryAfter time.Duration) {
	hash := maphash.String(l.seed, key)
	at := now.UnixNano()
	l.mu.Lock()
	defer l.mu.Unlock()
	cells := [2]*int64{&l.rows[0][hash%limitCells], &l.rows[1][hash>>32%limitCells]}
	for _, cell := range cells {
		// No bucket is more than empty, unless the clock was put back: then it is taken for empty, and fills up again.
		*cell = min(max(*cell, at), at+l.full)
	}
	if missing := min(*cells[0], *cells[1]) + max(taken, l.interval) - at - l.full; missing > 0 {
		return false, time.Duration(missing)
	}
	for _, cell := range cells {
		*cell = min(*cell+taken, at+l.full)
	}
	return true, 0
}
