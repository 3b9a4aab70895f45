package kube

import (
	"context"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

const (
	// callTimeout bounds one request; what became of it is then found out by reading.
	callTimeout = 3 * time.Second
	// watchGrace is how long the watch is waited for before the API server is asked instead.
	watchGrace     = 4 * time.Millisecond
	firstBackoff   = 20 * time.Millisecond
	longestBackoff = 2 * time.Second
)

// lane is the work that waits for one segment, which is one object: a stray in its place is none of it.
type lane struct {
	uid     types.UID
	ops     []*op
	running bool
	full    chan struct{} // closed when every claim of the segment waits to be settled
	closed  bool
}

// enqueue puts an op where its event is, or to those that wait for the next segment. The caller holds mu.
func (l *Ledger) enqueue(o *op) {
	if o.kind == opAppend {
		l.appends = append(l.appends, o)
		l.signal()
		return
	}
	p, known := l.view.index[o.key]
	if !known {
		l.redecide(o)
		return
	}
	q, s := l.lanes[p.seq], l.view.segments[p.seq]
	if q == nil {
		q = &lane{uid: s.uid, full: make(chan struct{})}
		l.lanes[p.seq] = q
	}
	q.ops = append(q.ops, o)
	if !q.closed && len(q.ops) >= int(s.claims) {
		q.closed = true
		close(q.full)
	}
	l.dispatch()
}

// dispatch sets lanes to work. The caller holds mu.
func (l *Ledger) dispatch() {
	for seq, q := range l.lanes {
		if !q.running && len(q.ops) > 0 && l.work.Err() == nil {
			q.running = true
			l.working++
			go l.runLane(l.work, seq, q)
		}
	}
}

// redecide gives an op that the ledger has overtaken a new start. The caller holds mu.
func (l *Ledger) redecide(o *op) {
	if o.abandoned {
		l.release(o)
		return
	}
	if o.kind == opSettle {
		var err error
		if p, known := l.view.index[o.key]; !known || v1alpha1.EntryState(stateNames[p.state]) != o.to {
			err = ledger.ErrLost
		}
		o.finish(ledger.Claim{}, err)
		return
	}
	now := l.opts.Clock.Now()
	answer, over := l.answer(o.key, now)
	// The old mark may have been a claim's, which another replica took over.
	l.mark(o, now)
	switch {
	case over != nil:
		l.intoTakeOver(o, over)
		l.enqueue(o)
	case answer != nil:
		l.release(o)
		o.finish(*answer, nil)
	default:
		o.kind = opAppend
		l.enqueue(o)
	}
}

// takeOps takes ops whose caller still waits out of a queue, at most most. The caller holds mu.
func (l *Ledger) takeOps(queue []*op, most int) (taken, rest []*op) {
	for i, o := range queue {
		if o.abandoned {
			l.release(o)
			continue
		}
		if len(taken) == most {
			return taken, queue[i:]
		}
		o.writing = true
		taken = append(taken, o)
	}
	return taken, nil
}

// giveBack returns ops whose write failed, before those that came since. The caller holds mu.
func (l *Ledger) giveBack(ops []*op) {
	var appends []*op
	for _, o := range ops {
		o.writing = false
		switch {
		case o.finished:
		case o.abandoned:
			l.release(o)
		case o.kind == opAppend:
			appends = append(appends, o)
		default:
			l.enqueue(o)
		}
	}
	l.appends = append(appends, l.appends...)
	l.signal()
}

// conclude carries out verdicts that are durable. The caller holds mu.
func (l *Ledger) conclude(verdicts []verdict) {
	for _, v := range verdicts {
		o := v.op
		o.writing = false
		switch {
		case v.again:
			l.redecide(o)
		case v.won:
			l.handOver(o, v.claim)
		default:
			l.release(o)
			o.finish(v.claim, v.err)
		}
	}
}

// handOver gives an event to the caller that claimed it. If the caller is gone nobody has the event in hand, and the
// next who asks for it here may have it.
func (l *Ledger) handOver(o *op, answer ledger.Claim) {
	c := l.view.claims[o.key]
	if c == nil || !c.equal(o.mark) || l.opts.Clock.Since(o.marked) >= l.opts.ClaimTimeout {
		// The answer to the write took so long that the claim was taken over, or may have been.
		l.redecide(o)
		return
	}
	c.held, c.resumed = !o.abandoned, o.resumed
	l.release(o)
	o.finish(answer, nil)
}

// take applies a version of a segment that this replica wrote or read. One that is not known although it is below the
// head was deleted by the time the answer was taken. The caller holds mu.
func (l *Ledger) take(seq uint32, o *v1alpha1.EventLedger) {
	if l.view.segments[seq] == nil && seq < l.view.head {
		return
	}
	l.takeNews(seq, o)
}

// takeNews applies a version of a segment that is news to this replica. The caller holds mu.
func (l *Ledger) takeNews(seq uint32, o *v1alpha1.EventLedger) {
	now := l.opts.Clock.Now()
	isNew := l.view.segments[seq] == nil && seq >= l.view.head
	if !l.view.apply(seq, o, now) {
		return
	}
	if isNew {
		l.tempo.note(now)
		l.turns.saw(l.view.segments[seq].writer, now)
	}
	l.view.advance()
	l.dispatch()
	l.signal()
}

// write sends the next version of a segment. On success the segment is applied and the verdicts hold. Otherwise the
// ops are given back once the segment has been read again, so that every later decision knows what became of the
// write, or that it cannot take effect any more: a later write of the version that was read excludes it.
func (l *Ledger) write(ctx context.Context, seq uint32, d *draft, ops []*op) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	at, err := l.store.Update(call, d.next)
	cancel()
	if err == nil {
		d.next.UID, d.next.ResourceVersion = at.uid, at.version
		l.mu.Lock()
		defer l.mu.Unlock()
		l.succeeded()
		l.take(seq, d.next)
		l.conclude(d.verdicts)
		return nil
	}
	base := d.next.ResourceVersion
	if apierrors.IsConflict(err) {
		l.metrics.conflicts.Inc()
	} else if !apierrors.IsNotFound(err) {
		l.failed(err, "write a segment")
	}
	l.reread(ctx, seq, base, apierrors.IsConflict(err))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveBack(ops)
	return err
}

