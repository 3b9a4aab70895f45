package webhookserver

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// record is what is remembered of a WebhookEvent: some 200 bytes, never the payload.
type record struct {
	name, version string
	replay        string // nonce of a replay that is wanted, or ""
	phase         v1alpha1.EventPhase
	receivedAt    time.Time
	due           time.Time // when it needs a hand; zero: never
	rank          int64     // order in the queue
	at            int       // place in the queue, or -1
	working       bool
	round         uint64 // the list in which it was seen last
}

// index knows every event of the inbox and which is due next. It is safe for concurrent use.
type index struct {
	mu      sync.Mutex
	records map[string]*record
	queue   dueQueue
	wake    chan struct{}
	round   uint64
	pending int
	dead    int
}

func newIndex() *index { return &index{records: map[string]*record{}, wake: make(chan struct{}, 1)} }

// begin and end enclose a list: what was not seen in between is gone.
func (x *index) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.round++
}

func (x *index) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for name, r := range x.records {
		if r.round != x.round {
			x.drop(name, r)
		}
	}
}

// set takes note of an object as it is now.
func (x *index) set(e *v1alpha1.WebhookEvent, now time.Time, jitter time.Duration) {
	due, _ := dueAt(e, now, jitter)
	x.mu.Lock()
	defer x.mu.Unlock()
	r, known := x.records[e.Name]
	if !known {
		r = &record{name: e.Name, at: -1}
		x.records[e.Name] = r
	} else {
		x.count(r, -1)
	}
	r.version, r.replay, r.phase = e.ResourceVersion, replayWanted(e), e.Status.Phase
	r.receivedAt, r.due, r.round = e.Spec.ReceivedAt.Time, due, x.round
	x.count(r, 1)
	x.place(r, now)
}

// remove forgets an object.
func (x *index) remove(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, known := x.records[name]; known {
		x.drop(name, r)
	}
}

// done ends the work on a record; it is looked at again not before the given time.
func (x *index) done(name string, notBefore time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r, known := x.records[name]
	if !known {
		return
	}
	r.working = false
	if !r.due.IsZero() && r.due.Before(notBefore) {
		r.due = notBefore
	}
	x.place(r, time.Now())
}

// next waits for a record that is due and hands it out to one worker. ok is false when ctx ends.
func (x *index) next(ctx context.Context) (r record, ok bool) {
	for ctx.Err() == nil {
		wait := x.take(&r)
		if wait == 0 {
			return r, true
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-x.wake:
		}
		t.Stop()
	}
	return record{}, false
}

// take is 0 when out was filled, and otherwise how long nothing will be due.
func (x *index) take(out *record) time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.queue) == 0 {
		return time.Minute
	}
	first := x.queue[0]
	if wait := time.Until(first.due); wait > 0 {
		return wait
	}
	heap.Pop(&x.queue)
	first.working = true
	*out = *first
	if len(x.queue) > 0 {
		x.signal()
	}
	return 0
}

// summary counts the inbox. An event without a phase is pending.
func (x *index) summary() (pending, dead int, oldest time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.records {
		if waits(r.phase) && (oldest.IsZero() || r.receivedAt.Before(oldest)) {
			oldest = r.receivedAt
		}
	}
	return x.pending, x.dead, oldest
}

func waits(p v1alpha1.EventPhase) bool {
	return p != v1alpha1.EventDead && p != v1alpha1.EventDelivered
}

func (x *index) count(r *record, by int) {
	switch {
	case r.phase == v1alpha1.EventDead:
		x.dead += by
	case waits(r.phase):
		x.pending += by
	}
}

func (x *index) drop(name string, r *record) {
	x.count(r, -1)
	if r.at >= 0 {
		heap.Remove(&x.queue, r.at)
	}
	delete(x.records, name)
}

// place puts a record where it belongs in the queue. What is overdue is ranked at random, so that replicas do not
// try for the same one.
func (x *index) place(r *record, now time.Time) {
	if r.working || r.due.IsZero() {
		if r.at >= 0 {
			heap.Remove(&x.queue, r.at)
		}
		return
	}
	r.rank = r.due.UnixNano()
	if !r.due.After(now) {
		r.rank = now.UnixNano() - rand.Int64N(int64(time.Hour))
	}
	if r.at >= 0 {
		heap.Fix(&x.queue, r.at)
	} else {
		heap.Push(&x.queue, r)
	}
	x.signal()
}

func (x *index) signal() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// dueQueue is a heap by rank.
type dueQueue []*record

func (q dueQueue) Len() int           { return len(q) }
func (q dueQueue) Less(i, j int) bool { return q[i].rank < q[j].rank }
func (q dueQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push implements heap.Interface.
func (q *dueQueue) Push(v any) {
	r := v.(*record)
	r.at = len(*q)
	*q = append(*q, r)
}

// Pop implements heap.Interface.
func (q *dueQueue) Pop() any {
	old := *q
	r := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	r.at = -1
	return r
}
