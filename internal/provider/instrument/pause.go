package instrument

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// pause keeps every request of an account back until the time that the provider asked for with Retry-After, whichever
// request it answered with that.
type pause struct {
	mu      sync.Mutex
	until   time.Time
	refused int // answers 429 that named no time, since the last other answer
}

// Bounds of the pause that Kassa makes of its own accord when a 429 names none, or one that cannot be read or is over:
// anything up to the doubled bound of the one before, but never nothing.
const (
	minPause   = 250 * time.Millisecond
	firstBound = time.Second
	lastBound  = 30 * time.Second
)

// note remembers what an answer asks for. Only 429 and 503 have a Retry-After that speaks of the whole account.
func (p *pause) note(resp *http.Response, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limited := resp.StatusCode == http.StatusTooManyRequests
	if !limited {
		p.refused = 0
	}
	if !limited && resp.StatusCode != http.StatusServiceUnavailable {
		return
	}
	wait := provider.RetryAfterOf(resp.Header, now)
	if limited && wait <= 0 {
		wait = minPause + rand.N(min(firstBound<<min(p.refused, 10), lastBound))
		p.refused++
	}
	until := now.Add(wait)
	if until.After(p.until) {
		p.until = until
	}
}

// refuse is the error of a request that may not be sent yet. Its text is the same during one pause, so that a status
// that shows it is written once.
func (p *pause) refuse(req *http.Request, of billing.Provider, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := p.until.Sub(now)
	if wait <= 0 {
		return nil
	}
	return &provider.Error{
		Class: provider.ClassRateLimited, Provider: of, Operation: provider.OperationOf(req.Context()), RetryAfter: wait,
		Message: "not sent, because the provider asked for no requests before " + p.until.UTC().Format(time.RFC3339),
	}
}
