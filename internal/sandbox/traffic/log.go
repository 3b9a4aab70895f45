// Package traffic carries a stand-in provider's API requests: it numbers and logs them, calls the hooks of
// tests, and does the faults that were scripted.
package traffic

import (
	"net/http"
	"sync"
)

// logLimit is how many requests the log keeps; the counters go on.
const logLimit = 100_000

// Request is one API request as the log keeps it. Keys of accounts, headers and bodies are never kept.
type Request struct {
	// N counts the API requests since the start or the last reset, from 1.
	N              int64  `json:"n"`
	Provider       string `json:"provider"`
	Method         string `json:"method"`
	Path           string `json:"path"`
	IdempotencyKey string `json:"idempotency_key,omitempty"`
	// Status is what the provider answered; 0 when it never got the request. A fault may have changed what the
	// client saw.
	Status int `json:"status"`
	// Replayed is true when the answer was a remembered one, so that nothing was done.
	Replayed bool `json:"replayed,omitempty"`
	// Fault names what went wrong by script, or is empty.
	Fault string `json:"fault,omitempty"`
}

// Write tells whether the request may change something.
func (r Request) Write() bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// Counts are the numbers of API requests since the start or the last reset.
type Counts struct {
	Reads  int64 `json:"reads"`
	Writes int64 `json:"writes"`
}

// Log remembers the latest requests in the order in which they came.
type Log struct {
	mu       sync.Mutex
	requests []Request
	first    int64 // N of requests[0]
	counts   Counts
}

// Requests returns a copy of the log.
func (l *Log) Requests() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Request{}, l.requests...)
}

// Counts returns the numbers of reads and writes.
func (l *Log) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// Reset empties the log and starts counting afresh.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests, l.first, l.counts = nil, 0, Counts{}
}

func (l *Log) begin(r Request) Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Write() {
		l.counts.Writes++
	} else {
		l.counts.Reads++
	}
	r.N = l.counts.Reads + l.counts.Writes
	if len(l.requests) == 0 {
		l.first = r.N
	}
	if len(l.requests) >= logLimit {
		half := logLimit / 2
		l.requests = append([]Request{}, l.requests[half:]...)
		l.first += int64(half)
	}
	l.requests = append(l.requests, r)
	return r
}

func (l *Log) finish(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := r.N - l.first
	if at < 0 || at >= int64(len(l.requests)) || l.requests[at].Path != r.Path {
		return // trimmed or reset meanwhile
	}
	l.requests[at] = r
}
