package kube

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// appendLoop commits what waits for the head, one write at a time. What arrives during a write goes with the next.
func (l *Ledger) appendLoop(ctx context.Context) {
	for failures := 0; l.awaitTurn(ctx); {
		err := l.commitHead(ctx)
		if err == nil {
			failures = 0
			continue
		}
		l.failed(err, "append to the ledger")
		l.backoff(ctx, failures)
		failures++
	}
}

// awaitTurn returns when the head has work and the time to do it has come, or when the API server has failed: then
// it must be tried even if no claim is let in.
func (l *Ledger) awaitTurn(ctx context.Context) bool {
	for ctx.Err() == nil {
		l.mu.Lock()
		wanted := l.loaded && (l.headWork() || !l.failing.IsZero())
		var wait time.Duration
		if wanted {
			wait = l.turns.delay(l.opts.Clock.Now())
		}
		l.mu.Unlock()
		if wanted && wait <= 0 {
			return true
		}
		l.pause(ctx, wanted, wait)
	}
	return false
}

// pause until something changes, or for as long as is to be waited.
func (l *Ledger) pause(ctx context.Context, timed bool, wait time.Duration) {
	if !timed {
		select {
		case <-l.wake:
		case <-ctx.Done():
		}
		return
	}
	timer := l.opts.Clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-l.wake:
	case <-ctx.Done():
	}
}

func (l *Ledger) headWork() bool {
	q := l.lanes[l.view.head]
	return len(l.appends) > 0 || (q != nil && !q.running && len(q.ops) > 0)
}

// commitHead makes one attempt. An error means that no segment could be made ready to write to.
func (l *Ledger) commitHead(ctx context.Context) error {
	l.mu.Lock()
	seq, head := l.view.head, l.view.writable()
	if !l.headWork() {
		l.mu.Unlock()
		return l.probe(ctx)
	}
	if head == nil {
		l.mu.Unlock()
		return l.makeSegment(ctx, seq)
	}
	replicas, _ := l.turns.ring(l.opts.Clock.Now())
	limit := l.tempo.limit(l.opts.MaxEntries, replicas)
	d, ops := l.draftHead(seq, head, limit)
	if !d.changed {
		l.conclude(d.verdicts)
		l.mu.Unlock()
		return nil
	}
	begun := l.opts.Clock.Now()
	l.committing = true
	l.mu.Unlock()

	err := l.write(ctx, seq, d, ops)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.committing = false
	if lost(err) {
		if l.turns.lost(l.opts.Clock.Now(), rand.Float64()) {
			l.background(l.ask)
		}
		return nil
	}
	if err != nil {
		return err
	}
	l.turns.wrote(begun, l.opts.Clock.Now())
	l.metrics.commit("append", len(ops))
	switch full := len(d.next.Status.Entries) >= limit/2; {
	case full && l.view.head == seq:
		l.makeSpare(seq + 1)
	case l.view.head == seq+1 && limit < l.opts.MaxEntries:
		// Under load the next batch fills the new head.
		l.makeSpare(seq + 2)
	}
	return nil
}

// probe finds out whether the API server is back.
func (l *Ledger) probe(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := l.store.Get(call, l.names.of(anchorSeq)); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = time.Time{}
	return nil
}

// draftHead takes waiting ops into the next version of the head. The caller holds mu.
func (l *Ledger) draftHead(seq uint32, head *segment, limit int) (*draft, []*op) {
	room := max(l.opts.MaxEntries-int(head.entries), 0)
	appends, rest := l.takeOps(l.appends, room)
	l.appends = rest
	var ops []*op
	if q := l.lanes[seq]; q != nil && !q.running {
		ops, _ = l.takeOps(q.ops, len(q.ops))
		delete(l.lanes, seq)
	}
	d := newDrafter(&l.view, head.object, len(appends), l.opts.ClaimTimeout, l.opts.Clock.Now())
	ops = append(ops, appends...)
	for _, o := range ops {
		d.add(o)
	}
	n := len(d.next.Status.Entries)
	spare := l.view.segments[seq+1]
	if n >= l.opts.MaxEntries || (d.changed && n >= limit && spare != nil && spare.first) {
		d.seal()
	}
	return &d.draft, ops
}

