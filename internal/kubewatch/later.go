package kubewatch

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Later enqueues what a generic event is about behind everything that somebody has just changed.
func Later(objects handler.MapFunc) handler.EventHandler {
	return handler.Funcs{GenericFunc: func(
		ctx context.Context, e event.GenericEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request],
	) {
		addLater(ctx, e.Object, objects, q)
	}}
}

// First enqueues the object that a generic event is about before everything else.
func First() handler.EventHandler {
	const first = 100
	return handler.Funcs{GenericFunc: func(
		_ context.Context, e event.GenericEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request],
	) {
		request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(e.Object)}
		if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
			priority := first
			pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, request)
			return
		}
		q.Add(request)
	}}
}

func addLater(
	ctx context.Context, o client.Object, objects handler.MapFunc,
	q workqueue.TypedRateLimitingInterface[reconcile.Request],
) {
	requests := objects(ctx, o)
	if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		priority := handler.LowPriority
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, requests...)
		return
	}
	for _, r := range requests {
		q.Add(r)
	}
}
