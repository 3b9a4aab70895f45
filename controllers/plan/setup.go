package plan

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

// Options tune the controller.
type Options struct {
	// Concurrency is how many Plans are worked on at once.
	Concurrency int
	// RateLimiter paces retries.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// Snapshots tells of accounts that were read anew: their Plans are compared with what was found.
	Snapshots <-chan event.GenericEvent
	// Tracer makes each reconcile a span; it may be nil.
	Tracer *telemetry.Tracer
}

// Setup registers the controller.
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, o Options) error {
	if err := indexPublished(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	if err := indexOfProducts(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	pokes := newPokes(r)
	if err := mgr.Add(pokes); err != nil {
		return err
	}
	ofProvider := handler.EnqueueRequestsFromMapFunc(r.ofProvider)
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Plan{}, builder.WithPredicates(kubewatch.SpecChanged())).
		Watches(&v1alpha1.PaymentProvider{}, ofProvider, builder.WithPredicates(kubewatch.ProviderChanged())).
		Owns(&corev1.ConfigMap{}).
		WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.ofNamespace),
			builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&v1alpha1.WebhookReceiver{}, pokes.ofReceivers()).
		WatchesRawSource(source.Channel(pokes.plans, kubewatch.First())).
		WatchesRawSource(source.Channel(o.Snapshots, kubewatch.Later(r.ofProvider))).
		WithOptions(controller.Options{MaxConcurrentReconciles: o.Concurrency, RateLimiter: o.RateLimiter}).
		Complete(o.Tracer.Reconciler("Plan", r))
}

// indexProducts finds the Plans that have, or adopt, a product, by the provider's id.
const indexProducts = "status.providers.productID"

func indexOfProducts(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &v1alpha1.Plan{}, indexProducts, func(o client.Object) []string {
		plan, ok := o.(*v1alpha1.Plan)
		if !ok {
			return nil
		}
		var ids []string
		for _, p := range productsOf(plan) {
			if !slices.Contains(ids, p.product) {
				ids = append(ids, p.product)
			}
		}
		return ids
	})
}

func (r *Reconciler) ofProvider(ctx context.Context, pp client.Object) []reconcile.Request {
	var list v1alpha1.PlanList
	key := client.ObjectKeyFromObject(pp).String()
	err := r.Client.List(ctx, &list, client.MatchingFields{kubewatch.IndexPlans: key})
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

// ofNamespace are the Plans of a namespace that refer to a PaymentProvider of another one: whether it admits them may
// depend on the namespace's labels.
func (r *Reconciler) ofNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	var list v1alpha1.PlanList
	if err := r.Client.List(ctx, &list, client.InNamespace(namespace.GetName())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding the Plans of a namespace")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		abroad := slices.ContainsFunc(list.Items[i].Spec.Providers, func(p v1alpha1.PlanProvider) bool {
			return p.Namespace != "" && p.Namespace != namespace.GetName()
		})
		if abroad {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