// makeSpare makes the next segment in the background, so that nobody waits for it. The caller holds mu.
func (l *Ledger) makeSpare(seq uint32) {
	if l.making || l.view.segments[seq] != nil {
		return
	}
	l.making = true
	l.background(func(ctx context.Context) {
		err := l.makeSegment(ctx, seq)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.making = false
		if err != nil {
			l.log.V(1).Info("no spare segment yet", "reason", err.Error())
		}
	})
}

// background does something that nobody waits for but the end of Run. The caller holds mu.
func (l *Ledger) background(do func(context.Context)) {
	if l.work.Err() != nil {
		return
	}
	l.working++
	go func() {
		do(l.work)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.working--
	}()
}

// ask the other replicas for a turn. It is a courtesy: whether the note arrives is of no consequence for what is true.
func (l *Ledger) ask(ctx context.Context) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	anchor, err := l.store.Get(call, l.names.of(anchorSeq))
	if err == nil {
		next := revised(anchor, l.me, 0)
		next.Annotations[AnnotationAsked] = micros(l.opts.Clock.Now()).Format(time.RFC3339Nano)
		_, err = l.store.Update(call, next)
	}
	if err != nil {
		l.log.V(1).Info("cannot ask for a turn", "reason", err.Error())
	}
}

// errBehind: the ledger has gone on without this replica, which now lists it.
var errBehind = errors.New("this replica was behind")

// makeSegment makes the segment of a sequence, empty, unless it exists, and proves that it is the first object of
// that sequence: an object that exists while the floor is not above it was never deleted before.
func (l *Ledger) makeSegment(ctx context.Context, seq uint32) error {
	if seq == anchorSeq {
		return errBehind
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	o := l.blank(seq)
	at, err := l.store.Create(call, o)
	switch {
	case err == nil:
		l.metrics.commit("segment", 0)
		o.UID, o.ResourceVersion = at.uid, at.version
	case apierrors.IsAlreadyExists(err):
		if o, err = l.store.Get(call, o.Name); apierrors.IsNotFound(err) {
			return l.catchUp(ctx)
		}
		if err != nil {
			return fmt.Errorf("read segment %d: %w", seq, err)
		}
	default:
		return fmt.Errorf("create segment %d: %w", seq, err)
	}
	anchor, err := l.store.Get(call, l.names.of(anchorSeq))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("read the anchor: %w", err)
	}
	if err == nil {
		proved, err := l.proveBy(anchor, seq, o)
		if proved || err != nil {
			return err
		}
	}
	if at.uid != "" {
		// It is empty and nobody will ever add to it.
		_ = l.store.Delete(call, o.Name, at)
	}
	return l.catchUp(ctx)
}

// proveBy takes in a segment if the anchor, which was read after it, shows it to be the first of its sequence.
func (l *Ledger) proveBy(anchor *v1alpha1.EventLedger, seq uint32, o *v1alpha1.EventLedger) (bool, error) {
	floor, err := floorOf(anchor)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if anchor.UID != l.view.anchorUID || floor > seq {
		return false, nil
	}
	l.failing = time.Time{}
	l.view.floor = max(l.view.floor, floor)
	l.take(seq, o)
	l.view.prove(seq, o.UID)
	l.signal()
	return true, nil
}

// catchUp lists the ledger anew.
func (l *Ledger) catchUp(ctx context.Context) error {
	if _, err := l.load(ctx); err != nil {
		return err
	}
	l.log.V(1).Info("listed the ledger again", "reason", errBehind.Error())
	return nil
}

func (l *Ledger) anchorObject(floor uint32) *v1alpha1.EventLedger {
	o := l.blank(anchorSeq)
	o.Annotations = map[string]string{AnnotationFloor: strconv.FormatUint(uint64(floor), 10)}
	return o
}
