package traffic

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Fault makes API requests go wrong. Exactly one of Status, Reset and Body says how; Delay may come with any
// of them or stand alone.
//
// A Go client repeats a request by itself when a reused connection breaks and the request is a GET or carries
// an Idempotency-Key. To be seen by such a client, a Reset needs Times 2.
type Fault struct {
	// N is the place of the first request to hit among those that match, counted from 1 from the moment at which
	// the fault was added. 0 means 1.
	N int64 `json:"n,omitempty"`
	// Method and Path (a prefix, such as /v1/prices) narrow which requests match; empty matches all.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	// Times is how many matching requests in a row are hit: 0 means 1, -1 means all that follow.
	Times int `json:"times,omitempty"`

	// Status is answered instead of the provider's answer, in the provider's error format.
	Status int `json:"status,omitempty"`
	// RetryAfter is the value of that answer's Retry-After header; empty sends none.
	RetryAfter string `json:"retry_after,omitempty"`
	// Saved makes the Status a failure within the provider's own work, so that it is remembered under the
	// request's idempotency key and replayed.
	Saved bool `json:"saved,omitempty"`
	// Reset breaks the connection instead of answering.
	Reset bool `json:"reset,omitempty"`
	// Body spoils the answer: "truncated" cuts it in the middle and breaks the connection, "garbage" sends bytes
	// that are no JSON. The request is always carried out.
	Body string `json:"body,omitempty"`
	// After carries the request out before it goes wrong; otherwise nothing is changed.
	After bool `json:"after,omitempty"`
	// DelayMillis is how long to wait: before the work, with the idempotency key held, or with After between the
	// work and the answer.
	DelayMillis int `json:"delay_ms,omitempty"`
}

// The values of Fault.Body.
const (
	BodyTruncated = "truncated"
	BodyGarbage   = "garbage"
)

// Validate tells what is wrong with the fault.
func (f Fault) Validate() error {
	ways := 0
	for _, set := range []bool{f.Status != 0, f.Reset, f.Body != ""} {
		if set {
			ways++
		}
	}
	switch {
	case ways > 1:
		return errors.New("status, reset and body exclude each other")
	case ways == 0 && f.DelayMillis == 0:
		return errors.New("one of status, reset, body and delay_ms is needed")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return errors.New("status must be from 400 to 599")
	case f.Body != "" && f.Body != BodyTruncated && f.Body != BodyGarbage:
		return fmt.Errorf("body must be %q or %q", BodyTruncated, BodyGarbage)
	case f.Saved && f.Status == 0:
		return errors.New("saved needs a status")
	case f.N < 0 || f.Times < -1 || f.DelayMillis < 0:
		return errors.New("n, times and delay_ms must not be negative, except times -1")
	}
	return nil
}

// String names the fault in the log.
func (f Fault) String() string {
	name := "delay"
	switch {
	case f.Status != 0:
		name = fmt.Sprintf("status %d", f.Status)
	case f.Reset:
		name = "reset"
	case f.Body != "":
		name = f.Body + " body"
	}
	if f.After {
		name += " after commit"
	}
	return name
}

func (f Fault) matches(r Request) bool {
	return (f.Method == "" || strings.EqualFold(f.Method, r.Method)) && strings.HasPrefix(r.Path, f.Path)
}

// Faults is the script. The zero value is an empty one.
type Faults struct {
	mu      sync.Mutex
	entries []*scripted
}

type scripted struct {
	Fault
	seen int64
}

// Add appends to the script. The first fault that hits a request is the only one that does.
func (s *Faults) Add(faults ...Fault) error {
	for _, f := range faults {
		if err := f.Validate(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.entries = append(s.entries, &scripted{Fault: f})
	}
	return nil
}

// Clear empties the script.
func (s *Faults) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = nil
}

// next counts the request and returns the fault that hits it, or nil.
func (s *Faults) next(r Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hit *Fault
	for _, e := range s.entries {
		if !e.matches(r) {
			continue
		}
		e.seen++
		from := max(e.N, 1)
		within := e.Times < 0 || e.seen < from+int64(max(e.Times, 1))
		if hit == nil && e.seen >= from && within {
			f := e.Fault
			hit = &f
		}
	}
	return hit
}

type faultKey struct{}

func faultOf(ctx context.Context) *Fault {
	f, _ := ctx.Value(faultKey{}).(*Fault)
	return f
}

// Begin is called by a provider when it starts a request's work, with the idempotency key held. It waits when
// the script says so, and returns the failure that the work must end with, or nil.
func Begin(ctx context.Context) *Failure {
	f := faultOf(ctx)
	if f == nil {
		return nil
	}
	if !f.After {
		wait(ctx, f.DelayMillis)
	}
	if f.Saved {
		return &Failure{Status: f.Status, AfterCommit: f.After}
	}
	return nil
}

// Failure is a scripted failure within the provider's own work.
type Failure struct {
	Status int
	// AfterCommit: the work is done, and its answer is lost.
	AfterCommit bool
}

func wait(ctx context.Context, millis int) {
	if millis == 0 {
		return
	}
	timer := time.NewTimer(time.Duration(millis) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
