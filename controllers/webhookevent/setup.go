package webhookevent

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

// Options tune the controller.
type Options struct {
	// RateLimiter paces retries.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// Tracer makes each reconcile a span; it may be nil.
	Tracer *telemetry.Tracer
}

// Metrics count what was done.
type Metrics struct{ actions *prometheus.CounterVec }

// NewMetrics makes and registers them.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{actions: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "kassa_dunning_actions_total", Help: "Actions taken about invoices that failed to be paid.",
	}, []string{"provider", "action"})}
	return m, r.Register(m.actions)
}

// Setup registers the controller. Its requests are receivers: their events are worked off one after the other.
func (r *Reconciler) Setup(mgr ctrl.Manager, o Options) error {
	waits := predicate.NewPredicateFuncs(func(o client.Object) bool {
		e, ok := o.(*v1alpha1.WebhookEvent)
		return ok && pending(e)
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("dunning").
		Watches(&v1alpha1.WebhookEvent{}, handler.EnqueueRequestsFromMapFunc(receiverOf), builder.WithPredicates(waits)).
		Watches(&v1alpha1.WebhookReceiver{}, &handler.EnqueueRequestForObject{},
			builder.WithPredicates(kubewatch.SpecChanged())).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4, RateLimiter: o.RateLimiter}).
		Complete(o.Tracer.Reconciler("dunning", r))
}

func receiverOf(_ context.Context, o client.Object) []reconcile.Request {
	e, ok := o.(*v1alpha1.WebhookEvent)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: e.Namespace, Name: e.Spec.Receiver}}}
}

// Transform takes out of a cached event what only a look at it needs, which is read then.
func Transform(o any) (any, error) {
	if e, ok := o.(*v1alpha1.WebhookEvent); ok {
		e.Spec.Payload, e.ManagedFields = nil, nil
	}
	return o, nil
}
