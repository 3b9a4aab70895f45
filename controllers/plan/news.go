package plan

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

const (
	// ringLength is how many products status.catalogChanges of a WebhookReceiver has at most.
	ringLength = 64
	// firstSight is how old news may be that a new process takes for news: its snapshots are younger, but for the
	// difference of the clocks.
	firstSight = time.Minute
)

// news are products that a receiver was told a change of.
type news struct {
	receiver types.NamespacedName
	provider v1alpha1.ProviderReference
	products []string
	all      bool // there may have been more
}

// ring is what was seen of a receiver's status.catalogChanges: product id → time.
type ring map[string]time.Time

func ringOf(changes []v1alpha1.CatalogChange) ring {
	r := ring{}
	for _, c := range changes {
		if c.SeenAt != nil {
			r[c.ProductID] = c.SeenAt.Time
		}
	}
	return r
}

// since are the products of which there is something that was not there before. Receivers put news first, so of a full
// ring in which nothing is as it was, more may have fallen out. Times are only compared for being the same: they are of
// the clocks of several replicas.
func (r ring) since(before ring) (products []string, all bool) {
	for product, at := range r {
		if was, known := before[product]; !known || !was.Equal(at) {
			products = append(products, product)
		}
	}
	return products, len(products) == ringLength
}

// olderThan are the entries from before a time.
func (r ring) olderThan(limit time.Time) ring {
	older := ring{}
	for product, at := range r {
		if at.Before(limit) {
			older[product] = at
		}
	}
	return older
}

// ofReceivers watches for news. It enqueues nothing: that is decided by what Kassa itself has just done.
func (p *pokes) ofReceivers() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, _ queue) { p.see(e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, _ queue) { p.see(e.ObjectNew) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, _ queue) { p.forget(e.Object.GetUID()) },
	}
}

// see takes what is new in a receiver's status.
func (p *pokes) see(o client.Object) {
	receiver, ok := o.(*v1alpha1.WebhookReceiver)
	if !ok {
		return
	}
	now := ringOf(receiver.Status.CatalogChanges)
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.seen[receiver.UID]
	if !known {
		before = now.olderThan(p.Now().Add(-firstSight))
	}
	p.seen[receiver.UID] = now
	products, all := now.since(before)
	if len(products) == 0 {
		return
	}
	p.waiting = append(p.waiting, news{
		receiver: client.ObjectKeyFromObject(receiver), provider: receiver.Spec.ProviderRef, products: products, all: all,
	})
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pokes) forget(receiver types.UID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, receiver)
}

func (p *pokes) take() []news {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.waiting
	p.waiting = nil
	return out
}
