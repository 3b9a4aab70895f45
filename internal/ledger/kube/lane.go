package kube

import (
	"context"
	"math/rand/v2"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// runLane commits what waits for a segment, until nothing is left.
func (l *Ledger) runLane(ctx context.Context, seq uint32, q *lane) {
	// The settles of one batch come within moments of each other.
	l.gather(ctx, q)
	for losses := 0; ; losses++ {
		d, ops := l.draftLane(ctx, seq, q)
		if d == nil {
			return
		}
		switch err := l.write(ctx, seq, d, ops); {
		case err == nil:
			l.metrics.commit("settle", len(ops))
			losses = 0
		case lost(err):
			l.sleep(ctx, rand.N(l.opts.BatchWindow<<min(losses, 4)))
		default:
			l.backoff(ctx, losses)
		}
	}
}

// gather waits until all of a segment's claims are to be settled, and not for long.
func (l *Ledger) gather(ctx context.Context, q *lane) {
	timer := l.opts.Clock.NewTimer(l.opts.BatchWindow / 2)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-q.full:
	case <-ctx.Done():
	}
}

// draftLane decides what it can and returns a draft to be written, or nil when the lane is empty.
func (l *Ledger) draftLane(ctx context.Context, seq uint32, q *lane) (*draft, []*op) {
	for attempt := 0; ; {
		base, known := l.laneBase(seq, q)
		if base == nil && !known {
			return nil, nil
		}
		if base == nil {
			if err := l.read(ctx, seq); err != nil {
				l.failed(err, "read a segment")
				l.backoff(ctx, attempt)
				attempt++
			}
			if ctx.Err() != nil {
				l.closeLane(seq, q)
				return nil, nil
			}
			continue
		}
		l.mu.Lock()
		ops, _ := l.takeOps(q.ops, len(q.ops))
		q.ops = nil
		d := newDrafter(&l.view, base, 0, l.opts.ClaimTimeout, l.opts.Clock.Now())
		for _, o := range ops {
			d.add(o)
		}
		if d.changed && ctx.Err() == nil {
			l.mu.Unlock()
			return &d.draft, ops
		}
		if ctx.Err() == nil {
			l.conclude(d.verdicts)
		}
		l.mu.Unlock()
		if ctx.Err() != nil {
			l.closeLane(seq, q)
			return nil, nil
		}
	}
}

// laneBase is the segment's newest version that is kept, if it is. known is false when the lane has ended.
func (l *Ledger) laneBase(seq uint32, q *lane) (base *v1alpha1.EventLedger, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := q.ops[:0]
	for _, o := range q.ops {
		if o.abandoned {
			l.release(o)
			continue
		}
		waiting = append(waiting, o)
	}
	q.ops = waiting
	s := l.view.segments[seq]
	switch {
	case len(q.ops) == 0:
		l.endLane(seq, q)
		return nil, false
	case s == nil || s.uid != q.uid:
		// The segment was deleted, and its events with it, or was merged. What is in its place is a stray, with claims
		// that may be the very same: a Create that took long may be the second of two.
		ops := q.ops
		l.endLane(seq, q)
		for _, o := range ops {
			l.redecide(o)
		}
		return nil, false
	}
	return s.object, true
}

func (l *Ledger) closeLane(seq uint32, q *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endLane(seq, q)
}

// endLane is called once for each start of runLane. The caller holds mu.
func (l *Ledger) endLane(seq uint32, q *lane) {
	q.running = false
	l.working--
	if s := l.view.segments[seq]; s != nil && (s.claims == 0 || s.writer != l.me) {
		s.object = nil
	}
	if l.lanes[seq] == q {
		delete(l.lanes, seq)
	}
}
