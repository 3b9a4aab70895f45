package kube

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// pageSize is how many segments a list brings at once: about 2 MB.
const pageSize = 50

// follow lists the ledger and then watches it, from the start again whenever the watch has lost its place.
func (l *Ledger) follow(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; failures++ {
		version, err := l.load(ctx)
		if err != nil {
			l.failed(err, "list the ledger")
			l.backoff(ctx, failures)
			continue
		}
		failures = 0
		l.watchFrom(ctx, version)
		l.sleep(ctx, rand.N(firstBackoff))
	}
}

// load lists the whole ledger, makes the anchor if there is none, and returns the version of the list.
func (l *Ledger) load(ctx context.Context) (string, error) {
	if err := l.lockListing(ctx); err != nil {
		return "", err
	}
	defer func() { <-l.listing }()
	for range 5 {
		version, done, err := l.list(ctx)
		if done || err != nil {
			return version, err
		}
	}
	return "", fmt.Errorf("the ledger of %s changed while it was listed", l.opts.Receiver)
}

// lockListing waits until nobody else lists. It gives up with ctx, which a mutex could not.
func (l *Ledger) lockListing(ctx context.Context) error {
	select {
	case l.listing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// list makes one pass over all pages. It is not done if the list ran out or the anchor was new.
func (l *Ledger) list(ctx context.Context) (version string, done bool, err error) {
	seen := map[uint32]bool{}
	var anchor *v1alpha1.EventLedger
	for next := ""; ; {
		call, cancel := context.WithTimeout(ctx, 10*callTimeout)
		page, err := l.store.List(call, pageSize, next)
		cancel()
		switch {
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			return "", false, nil
		case err != nil:
			return "", false, err
		}
		version = page.ResourceVersion
		l.mu.Lock()
		for i := range page.Items {
			o := new(v1alpha1.EventLedger)
			*o = page.Items[i]
			seq, ours := l.names.parse(o.Name)
			switch {
			case !ours:
			case seq == anchorSeq:
				anchor = o
			default:
				seen[seq] = true
				l.view.apply(seq, o, l.opts.Clock.Now(), false)
			}
		}
		l.mu.Unlock()
		if next = page.Continue; next == "" {
			break
		}
	}
	if anchor == nil {
		return "", false, l.makeAnchor(ctx, seen)
	}
	floor, err := floorOf(anchor)
	if err != nil {
		return "", false, err
	}
	return version, l.finishList(seen, version, anchor.UID, floor), nil
}

// makeAnchor begins a ledger. If segments exist without an anchor somebody deleted it: all but the last of them
// count as segments that may have been deleted.
func (l *Ledger) makeAnchor(ctx context.Context, seen map[uint32]bool) error {
	floor := uint32(1)
	for seq := range seen {
		floor = max(floor, seq)
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := l.store.Create(call, l.anchorObject(floor)); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create the anchor: %w", err)
	}
	return nil
}

func (l *Ledger) finishList(seen map[uint32]bool, version string, anchor types.UID, floor uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.view.anchorUID; known != "" && known != anchor {
		// Somebody deleted the ledger, and it was begun anew. Nothing of the old one counts.
		l.log.Info("the ledger was deleted and begun anew")
		l.view = newView(l.me)
		l.view.anchorUID = anchor
		l.loaded = false
		return false
	}
	l.view.anchorUID = anchor
	l.view.listed(seen, version, floor)
	l.loaded = true
	l.failing = time.Time{}
	l.view.advance()
	l.dispatch()
	l.signal()
	return true
}

// watchFrom follows changes after version until the place in them is lost.
func (l *Ledger) watchFrom(ctx context.Context, version string) {
	for failures := 0; ctx.Err() == nil; {
		w, err := l.store.Watch(ctx, version)
		switch {
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			return
		case err != nil:
			l.log.V(1).Info("cannot watch the ledger", "reason", err.Error())
			l.backoff(ctx, failures)
			failures++
			continue
		}
		failures = 0
		var ok bool
		version, ok = l.consume(ctx, w, version)
		w.Stop()
		if !ok {
			return
		}
	}
}

// consume takes in events until the watch ends. It is not ok if the ledger has to be listed again.
func (l *Ledger) consume(ctx context.Context, w watch.Interface, version string) (string, bool) {
	for {
		select {
		case <-ctx.Done():
			return version, true
		case e, open := <-w.ResultChan():
			if !open {
				l.sleep(ctx, rand.N(firstBackoff))
				return version, true
			}
			o, isLedger := e.Object.(*v1alpha1.EventLedger)
			if e.Type == watch.Error || !isLedger {
				l.log.V(1).Info("the watch lost its place", "reason", reasonOf(e.Object))
				return version, false
			}
			version = o.ResourceVersion
			if e.Type != watch.Bookmark && !l.observe(e.Type, o) {
				return version, false
			}
		}
	}
}

func reasonOf(o runtime.Object) string {
	if s, ok := o.(*metav1.Status); ok {
		return string(s.Reason)
	}
	return "unknown"
}

// observe takes in one event. It is not ok if the ledger was begun anew.
func (l *Ledger) observe(t watch.EventType, o *v1alpha1.EventLedger) bool {
	seq, ours := l.names.parse(o.Name)
	if !ours {
		return true
	}
	trimmed(o)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case seq == anchorSeq && (t == watch.Deleted || o.UID != l.view.anchorUID):
		return false
	case seq == anchorSeq:
		floor, err := floorOf(o)
		if err != nil {
			return false
		}
		l.view.floor = max(l.view.floor, floor)
		l.turns.asked(o.Annotations[AnnotationWriter], l.opts.Clock.Now())
	case t == watch.Deleted:
		l.view.forget(seq, o)
		l.dispatch()
	default:
		l.take(seq, o)
		if s := l.view.segments[seq]; s != nil && s.uid == o.UID {
			l.view.prove(seq)
		}
		l.signal()
	}
	return true
}
