package webhookserver

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/serving"
)

const (
	// statusPause is the least time between two writes of all replicas together.
	statusPause = time.Second
	// statusJitter decides which replica is next; whoever lost before has less of it.
	statusJitter = 400 * time.Millisecond
	flushTries   = 20
)

// statusWriter adds this replica's counts to the receiver's status, at most one write a second of all replicas
// together, which see each other's writes by their watch.
type statusWriter struct {
	client   client.Client
	counters *counters
	recent   *recentEvents
	changes  *catalogChanges
	// summary counts the events that wait.
	summary func() (pending, dead int, oldest time.Time)
	log     *slog.Logger

	mu        sync.Mutex
	receiver  *v1alpha1.WebhookReceiver
	lastWrite time.Time

	// What was taken from the counters and is not written yet. Only the goroutine of run and flush uses these.
	counted v1alpha1.EventTotals
	news    []v1alpha1.RecentEvent
	changed []v1alpha1.CatalogChange
	lost    int
}

// seen takes note of the receiver as it is now.
func (w *statusWriter) seen(r *v1alpha1.WebhookReceiver) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.receiver != nil && replicasWrote(w.receiver, r) {
		w.lastWrite = time.Now()
	}
	w.receiver = r
}

func replicasWrote(before, after *v1alpha1.WebhookReceiver) bool {
	a, b := before.Status.Events, after.Status.Events
	return (a == nil) != (b == nil) || a != nil && *a != *b ||
		!slices.Equal(before.Status.RecentEvents, after.Status.RecentEvents) ||
		!slices.EqualFunc(before.Status.CatalogChanges, after.Status.CatalogChanges, sameChange)
}

// run writes until ctx ends. flush has to be called then.
func (w *statusWriter) run(ctx context.Context) {
	for ctx.Err() == nil {
		w.mu.Lock()
		due := w.lastWrite.Add(statusPause)
		w.mu.Unlock()
		if wait := time.Until(due); wait > 0 {
			serving.Sleep(ctx, wait+rand.N(statusJitter/time.Duration(1+w.lost)))
			continue
		}
		if !w.write(ctx) {
			serving.Sleep(ctx, statusPause/4+rand.N(statusPause/4))
		}
	}
}

// flush writes what is left, without the pause between writes. It gives up when ctx ends.
func (w *statusWriter) flush(ctx context.Context) {
	for range flushTries {
		if ctx.Err() != nil {
			return
		}
		w.collect()
		if w.counted == (v1alpha1.EventTotals{}) && len(w.news) == 0 && len(w.changed) == 0 {
			return
		}
		if !w.write(ctx) {
			w.refresh(ctx)
			serving.Sleep(ctx, 20*time.Millisecond+rand.N(80*time.Millisecond))
		}
	}
	w.log.Warn("counts not written to the status")
}

// write is true when something was written.
func (w *statusWriter) write(ctx context.Context) bool {
	w.mu.Lock()
	r := w.receiver
	w.mu.Unlock()
	if r == nil {
		return false
	}
	w.collect()
	patch, err := receiverPatch(r, w.counted, w.news, w.changed, w.pending())
	if err != nil || patch == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, workLimit/2)
	defer cancel()
	after := &v1alpha1.WebhookReceiver{}
	after.Namespace, after.Name = r.Namespace, r.Name
	if err := w.client.Status().Patch(ctx, after, client.RawPatch(types.MergePatchType, patch)); err != nil {
		w.lost++
		if !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil {
			w.log.Warn("status not written", "error", serving.Brief(err))
		}
		return false
	}
	w.counted, w.news, w.changed, w.lost = v1alpha1.EventTotals{}, nil, nil, 0
	after.ManagedFields = nil
	w.mu.Lock()
	w.receiver, w.lastWrite = after, time.Now()
	w.mu.Unlock()
	return true
}

// collect moves the counters into what is to be written.
func (w *statusWriter) collect() {
	w.counted = add(w.counted, w.counters.take())
	w.news = append(w.news, w.recent.take()...)
	if n := len(w.news); n > 2*maxRecent {
		w.news = slices.Clone(w.news[n-2*maxRecent:])
	}
	for _, change := range w.changes.take() {
		w.changed = appendChange(w.changed, change)
	}
}

func (w *statusWriter) pending() pendingStatus {
	count, dead, oldest := w.summary()
	out := pendingStatus{Count: bounded(count), Dead: bounded(dead)}
	if !oldest.IsZero() {
		out.Oldest = &metav1.Time{Time: oldest}
	}
	return out
}

func bounded(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

func (w *statusWriter) refresh(ctx context.Context) {
	w.mu.Lock()
	r := w.receiver
	w.mu.Unlock()
	if r == nil {
		return
	}
	fresh := &v1alpha1.WebhookReceiver{}
	if err := w.client.Get(ctx, client.ObjectKeyFromObject(r), fresh); err == nil {
		fresh.ManagedFields = nil
		w.seen(fresh)
	}
}
