package kube

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// appendLoop makes one segment after another from the claims that wait. What arrives during a write goes with the next.
func (l *Ledger) appendLoop(ctx context.Context) {
	for failures := 0; l.awaitTurn(ctx); {
		err := l.commit(ctx)
		if err == nil {
			failures = 0
			continue
		}
		l.failed(err, "append to the ledger")
		l.backoff(ctx, failures)
		failures++
	}
}

// awaitTurn returns when claims wait and the time to write has come, or when the API server has failed: then it must be
// tried even if no claim is let in.
func (l *Ledger) awaitTurn(ctx context.Context) bool {
	for ctx.Err() == nil {
		l.mu.Lock()
		wanted := l.loaded && (len(l.appends) > 0 || !l.failing.IsZero())
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

// commit makes one attempt. An error means that no segment could be made, and not because another replica was first.
func (l *Ledger) commit(ctx context.Context) error {
	l.mu.Lock()
	if !l.loaded { // any more: somebody deleted the anchor, and the head is not known
		l.mu.Unlock()
		return nil
	}
	seq := l.view.head
	if len(l.appends) == 0 {
		l.mu.Unlock()
		return l.probe(ctx)
	}
	if l.view.segments[seq] != nil {
		l.mu.Unlock()
		return l.look(ctx, seq)
	}
	ops, rest := l.takeOps(l.appends, l.opts.MaxEntries)
	l.appends = rest
	d := newDrafter(&l.view, l.blank(seq), len(ops), l.opts.ClaimTimeout, l.opts.Clock.Now())
	for _, o := range ops {
		d.add(o)
	}
	if !d.changed {
		l.conclude(d.verdicts)
		l.mu.Unlock()
		return nil
	}
	begun := l.opts.Clock.Now()
	l.committing = true
	l.mu.Unlock()

	made, err := l.create(ctx, seq, &d.draft, ops)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.committing = false
	switch {
	case made:
		l.turns.wrote(begun, l.opts.Clock.Now())
		l.metrics.commit("append", len(ops))
	case lost(err):
		if l.turns.lost(l.opts.Clock.Now(), rand.Float64()) {
			l.background(l.ask)
		}
		return nil
	}
	return err
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
	l.succeeded()
	return nil
}

// create makes a segment with all of its events. They are handed out when it is proved that the object is the first of
// its sequence. If it is not, or if that cannot be found out, the ops are given back once it is known what there is.
func (l *Ledger) create(ctx context.Context, seq uint32, d *draft, ops []*op) (made bool, err error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	at, err := l.store.Create(call, d.next)
	cancel()
	if err == nil {
		d.next.UID, d.next.ResourceVersion = at.uid, at.version
		if made, err = l.proveOwn(ctx, seq, d); made {
			return true, nil
		}
	}
	if apierrors.IsAlreadyExists(err) {
		l.metrics.conflicts.Inc()
	} else if err != nil {
		l.failed(err, "make a segment")
	}
	for attempt := 0; ctx.Err() == nil; attempt++ {
		lookErr := l.look(ctx, seq)
		if lookErr == nil {
			break
		}
		l.failed(lookErr, "read a segment")
		l.backoff(ctx, attempt)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveBack(ops)
	return false, err
}

// proveOwn proves a segment that this replica made, by the watch if that was faster than the answer, and concludes
// its draft. One that turns out to be no first object is deleted: nobody counts what is in it.
func (l *Ledger) proveOwn(ctx context.Context, seq uint32, d *draft) (done bool, err error) {
	if l.shown(ctx, seq, d) {
		return true, nil
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	anchor, err := l.store.Get(call, l.names.of(anchorSeq))
	if err != nil {
		return false, err
	}
	b, err := boundsOf(anchor)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	same := anchor.UID == l.view.anchorUID
	if same && b.cover(seq) {
		l.view.learn(anchor, b)
		l.concludeMade(seq, d)
		l.mu.Unlock()
		return true, nil
	}
	l.mu.Unlock()
	if same {
		_ = l.store.Delete(call, d.next.Name, stampOf(&d.next.ObjectMeta))
	}
	return false, l.catchUp(ctx)
}

// shown waits a moment for the watch to prove a segment, which is about to come and spares the API server a request.
func (l *Ledger) shown(ctx context.Context, seq uint32, d *draft) bool {
	timer := l.opts.Clock.NewTimer(watchGrace)
	defer timer.Stop()
	defer l.signal() // what woke this may have been meant for the loop
	for {
		l.mu.Lock()
		s := l.view.segments[seq]
		proved := s != nil && s.uid == d.next.UID && s.first
		if proved {
			l.concludeMade(seq, d)
		}
		l.mu.Unlock()
		if proved {
			return true
		}
		select {
		case <-l.wake:
		case <-timer.C():
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// concludeMade takes in a segment that is proved, and hands out what is in it. The caller holds mu.
func (l *Ledger) concludeMade(seq uint32, d *draft) {
	l.succeeded()
	l.take(seq, d.next)
	l.view.prove(seq, d.next.UID)
	l.conclude(d.verdicts)
	l.signal()
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

// look reads the segment of a sequence and proves it. Without an error it is proved, or does not exist, or the ledger
// was listed anew because this replica was behind.
func (l *Ledger) look(ctx context.Context, seq uint32) error {
	if seq == anchorSeq {
		return errBehind
	}
	l.mu.Lock()
	before := l.view.segments[seq]
	known := before != nil && before.first
	l.mu.Unlock()
	if known {
		return nil // the watch was faster
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	o, err := l.store.Get(call, l.names.of(seq))
	if apierrors.IsNotFound(err) {
		if before != nil {
			return l.catchUp(ctx)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read segment %d: %w", seq, err)
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
	return l.catchUp(ctx)
}

// proveBy takes in a segment if the anchor, which was read after it, shows it to be the first of its sequence.
func (l *Ledger) proveBy(anchor *v1alpha1.EventLedger, seq uint32, o *v1alpha1.EventLedger) (bool, error) {
	b, err := boundsOf(anchor)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if anchor.UID != l.view.anchorUID || !b.cover(seq) {
		return false, nil
	}
	l.succeeded()
	l.view.learn(anchor, b)
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
