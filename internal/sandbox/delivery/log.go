package delivery

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
)

// The bounds of what a queue remembers: at least so many, and at most twice as many.
const (
	attemptLog = 10_000
	sentLog    = 5_000
)

// log is what a queue remembers. The queue is locked.
type log struct {
	attempts []Attempt
	jobs     []Job // the latest that were sent, oldest first, without those that were repeated
	totals   map[endpoint]*Totals
}

type endpoint struct{ provider, id string }

func newLog() log { return log{totals: map[endpoint]*Totals{}} }

// keep appends to a list that loses its older half when it has twice the bound.
func keep[T any](list []T, bound int, x T) []T {
	if len(list) >= 2*bound {
		list = append(make([]T, 0, 2*bound), list[len(list)-bound:]...)
	}
	return append(list, x)
}

func (l *log) of(provider, id string) *Totals {
	at := endpoint{provider, id}
	if l.totals[at] == nil {
		l.totals[at] = &Totals{Provider: provider, Endpoint: id, Statuses: map[int]int64{}}
	}
	return l.totals[at]
}

func (l *log) sent(job Job) {
	l.jobs = keep(l.jobs, sentLog, job)
	l.of(job.Provider, job.Endpoint).Messages++
}

func (l *log) tried(o Outcome) {
	t := l.of(o.Provider, o.Endpoint)
	switch {
	case o.Delivered:
		t.Delivered++
	case o.Final():
		t.GivenUp++
	}
	if o.Gone() {
		return
	}
	t.Attempts++
	t.Statuses[o.Status]++
	l.attempts = keep(l.attempts, attemptLog, o.Attempt)
}

// Attempts returns the latest attempts, oldest first: some ten thousand at least.
func (q *Queue) Attempts() []Attempt {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]Attempt{}, q.log.attempts...)
}

// Totals are the sums of every endpoint that was sent anything, however long ago, sorted by provider and id.
func (q *Queue) Totals() []Totals {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := []Totals{}
	for _, t := range q.log.totals {
		c := *t
		c.Statuses = maps.Clone(t.Statuses)
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Totals) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Endpoint, b.Endpoint))
	})
	return out
}

// Repeat sends a message once more to an endpoint, or to every one that it went to where endpoint is empty, whatever
// became of it before. It returns how many deliveries that makes; 0 if the message is not remembered any more. Some
// five thousand messages are.
func (q *Queue) Repeat(message, endpoint string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for _, job := range q.log.jobs {
		if job.Message == message && (endpoint == "" || job.Endpoint == endpoint) {
			job.repeated = true
			q.enqueue(job)
			n++
		}
	}
	return n
}

// Order is how messages that were held are released.
type Order string

// Orders.
const (
	AsSent   Order = ""
	Reversed Order = "reversed"
	Shuffled Order = "shuffled"
)

// Hold keeps all messages back that are sent from now on, until Release. Repeated attempts of older ones go on.
func (q *Queue) Hold() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.holding = true
}

// Release sends what was held, in an order, and returns how many messages that are. The seed is that of Shuffled. Each
// goes when the attempt of the one before it has ended, whatever came of that.
func (q *Queue) Release(order Order, seed uint64) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	held := q.held
	q.held, q.holding = nil, false
	switch order {
	case Reversed:
		slices.Reverse(held)
	case Shuffled:
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(held), func(i, j int) {
			held[i], held[j] = held[j], held[i]
		})
	}
	if q.draining {
		return 0
	}
	q.released = append(q.released, held...)
	if !q.leading {
		q.follow()
	}
	return len(held)
}

// Lose drops what was held, as a provider does that has tried for days, and returns how many messages that are.
func (q *Queue) Lose() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	lost := len(q.held)
	q.held, q.holding = nil, false
	return lost
}

// follow makes the first of what was released ready. The queue is locked.
func (q *Queue) follow() {
	if len(q.released) == 0 {
		return
	}
	next := q.released[0]
	q.released = q.released[1:]
	next.leads, q.leading = true, true
	q.ready = append(q.ready, next)
	q.wake.Broadcast()
}