// reread reads a segment until an answer comes. After a conflict nothing is read if the watch was faster.
func (l *Ledger) reread(ctx context.Context, seq uint32, base string, conflict bool) {
	for attempt := 0; ctx.Err() == nil; attempt++ {
		l.mu.Lock()
		s := l.view.segments[seq]
		ahead := s == nil || newer(s.version, base)
		l.mu.Unlock()
		if conflict && ahead {
			return
		}
		err := l.read(ctx, seq)
		if err == nil {
			return
		}
		l.failed(err, "read a segment")
		l.backoff(ctx, attempt)
	}
}

// read gets a segment that is known and applies it. If it does not exist any more the ledger is listed anew: its
// entries may be in another segment by now, which the watch has not shown yet.
func (l *Ledger) read(ctx context.Context, seq uint32) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	o, err := l.store.Get(call, l.names.of(seq))
	cancel()
	if apierrors.IsNotFound(err) {
		return l.catchUp(ctx)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	s := l.view.segments[seq]
	if s == nil || s.uid != o.UID {
		l.mu.Unlock()
		return l.catchUp(ctx)
	}
	defer l.mu.Unlock()
	l.succeeded()
	l.take(seq, o)
	if s.stamp == stampOf(&o.ObjectMeta) {
		s.object = o
	}
	return nil
}

func (l *Ledger) failed(err error, doing string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.work.Err() != nil {
		return
	}
	if l.failing.IsZero() {
		l.failing = l.opts.Clock.Now()
		l.log.Error(err, "the API server failed", "doing", doing)
	}
	l.signal()
}

// succeeded notes that the API server does what it is asked. The time in which it did not does not count against the
// holders of claims, who could not settle them either: an event that is done would be handed out a second time. The
// caller holds mu.
func (l *Ledger) succeeded() {
	if l.failing.IsZero() {
		return
	}
	now := l.opts.Clock.Now()
	for _, c := range l.view.claims {
		if seen := c.seen.Add(now.Sub(l.failing)); seen.Before(now) {
			c.seen = seen
		} else {
			c.seen = now
		}
	}
	l.failing = time.Time{}
}

// lost says of a failed write that another one came before it, rather than that the API server failed.
func lost(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err)
}

// backoff sleeps with full jitter.
func (l *Ledger) backoff(ctx context.Context, attempt int) {
	most := min(firstBackoff<<min(attempt, 10), longestBackoff)
	l.sleep(ctx, firstBackoff/4+rand.N(most))
}
