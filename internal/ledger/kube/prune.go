package kube

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	pruneEvery = time.Minute
	// pruneMost bounds one round. A round takes seconds, and a minute of 2 000 events/s makes some 3 000 segments.
	pruneMost = 5000
)

// pruneLoop deletes old segments. Every replica does it; whoever comes second finds nothing.
func (l *Ledger) pruneLoop(ctx context.Context) {
	for {
		every := min(pruneEvery, max(l.opts.Retention()/4, 100*time.Millisecond))
		if !l.sleep(ctx, every/2+rand.N(every)) {
			return
		}
		if err := l.prune(ctx); err != nil {
			l.log.V(1).Info("cannot prune now", "reason", err.Error())
		}
	}
}

// prune deletes segments all of whose events are old, and strays that a replica left that was behind. The floor
// is raised first: see the package comment.
func (l *Ledger) prune(ctx context.Context) error {
	old := l.outdated()
	if len(old) == 0 {
		return nil
	}
	seqs := make([]uint32, 0, len(old))
	for seq := range old {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	if err := l.raiseFloor(ctx, seqs[len(seqs)-1]+1); err != nil {
		return err
	}
	for _, seq := range seqs {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		err := l.store.Delete(call, l.names.of(seq), old[seq])
		cancel()
		switch {
		case err == nil:
			l.metrics.pruned.Inc()
		case !apierrors.IsNotFound(err) && !apierrors.IsConflict(err):
			return err
		}
	}
	return nil
}

// outdated segments, in the versions that were found to be so. A claim as old as that is given up: the provider has
// long stopped to ask for it.
func (l *Ledger) outdated() map[uint32]stamp {
	oldest := l.opts.Clock.Now().Add(-l.opts.Retention()).Unix()
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[uint32]stamp{}
	if !l.loaded {
		return found
	}
	// The last one stays: it shows where the next is, should somebody delete the anchor.
	end := max(l.view.head, 1) - 1
	old := func(s *segment) bool { return s.deferred == 0 && int64(s.newest) < oldest }
	for seq, s := range l.view.segments {
		if s.claims > 0 && seq >= l.view.floor && !old(s) {
			end = min(end, seq) // the floor is never above it
		}
	}
	for seq, s := range l.view.segments {
		stray := !s.first && seq < l.view.floor && s.claims == s.entries
		if stray || seq < end && old(s) {
			found[seq] = s.stamp
		}
		if len(found) == pruneMost {
			break
		}
	}
	return found
}

// raiseFloor makes it durable that segments below floor may be deleted.
func (l *Ledger) raiseFloor(ctx context.Context, floor uint32) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	anchor, err := l.store.Get(call, l.names.of(anchorSeq))
	if err != nil {
		return err
	}
	l.mu.Lock()
	same := anchor.UID == l.view.anchorUID
	l.mu.Unlock()
	if !same {
		return errBehind
	}
	if is, err := floorOf(anchor); err != nil || is >= floor {
		return err
	}
	next := revised(anchor, l.me, 0)
	next.Annotations[AnnotationFloor] = strconv.FormatUint(uint64(floor), 10)
	_, err = l.store.Update(call, next)
	return err
}
