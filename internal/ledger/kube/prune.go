package kube

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kassa-dev/kassa/api/v1alpha1"
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

// prune deletes segments all of whose events are old, and strays that a replica left that was behind. The anchor
// ceases to cover them first: see the package comment.
func (l *Ledger) prune(ctx context.Context) error {
	old, stuck := l.outdated()
	for _, seq := range stuck {
		if err := l.giveUp(ctx, seq); err != nil && !lost(err) && !errors.Is(err, errBehind) {
			return err
		}
	}
	if len(old) == 0 {
		return nil
	}
	seqs, gone := slices.Sorted(maps.Keys(old)), map[uint32]bool{}
	for _, seq := range seqs {
		gone[seq] = true
	}
	if err := l.uncover(ctx, seqs[len(seqs)-1]+1, gone); err != nil {
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

// giveUp settles as dead what nobody settled for the retention: the provider has long stopped to ask for it. The
// segment goes when it has no claims any more, so that nobody takes one over in a segment that is about to be deleted.
func (l *Ledger) giveUp(ctx context.Context, seq uint32) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	o, err := l.store.Get(call, l.names.of(seq))
	if err != nil {
		return err
	}
	oldest := l.oldest()
	l.mu.Lock()
	s := l.view.segments[seq]
	// It may have been taken over just now, or a stray may have come in its place.
	still := s != nil && s.stamp == stampOf(&o.ObjectMeta) && s.stuck(oldest)
	l.mu.Unlock()
	if !still {
		return errBehind
	}
	next := revised(o, l.me, 0)
	for i := range next.Status.Entries {
		if e := &next.Status.Entries[i]; isClaimed(*e) {
			e.State, e.ClaimedBy, e.ClaimedAt = v1alpha1.EntryDead, "", nil
		}
	}
	at, err := l.store.Update(call, next)
	if err != nil {
		return err
	}
	next.UID, next.ResourceVersion = at.uid, at.version
	l.metrics.commit("give-up", 0)
	l.log.Info("gave up events that nobody settled for as long as the ledger remembers", "segment", next.Name)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(seq, next)
	return nil
}

// oldest is the Unix time, in seconds, before which events are forgotten.
func (l *Ledger) oldest() int64 { return l.opts.Clock.Now().Add(-l.opts.Retention()).Unix() }

// stuck says that only claims in it, as old as what is forgotten, keep it. A stray is not stuck, though one that is on
// the first page of a list seems to be covered until the last page was read.
func (s *segment) stuck(oldest int64) bool {
	return s.claims > 0 && s.first && int64(s.newest) < oldest
}

// outdated segments, in the versions that were found to be so, and those that would be but for claims in them.
func (l *Ledger) outdated() (found map[uint32]stamp, stuck []uint32) {
	oldest := l.oldest()
	l.mu.Lock()
	defer l.mu.Unlock()
	found = map[uint32]stamp{}
	if !l.loaded {
		return found, nil
	}
	// The last one stays: it shows where the next is, should somebody delete the anchor.
	end := max(l.view.head, 1) - 1
	for seq, s := range l.view.segments {
		if s.claims > 0 && l.view.cover(seq) {
			if s.stuck(oldest) {
				stuck = append(stuck, seq)
			}
			if seq >= l.view.floor {
				end = min(end, seq)
			}
		}
	}
	for seq, s := range l.view.segments {
		stray := !s.first && !l.view.cover(seq) && s.claims == s.entries
		old := s.settled() && int64(s.newest) < oldest
		if stray || seq < end && old {
			found[seq] = s.stamp
		}
		if len(found) == pruneMost {
			break
		}
	}
	return found, stuck
}
