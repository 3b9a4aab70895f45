package plan

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
)

// Options tune the controller.
type Options struct {
	// Concurrency is how many Plans are worked on at once.
	Concurrency int
	// RateLimiter paces retries.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// Snapshots tells of accounts that were read anew: their Plans are compared with what was found.
	Snapshots <-chan event.GenericEvent
}

// Setup registers the controller.
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, o Options) error {
	if err := indexPublished(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	ofProvider := handler.EnqueueRequestsFromMapFunc(r.ofProvider)
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Plan{}, builder.WithPredicates(kubewatch.SpecChanged())).
		Watches(&v1alpha1.PaymentProvider{}, ofProvider, builder.WithPredicates(kubewatch.ProviderChanged())).
		Owns(&corev1.ConfigMap{}).
		WatchesRawSource(source.Channel(o.Snapshots, ofProvider)).
		WithOptions(controller.Options{MaxConcurrentReconciles: o.Concurrency, RateLimiter: o.RateLimiter}).
		Complete(r)
}

func (r *Reconciler) ofProvider(ctx context.Context, pp client.Object) []reconcile.Request {
	var list v1alpha1.PlanList
	err := r.Client.List(ctx, &list, client.InNamespace(pp.GetNamespace()),
		client.MatchingFields{kubewatch.IndexProviders: pp.GetName()})
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding the Plans of a PaymentProvider")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}
