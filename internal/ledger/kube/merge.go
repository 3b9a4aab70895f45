package kube

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

const (
	mergeEvery = 30 * time.Second
	// busyRate is how many segments a second are made when the API server has better to do than merge them.
	busyRate = 25
	// mergeMost bounds the segments that one round merges, and mergePile is how many small ones are too many to wait.
	mergeMost = 1000
	mergePile = 20_000
	// openAfter is how old a claim is, in claim timeouts, that nobody is expected to settle soon: its holder died, and
	// the provider does not repeat the event. Merging passes it by, but not more than mostOpen segments with such
	// claims, since the anchor names each.
	openAfter = 4
	mostOpen  = 500
)

// mergeLoop makes few long segments out of many short ones. Every replica does it; whoever comes second finds nothing.
func (l *Ledger) mergeLoop(ctx context.Context) {
	for l.sleep(ctx, mergeEvery/2+rand.N(mergeEvery)) {
		for _, group := range l.mergeable() {
			if err := l.merge(ctx, group); err != nil {
				l.log.V(1).Info("cannot merge segments now", "reason", err.Error())
				break
			}
		}
	}
}

// mergeable are groups of short segments, each in the order of their sequence, that a long one can be made of: all of
// their events are settled, and no segment before them has a claim in it that is young.
func (l *Ledger) mergeable() [][]uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loaded {
		return nil
	}
	end := max(l.view.head, 1) - 1
	young := l.opts.Clock.Now().Add(-openAfter * l.opts.ClaimTimeout).Unix()
	var short, open []uint32
	for seq, s := range l.view.segments {
		switch {
		case s.claims > 0 && !l.view.cover(seq): // a stray
		case s.claims > 0 && int64(s.newest) > young:
			end = min(end, seq)
		case s.claims > 0:
			open = append(open, seq)
		case s.settled() && int(s.entries) <= l.opts.MaxEntries/2:
			short = append(short, seq)
		}
	}
	slices.Sort(open)
	if len(open) > mostOpen {
		end = min(end, open[mostOpen])
	}
	slices.Sort(short)
	if n, _ := slices.BinarySearch(short, end); n < len(short) {
		short = short[:n]
	}
	if l.tempo.now(l.opts.Clock.Now()) > busyRate && len(short) < mergePile {
		return nil
	}
	return l.groups(short)
}

// groups cuts a list of segments into those that fit into one, as many as one round merges. The bound is on what is
// merged and not on what is looked at: segments of some length, too few of which fit into one, would otherwise keep the
// short ones behind them from ever being merged. The caller holds mu.
func (l *Ledger) groups(short []uint32) [][]uint32 {
	least := max(2, l.opts.MaxEntries/32)
	var all [][]uint32
	for begin, sum, i, merged := 0, 0, 0, 0; i <= len(short) && merged < mergeMost; i++ {
		n := 0
		if i < len(short) {
			n = int(l.view.segments[short[i]].entries)
		}
		if i < len(short) && sum+n <= l.opts.MaxEntries {
			sum += n
			continue
		}
		if i-begin >= least {
			all = append(all, short[begin:i])
			merged += i - begin
		}
		begin, sum = i, n
	}
	return all
}

// merge adds the entries of all of a group to the last of it and deletes the others. The order matters: the entries are
// durable in their new place, and the anchor covers the old ones no more, before those go.
func (l *Ledger) merge(ctx context.Context, group []uint32) error {
	target := group[len(group)-1]
	var objects []*v1alpha1.EventLedger
	for _, seq := range group {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		o, err := l.store.Get(call, l.names.of(seq))
		cancel()
		if err != nil {
			return err
		}
		objects = append(objects, o)
	}
	next, sources := l.merged(group, objects)
	if next == nil {
		return errBehind
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	_, err := l.store.Update(call, next)
	cancel()
	if err != nil {
		return err
	}
	l.metrics.commit("merge", 0)
	gone := map[uint32]bool{}
	for _, seq := range group[:len(group)-1] {
		gone[seq] = true
	}
	if err := l.uncover(ctx, target, gone); err != nil {
		return err
	}
	for i, at := range sources {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		err := l.store.Delete(call, l.names.of(group[i]), at)
		cancel()
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return err
		}
	}
	return nil
}

// merged is the next version of the last of a group, with the entries of the others, and the versions of those. It is
// nil if one of them is not as the view has it, or they are not what can be merged any more.
func (l *Ledger) merged(group []uint32, objects []*v1alpha1.EventLedger) (*v1alpha1.EventLedger, []stamp) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := objects[len(objects)-1]
	next := revised(last, l.me, l.opts.MaxEntries)
	var sources []stamp
	for i, o := range objects {
		s := l.view.segments[group[i]]
		if s == nil || s.stamp != stampOf(&o.ObjectMeta) || !s.settled() {
			return nil, nil // it changed, or a stray came in its place
		}
		if o == last {
			break
		}
		sources = append(sources, s.stamp)
		for _, e := range o.Status.Entries {
			// An entry whose place is another segment by now was merged before, or is of an event that came again.
			if l.view.index[keyOf(e.ID)].seq == group[i] {
				next.Status.Entries = append(next.Status.Entries, e)
			}
		}
	}
	if len(next.Status.Entries) > l.opts.MaxEntries {
		return nil, nil // another replica merged into it meanwhile
	}
	return next, sources
}
