package webhookserver

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/records"
)

// moment is an event's place among those of its key: when it happened by the provider's clock, then when it was
// received, then its id.
type moment struct {
	at, received time.Time
	id           string
}

// momentOf has the precision of a WebhookEvent, so that an event in hand and one in the inbox compare.
func momentOf(at, received time.Time, id string) moment {
	received = received.Truncate(time.Second)
	if at.IsZero() {
		at = received
	}
	return moment{at: at.Truncate(time.Microsecond), received: received, id: id}
}

func storedMoment(e *v1alpha1.WebhookEvent) moment {
	var at time.Time
	if e.Spec.OccurredAt != nil {
		at = e.Spec.OccurredAt.Time
	}
	return momentOf(at, e.Spec.ReceivedAt.Time, e.Spec.EventID)
}

func (m moment) compare(o moment) int {
	return cmp.Or(m.at.Compare(o.at), m.received.Compare(o.received), cmp.Compare(m.id, o.id))
}

func (m moment) before(o moment) bool { return m.compare(o) < 0 }

// orderKey stands for the subscription, or else the customer, that the event is about. Events without one are in no
// order.
func orderKey(e *billing.Event) string {
	var subscription, customer string
	if e.Subscription != nil {
		subscription = e.Subscription.ID
	}
	if e.Customer != nil {
		customer = e.Customer.ID
	}
	return records.OrderKey(subscription, customer)
}

// turns let the events of one key reach a sink one after the other, the earliest of those that wait first. It is safe
// for concurrent use.
type turns struct {
	mu  sync.Mutex
	all map[turnKey]*turn
}

type turnKey struct{ order, sink string }

type turn struct {
	busy    bool
	waiting []*turnWaiter // by moment
	// deferred are events on their way into the inbox. Until they are there, later ones have to follow them.
	deferred []moment
}

type turnWaiter struct {
	at    moment
	ready chan bool // false: an earlier event goes into the inbox
}

func newTurns() *turns { return &turns{all: map[turnKey]*turn{}} }

// take waits for the event's turn, which give ends. It is false when an earlier event is on its way into the inbox, or
// when ctx ends.
func (t *turns) take(ctx context.Context, k turnKey, at moment) bool {
	t.mu.Lock()
	now := t.all[k]
	if now == nil {
		now = &turn{}
		t.all[k] = now
	}
	if now.behind(at) {
		t.mu.Unlock()
		return false
	}
	if !now.busy {
		now.busy = true
		t.mu.Unlock()
		return true
	}
	w := &turnWaiter{at: at, ready: make(chan bool, 1)}
	i, _ := slices.BinarySearchFunc(now.waiting, w, func(a, b *turnWaiter) int { return a.at.compare(b.at) })
	now.waiting = slices.Insert(now.waiting, i, w)
	t.mu.Unlock()
	select {
	case mine := <-w.ready:
		return mine
	case <-ctx.Done():
	}
	t.mu.Lock()
	if i := slices.Index(now.waiting, w); i >= 0 {
		now.waiting = slices.Delete(now.waiting, i, i+1)
		t.mu.Unlock()
		return false
	}
	t.mu.Unlock()
	if <-w.ready {
		t.give(k)
	}
	return false
}

func (n *turn) behind(at moment) bool {
	return slices.ContainsFunc(n.deferred, func(d moment) bool { return d.before(at) })
}

// give ends a turn.
func (t *turns) give(k turnKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.all[k]
	now.busy = false
	if len(now.waiting) > 0 {
		now.busy = true
		now.waiting[0].ready <- true
		now.waiting = slices.Delete(now.waiting, 0, 1)
	}
	t.clean(k, now)
}

// postpone says that an event goes into the inbox. Those that wait for their turn behind it go there too.
func (t *turns) postpone(k turnKey, at moment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.all[k]
	if now == nil {
		now = &turn{}
		t.all[k] = now
	}
	now.deferred = append(now.deferred, at)
	now.waiting = slices.DeleteFunc(now.waiting, func(w *turnWaiter) bool {
		if at.before(w.at) {
			w.ready <- false
			return true
		}
		return false
	})
}

// recorded says that a postponed event is in the inbox, or will not get there. To say it twice does no harm.
func (t *turns) recorded(k turnKey, at moment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.all[k]
	if now == nil {
		return
	}
	if i := slices.Index(now.deferred, at); i >= 0 {
		now.deferred = slices.Delete(now.deferred, i, i+1)
	}
	t.clean(k, now)
}

func (t *turns) clean(k turnKey, now *turn) {
	if !now.busy && len(now.deferred) == 0 {
		delete(t.all, k)
	}
}
