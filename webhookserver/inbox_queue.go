package webhookserver

import (
	"container/heap"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// inboxPerSink is how many events of the inbox one replica delivers to a sink at once.
const inboxPerSink = 8

// opening is what may be done with the events that wait for a sink.
type opening struct {
	most    int       // events at once
	probe   bool      // the sink is down: one event, whenever it is due
	until   time.Time // with most 0: not before
	unready string    // why nothing can be sent, or ""
}

// openingOf is a sink's opening under these settings.
func openingOf(s *settings, name string, now time.Time) opening {
	if s == nil {
		return opening{until: now.Add(time.Second)}
	}
	i := slices.IndexFunc(s.sinks, func(to sink) bool { return to.name == name })
	if i < 0 {
		return opening{most: inboxPerSink, unready: missingSink}
	}
	to := s.sinks[i]
	if to.unready != "" {
		return opening{most: inboxPerSink, unready: to.unready}
	}
	p := to.line.circuit.passage(now)
	switch {
	case !p.open:
		return opening{most: min(inboxPerSink, cap(to.line.slots))}
	case p.probe:
		return opening{most: 1, probe: true}
	default:
		return opening{until: p.until}
	}
}

// queue has what waits for one sink.
type queue struct {
	dueQueue

	total   int // parts of records, in the queue or not
	working int
}

func (x *index) queueOf(sink string) *queue {
	q := x.queues[sink]
	if q == nil {
		q = &queue{}
		x.queues[sink] = q
	}
	return q
}

func (x *index) openingOf(sink string, now time.Time) opening {
	if sink == chore {
		return opening{most: inboxPerSink}
	}
	return x.opening(sink, now)
}

// take hands out what is due, the sinks by turns. Without any it says how long to wait.
func (x *index) take(now time.Time) (j job, wait time.Duration, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.turn++
	names := slices.Sorted(maps.Keys(x.queues))
	next := now.Add(time.Minute)
	sooner := func(at time.Time) {
		if at.Before(next) {
			next = at
		}
	}
	for i := range names {
		name := names[(i+x.turn)%len(names)]
		q := x.queues[name]
		if q.total == 0 && q.working == 0 {
			delete(x.queues, name)
			continue
		}
		if q.Len() == 0 {
			continue
		}
		g := x.openingOf(name, now)
		switch {
		case q.working >= g.most:
			if g.most == 0 {
				sooner(g.until)
			}
		case g.probe:
			if w := q.freshest(now); w != nil {
				return x.hand(w, now), 0, true
			}
			sooner(now.Add(time.Second))
		case q.dueQueue[0].due.After(now):
			sooner(q.dueQueue[0].due)
		default:
			return x.hand(q.dueQueue[0], now), 0, true
		}
	}
	return job{}, max(next.Sub(now), time.Millisecond), false
}

// hand takes a record out of the queues, for this part and the others that are due.
func (x *index) hand(first *wait, now time.Time) job {
	r := first.of
	j := job{record: *r}
	for _, w := range r.waits {
		if w != first {
			if w.at < 0 || w.due.After(now) {
				continue
			}
			if g := x.openingOf(w.sink, now); g.probe || x.queues[w.sink].working >= g.most {
				continue
			}
		}
		w.hurried = false
		j.sinks = append(j.sinks, w.sink)
		x.queueOf(w.sink).working++
	}
	r.working = true
	for _, w := range r.waits {
		x.out(w)
	}
	return j
}

// place puts a part where it belongs in its queue: into it, if nothing else has to come first. What is overdue is
// ranked at random, so that replicas do not try for the same one.
func (x *index) place(w *wait, now time.Time) {
	r := w.of
	first := r.key == "" || w.sink == chore || x.first(r.key, w.sink) == w
	if r.working || w.due.IsZero() || !first {
		x.out(w)
		return
	}
	w.rank = w.due.UnixNano()
	if !w.due.After(now) {
		w.rank = now.UnixNano() - rand.Int64N(int64(time.Hour))
	}
	q := x.queueOf(w.sink)
	if w.at >= 0 {
		heap.Fix(&q.dueQueue, w.at)
	} else {
		heap.Push(&q.dueQueue, w)
	}
}

func (x *index) out(w *wait) {
	if w.at >= 0 {
		heap.Remove(&x.queueOf(w.sink).dueQueue, w.at)
	}
}

// dueQueue is a heap by rank.
type dueQueue []*wait

// freshest is the one that was tried least, of those that nobody has in hand: what makes an app fail once does so
// again.
func (q dueQueue) freshest(now time.Time) *wait {
	var out *wait
	for _, w := range q {
		if now.Before(w.of.claimedUntil) {
			continue
		}
		if out == nil || w.attempts < out.attempts {
			out = w
		}
	}
	return out
}

func (q dueQueue) Len() int           { return len(q) }
func (q dueQueue) Less(i, j int) bool { return q[i].rank < q[j].rank }
func (q dueQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push implements heap.Interface.
func (q *dueQueue) Push(v any) {
	w := v.(*wait)
	w.at = len(*q)
	*q = append(*q, w)
}

// Pop implements heap.Interface.
func (q *dueQueue) Pop() any {
	old := *q
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	w.at = -1
	return w
}
