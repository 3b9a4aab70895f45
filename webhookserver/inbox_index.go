package webhookserver

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// record is what is remembered of a WebhookEvent: some 400 bytes, never the payload.
type record struct {
	name, version string
	replay        string // nonce of a replay that is wanted, or ""
	phase         v1alpha1.EventPhase
	receivedAt    time.Time
	key           string // see orderKey
	at            moment
	size          int64
	claimedUntil  time.Time // zero without a claim
	waits         []*wait   // the first is the chore
	working       bool
	round         uint64 // the list in which it was seen last
}

// wait is one sink's part of a record; that of the sink "" is the chore: what has to be done to the object itself,
// which is a replay, the end of one that was delivered, or of one that is too old.
type wait struct {
	of       *record
	sink     string
	due      time.Time // zero: never
	rank     int64     // order in the queue
	at       int       // place in the queue, or -1
	attempts int32
	hurried  bool
}

// chore is the queue of what has to be done to objects.
const chore = ""

// job is a record whose turn it is, for these sinks; all that it waits for if it is a chore.
type job struct {
	record

	sinks []string
}

func (j job) chore() bool { return slices.Contains(j.sinks, chore) }

// index knows every event of the inbox and which is due next at which sink. It is safe for concurrent use.
type index struct {
	// opening says how many events may be worked on at a sink.
	opening func(sink string, now time.Time) opening
	clock   func() time.Time

	mu       sync.Mutex
	records  map[string]*record
	groups   map[string][]*record // by key, in order
	queues   map[string]*queue
	turn     int
	wake     chan struct{}
	round    uint64
	complete bool
	pending  int
	dead     int
	bytes    int64
}

func newIndex(opening func(string, time.Time) opening) *index {
	return &index{
		opening: opening, clock: time.Now, records: map[string]*record{}, groups: map[string][]*record{},
		queues: map[string]*queue{}, wake: make(chan struct{}, 1),
	}
}

// begin and end enclose a list: what was not seen in between is gone.
func (x *index) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.round++
}

func (x *index) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.records {
		if r.round != x.round {
			x.drop(r)
		}
	}
	x.complete = true
}

// loaded says that the whole inbox was seen once.
func (x *index) loaded() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.complete
}

// set takes note of an object as it is now. The first attempt at one that nobody tried is jitter away.
func (x *index) set(e *v1alpha1.WebhookEvent, now time.Time, jitter time.Duration, rules retry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r, known := x.records[e.Name]
	var before []*wait
	if !known {
		r = &record{name: e.Name, key: e.Spec.OrderKey, at: storedMoment(e), size: int64(len(e.Spec.Payload))}
		x.records[e.Name] = r
		x.join(r)
	} else {
		before = r.waits
		x.count(r, -1)
		for _, w := range before {
			x.out(w)
		}
	}
	r.version, r.replay, r.phase = e.ResourceVersion, replayWanted(e), e.Status.Phase
	r.receivedAt, r.round, r.claimedUntil = e.Spec.ReceivedAt.Time, x.round, claimedUntil(e)
	r.waits = []*wait{{of: r, sink: chore, at: -1, due: choreAt(e, now, rules)}}
	for _, name := range toDeliver(e) {
		d := deliveryOf(e.Status.Sinks, name)
		w := &wait{of: r, sink: name, at: -1, attempts: d.Attempts, due: dueAt(e, d, now, jitter)}
		if reason := x.opening(name, now).unready; reason != "" && reason == d.LastError {
			w.due = time.Time{} // it says why already
		}
		if i := slices.IndexFunc(before, func(b *wait) bool { return b.sink == name }); i >= 0 &&
			before[i].hurried && before[i].attempts == w.attempts {
			w.due, w.hurried = later(before[i].due, r.claimedUntil), true
		}
		r.waits = append(r.waits, w)
	}
	x.count(r, 1)
	x.settle(r, before, now)
}

// remove forgets an object.
func (x *index) remove(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, known := x.records[name]; known {
		x.drop(r)
	}
}

