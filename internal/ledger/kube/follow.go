package kube

import (
	"context"
	"fmt"
	"slices"
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

// briefWatch is how long a watch lasts at least that counts as one, even if it shows nothing.
const briefWatch = time.Second

// follow lists the ledger and then watches it, from the start again whenever the watch has lost its place. A list is
// costly: where watches come to nothing, the pauses between lists grow as if lists failed.
func (l *Ledger) follow(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; failures++ {
		version, err := l.load(ctx)
		if err != nil {
			l.failed(err, "list the ledger")
		} else if l.watchFrom(ctx, version) {
			failures = 0
		}
		l.backoff(ctx, failures)
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

// listing is what a pass over all pages found. All of it is of one moment.
type listing struct {
	version string
	anchor  *v1alpha1.EventLedger
	seen    map[uint32]types.UID
	// replacing are objects in place of others that this replica knows. What was in those is found on later pages.
	replacing map[uint32]*v1alpha1.EventLedger
	highest   uint32   // the highest sequence
	claimed   []uint32 // those with a claim in them
}

func (p *listing) add(seq uint32, o *v1alpha1.EventLedger) {
	p.seen[seq] = o.UID
	p.highest = max(p.highest, seq)
	if slices.ContainsFunc(o.Status.Entries, isClaimed) {
		p.claimed = append(p.claimed, seq)
	}
}

// bounds for an anchor that is missing: the next segment, since the last is not deleted, and all with claims in them,
// which the anchor before covered.
func (p *listing) bounds() bounds {
	slices.Sort(p.claimed)
	return bounds{floor: p.highest + 1, open: p.claimed}
}

// list makes one pass over all pages. It is not done if the list ran out or the anchor was new.
func (l *Ledger) list(ctx context.Context) (version string, done bool, err error) {
	all := listing{seen: map[uint32]types.UID{}, replacing: map[uint32]*v1alpha1.EventLedger{}}
	l.noteEnds(map[uint32]string{})
	defer l.noteEnds(nil)
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
		all.version = page.ResourceVersion
		l.takePage(page, &all)
		if next = page.Continue; next == "" {
			break
		}
	}
	if all.anchor == nil {
		return "", false, l.makeAnchor(ctx, all.bounds())
	}
	b, err := boundsOf(all.anchor)
	if err != nil {
		return "", false, err
	}
	return all.version, l.finishList(&all, b), nil
}

func (l *Ledger) noteEnds(ended map[uint32]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = ended
}

func (l *Ledger) takePage(page *v1alpha1.EventLedgerList, all *listing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range page.Items {
		o := new(v1alpha1.EventLedger)
		*o = page.Items[i]
		seq, ours := l.names.parse(o.Name)
		switch {
		case !ours:
		case seq == anchorSeq:
			all.anchor = o
		default:
			all.add(seq, o)
			l.takeListed(seq, o, all)
		}
	}
}

// takeListed takes in an object of a list that is not complete yet. The watch may be ahead of the list, and does not
// show the end of a segment twice. The caller holds mu.
func (l *Ledger) takeListed(seq uint32, o *v1alpha1.EventLedger, all *listing) {
	if end, ended := l.ended[seq]; ended && !newer(o.ResourceVersion, end) {
		return
	}
	if s := l.view.segments[seq]; s != nil && s.uid != o.UID {
		all.replacing[seq] = o
		return
	}
	l.view.apply(seq, o, l.opts.Clock.Now())
}

// makeAnchor begins a ledger, or goes on with one whose anchor somebody deleted.
func (l *Ledger) makeAnchor(ctx context.Context, b bounds) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := l.store.Create(call, l.anchorObject(b)); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create the anchor: %w", err)
	}
	return nil
}

func (l *Ledger) finishList(all *listing, b bounds) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	anchor := all.anchor.UID
	if known := l.view.anchorUID; known != "" && known != anchor {
		// Somebody deleted the anchor. What is known of the ledger is not kept, because it may be gone as well; only
		// which claims are in hand here, and since when claims are known, if the next list has them still.
		l.log.Info("the ledger was deleted and begun anew")
		claims := l.view.claims
		l.view = newView(l.me)
		l.view.anchorUID, l.view.claims = anchor, claims
		l.loaded = false
		return false
	}
	l.view.anchorUID = anchor
	for seq, o := range all.replacing {
		l.view.apply(seq, o, l.opts.Clock.Now())
	}
	l.view.learn(all.anchor, b)
	l.view.listed(all, b.floor)
	l.loaded = true
	l.succeeded()
	l.view.advance()
	l.dispatch()
	l.signal()
	return true
}

// watchFrom follows changes after version until the place in them is lost. It says whether a watch worked: it showed
// something, or lasted. One that ends at once, without an error, is what a proxy's answer in place of the API server's
// looks like.
func (l *Ledger) watchFrom(ctx context.Context, version string) (worked bool) {
	for failures := 0; ctx.Err() == nil; failures++ {
		begun := l.opts.Clock.Now()
		w, err := l.store.Watch(ctx, version)
		switch {
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			return worked
		case err != nil:
			l.log.V(1).Info("cannot watch the ledger", "reason", err.Error())
		default:
			before := version
			var ok bool
			version, ok = l.consume(ctx, w, version)
			w.Stop()
			if version != before || l.opts.Clock.Since(begun) >= briefWatch {
				worked, failures = true, 0
			}
			if !ok {
				return worked
			}
		}
		l.backoff(ctx, failures)
	}
	return worked
}

// consume takes in events until the watch ends. It is not ok if the ledger has to be listed again.
func (l *Ledger) consume(ctx context.Context, w watch.Interface, version string) (string, bool) {
	for {
		select {
		case <-ctx.Done():
			return version, true
		case e, open := <-w.ResultChan():
			if !open {
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
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case seq == anchorSeq && (t == watch.Deleted || o.UID != l.view.anchorUID):
		return false
	case seq == anchorSeq:
		b, err := boundsOf(o)
		if err != nil {
			return false
		}
		l.view.learn(o, b)
		l.turns.asked(o.Annotations[AnnotationWriter], l.opts.Clock.Now())
	case t == watch.Deleted:
		l.view.forget(seq, o)
		if l.ended != nil {
			l.ended[seq] = o.ResourceVersion
		}
		l.dispatch()
	default:
		l.takeNews(seq, o)
		l.view.prove(seq, o.UID)
		l.signal()
	}
	return true
}
