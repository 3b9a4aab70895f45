package webhookserver

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

const (
	// maxRecent is the length of status.recentEvents, and maxRecentBytes what they take in JSON.
	maxRecent      = 32
	maxRecentBytes = 16 << 10
)

// counters are what this replica has counted and not yet added to the status.
type counters struct {
	received, processed, duplicate, rejected, deferred, dead, unknown atomic.Int64
}

// take empties the counters.
func (c *counters) take() v1alpha1.EventTotals {
	return v1alpha1.EventTotals{
		Received: c.received.Swap(0), Processed: c.processed.Swap(0), Duplicate: c.duplicate.Swap(0),
		Rejected: c.rejected.Swap(0), Deferred: c.deferred.Swap(0), Dead: c.dead.Swap(0), Unknown: c.unknown.Swap(0),
	}
}

func add(a, b v1alpha1.EventTotals) v1alpha1.EventTotals {
	return v1alpha1.EventTotals{
		Received: a.Received + b.Received, Processed: a.Processed + b.Processed, Duplicate: a.Duplicate + b.Duplicate,
		Rejected: a.Rejected + b.Rejected, Deferred: a.Deferred + b.Deferred, Dead: a.Dead + b.Dead,
		Unknown: a.Unknown + b.Unknown,
	}
}

// recentEvents are this replica's last events that are not in the status yet, oldest first.
type recentEvents struct {
	mu     sync.Mutex
	events []v1alpha1.RecentEvent
}

// add keeps one entry for each event: a deferred one may be processed before the next write.
func (r *recentEvents) add(e v1alpha1.RecentEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.events {
		if r.events[i].ID == e.ID {
			update(&r.events[i], e)
			return
		}
	}
	if len(r.events) == 2*maxRecent {
		r.events = slices.Delete(r.events, 0, 1)
	}
	r.events = append(r.events, e)
}

// update moves an event on to what is known now; news that come late do not move it back.
func update(known *v1alpha1.RecentEvent, e v1alpha1.RecentEvent) {
	if e.Outcome != v1alpha1.OutcomeDeferred {
		known.Outcome, known.Attempts = e.Outcome, max(known.Attempts, e.Attempts)
	}
}

func (r *recentEvents) take() []v1alpha1.RecentEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.events
	r.events = nil
	return out
}

func recentOf(e *billing.Event, receivedAt time.Time, outcome v1alpha1.EventOutcome) v1alpha1.RecentEvent {
	if receivedAt.IsZero() {
		receivedAt = time.Now()
	}
	return v1alpha1.RecentEvent{
		ID: e.ID, Type: typeName(e), NativeType: e.NativeType, ReceivedAt: metav1.NewTime(receivedAt),
		Outcome: outcome, Attempts: 1,
	}
}

// recentOfInbox counts the attempt at the event's arrival too.
func recentOfInbox(e *v1alpha1.WebhookEvent, outcome v1alpha1.EventOutcome) v1alpha1.RecentEvent {
	attempts := int32(1)
	for _, d := range e.Status.Sinks {
		attempts = max(attempts, 1+d.Attempts)
	}
	return v1alpha1.RecentEvent{
		ID: e.Spec.EventID, Type: e.Spec.Type, NativeType: e.Spec.NativeType, ReceivedAt: e.Spec.ReceivedAt,
		Outcome: outcome, Attempts: attempts,
	}
}

// mergeRecent puts news into the list of the status: known events are updated, others join, the newest 32 stay. It
// changes neither argument.
func mergeRecent(known, news []v1alpha1.RecentEvent) []v1alpha1.RecentEvent {
	out := slices.Clone(known)
	for _, e := range news {
		if i := slices.IndexFunc(out, func(o v1alpha1.RecentEvent) bool { return o.ID == e.ID }); i >= 0 {
			update(&out[i], e)
			continue
		}
		out = slices.Insert(out, 0, e)
	}
	slices.SortStableFunc(out, func(a, b v1alpha1.RecentEvent) int {
		return b.ReceivedAt.Time.Truncate(time.Second).Compare(a.ReceivedAt.Time.Truncate(time.Second))
	})
	return withinRing(out[:min(len(out), maxRecent)])
}

// withinRing leaves out the oldest events until the rest fits. Only ids that JSON has to escape ever make that needed.
func withinRing(events []v1alpha1.RecentEvent) []v1alpha1.RecentEvent {
	for len(events) > 0 {
		if encoded, err := json.Marshal(events); err == nil && len(encoded) <= maxRecentBytes {
			break
		}
		events = events[:len(events)-1]
	}
	return events
}

// receiverStatus is the part of a WebhookReceiver's status that its replicas write.
type receiverStatus struct {
	Events       v1alpha1.EventTotals   `json:"events"`
	Pending      pendingStatus          `json:"pending"`
	RecentEvents []v1alpha1.RecentEvent `json:"recentEvents"`
	// CatalogChanges is left out when there is nothing new in it.
	CatalogChanges []v1alpha1.CatalogChange `json:"catalogChanges,omitempty"`
}

// pendingStatus is v1alpha1.PendingEvents with an explicit null, which takes an old value away.
type pendingStatus struct {
	Count  int32        `json:"count"`
	Dead   int32        `json:"dead"`
	Oldest *metav1.Time `json:"oldest"`
}

// receiverPatch adds to what the status says. It is a JSON merge patch that the API server refuses unless the object
// still has the resource version, and it has no field that the operator owns. It is nil when nothing changed.
func receiverPatch(
	r *v1alpha1.WebhookReceiver, counted v1alpha1.EventTotals, news []v1alpha1.RecentEvent,
	changed []v1alpha1.CatalogChange, pending pendingStatus,
) ([]byte, error) {
	nothing := counted == (v1alpha1.EventTotals{}) && len(news) == 0 && len(changed) == 0
	if nothing && samePending(r.Status.Pending, pending) {
		return nil, nil
	}
	next := receiverStatus{Events: counted, Pending: pending, RecentEvents: mergeRecent(r.Status.RecentEvents, news)}
	if r.Status.Events != nil {
		next.Events = add(*r.Status.Events, counted)
	}
	if len(changed) > 0 {
		next.CatalogChanges = mergeChanges(r.Status.CatalogChanges, changed)
	}
	return json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": r.ResourceVersion},
		"status":   next,
	})
}

func samePending(have *v1alpha1.PendingEvents, want pendingStatus) bool {
	if have == nil {
		return want == (pendingStatus{})
	}
	if have.Count != want.Count || have.Dead != want.Dead || (have.Oldest == nil) != (want.Oldest == nil) {
		return false
	}
	return have.Oldest == nil || have.Oldest.Unix() == want.Oldest.Unix()
}