// done ends the work on a record; it is looked at again not before the given time.
func (x *index) done(j job, notBefore time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range j.sinks {
		x.queues[name].working--
	}
	x.signal()
	r, known := x.records[j.name]
	if !known {
		return
	}
	r.working = false
	for _, w := range r.waits {
		if !w.due.IsZero() && w.due.Before(notBefore) {
			w.due = notBefore
		}
	}
	x.settle(r, nil, x.clock())
}

// hurry makes everything due that waits for a sink.
func (x *index) hurry(sink string, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.records {
		for _, w := range r.waits {
			if w.sink == sink {
				w.due, w.hurried = later(now, r.claimedUntil), true
				x.place(w, now)
			}
		}
	}
	x.signal()
}

// earlier says whether an event of the key that is before the moment waits for the sink.
func (x *index) earlier(k turnKey, than moment) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	first := x.first(k.order, k.sink)
	return first != nil && first.of.at.before(than)
}

// waitingFor counts the events that wait for a sink.
func (x *index) waitingFor(sink string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	if q := x.queues[sink]; q != nil {
		return q.total
	}
	return 0
}

// next waits for what is due and hands it out. ok is false when ctx ends.
func (x *index) next(ctx context.Context) (j job, ok bool) {
	for ctx.Err() == nil {
		j, wait, ok := x.take(x.clock())
		if ok {
			return j, true
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-x.wake:
		}
		t.Stop()
	}
	return job{}, false
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

// volume is how many events are there, and the bytes of their payloads.
func (x *index) volume() (events int, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.records), x.bytes
}

func waits(p v1alpha1.EventPhase) bool {
	return p != v1alpha1.EventDead && p != v1alpha1.EventDelivered
}

// The functions below need x.mu.

func (x *index) count(r *record, by int) {
	x.bytes += int64(by) * r.size
	switch {
	case r.phase == v1alpha1.EventDead:
		x.dead += by
	case waits(r.phase):
		x.pending += by
	}
	for _, w := range r.waits {
		x.queueOf(w.sink).total += by
	}
}

func (x *index) drop(r *record) {
	x.count(r, -1)
	before := r.waits
	for _, w := range before {
		x.out(w)
	}
	r.waits = nil
	if r.key != "" {
		group := x.groups[r.key]
		i, _ := slices.BinarySearchFunc(group, r, byMoment)
		if group = slices.Delete(group, i, i+1); len(group) == 0 {
			delete(x.groups, r.key)
		} else {
			x.groups[r.key] = group
		}
	}
	delete(x.records, r.name)
	x.settle(r, before, x.clock())
}

func (x *index) join(r *record) {
	if r.key == "" {
		return
	}
	i, _ := slices.BinarySearchFunc(x.groups[r.key], r, byMoment)
	x.groups[r.key] = slices.Insert(x.groups[r.key], i, r)
}

func byMoment(a, b *record) int { return cmp.Or(a.at.compare(b.at), cmp.Compare(a.name, b.name)) }

// first is the part of the first record of a key that waits for the sink, or nil.
func (x *index) first(key, sink string) *wait {
	for _, r := range x.groups[key] {
		for _, w := range r.waits {
			if w.sink == sink {
				return w
			}
		}
	}
	return nil
}

// settle puts a record's parts where they belong after a change, and those of its key that are first now, or not any
// more.
func (x *index) settle(r *record, before []*wait, now time.Time) {
	for _, w := range r.waits {
		x.place(w, now)
	}
	if r.key != "" {
		for _, list := range [2][]*wait{before, r.waits} {
			for _, w := range list {
				if w.sink != chore {
					x.settleSink(r.key, w.sink, now)
				}
			}
		}
	}
	x.signal()
}

// settleSink looks at the first two that wait: one record changed, so no other's place did.
func (x *index) settleSink(key, sink string, now time.Time) {
	found := 0
	for _, r := range x.groups[key] {
		for _, w := range r.waits {
			if w.sink == sink {
				x.place(w, now)
				found++
			}
		}
		if found == 2 {
			return
		}
	}
}

func (x *index) signal() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}
