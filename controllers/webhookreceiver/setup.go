package webhookreceiver

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
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/telemetry"
	"github.com/kassa-dev/kassa/internal/workload"
)

// Options tune the controller.
type Options struct {
	// RateLimiter paces retries.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// Tracer makes each reconcile a span; it may be nil.
	Tracer *telemetry.Tracer
}

// Setup registers the controller.
func (r *Reconciler) Setup(mgr ctrl.Manager, o Options) error {
	besides := handler.EnqueueRequestsFromMapFunc(kubewatch.Besides(r.Client, &v1alpha1.WebhookReceiver{}))
	b := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.WebhookReceiver{},
			builder.WithPredicates(predicate.Or(kubewatch.SpecChanged(), rotationAsked(), deliveryChanged()))).
		Watches(&v1alpha1.PaymentProvider{}, handler.EnqueueRequestsFromMapFunc(r.ofProvider),
			builder.WithPredicates(kubewatch.ProviderChanged())).
		Watches(&v1alpha1.WebhookReceiver{}, besides, builder.WithPredicates(kubewatch.SpecChanged())).
		Watches(&v1alpha1.CheckoutEndpoint{}, besides, builder.WithPredicates(kubewatch.SpecChanged())).
		Watches(&v1alpha1.WebhookReceiver{}, handler.EnqueueRequestsFromMapFunc(r.rivals),
			builder.WithPredicates(kubewatch.SpecChanged())).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.ofSecret)).
		WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.ofNamespace),
			builder.WithPredicates(predicate.LabelChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 2, RateLimiter: o.RateLimiter})
	// What somebody deletes or edits is put back at once.
	for _, kind := range workload.Kinds() {
		b = b.Owns(kind)
	}
	c, err := b.Build(o.Tracer.Reconciler("WebhookReceiver", r))
	if err != nil {
		return err
	}
	r.routes = workload.NewRoutes(mgr, c, &v1alpha1.WebhookReceiver{})
	return nil
}

// deliveryChanged admits the replicas' status writes only when the condition that follows from them changes.
func deliveryChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return true },
		DeleteFunc:  func(event.DeleteEvent) bool { return true },
		GenericFunc: func(event.GenericEvent) bool { return true },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok1 := e.ObjectOld.(*v1alpha1.WebhookReceiver)
			after, ok2 := e.ObjectNew.(*v1alpha1.WebhookReceiver)
			return ok1 && ok2 &&
				deliveryVerdict(before.Status.Pending).Reason != deliveryVerdict(after.Status.Pending).Reason
		},
	}
}

// rotationAsked admits a new value of the annotation that asks for another signing secret.
func rotationAsked() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetAnnotations()[v1alpha1.AnnotationRotateSecret] !=
				e.ObjectNew.GetAnnotations()[v1alpha1.AnnotationRotateSecret]
		},
	}
}

func (r *Reconciler) ofProvider(ctx context.Context, pp client.Object) []reconcile.Request {
	key := client.ObjectKeyFromObject(pp).String()
	return r.requests(ctx, client.MatchingFields{kubewatch.IndexProviders: key})
}

func (r *Reconciler) ofSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	return r.requests(ctx, client.InNamespace(secret.GetNamespace()),
		client.MatchingFields{kubewatch.IndexSecrets: secret.GetName()})
}

// ofNamespace are the receivers of a namespace: whether a PaymentProvider of another one admits them may depend on the
// namespace's labels. The others cost nothing.
func (r *Reconciler) ofNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	return r.requests(ctx, client.InNamespace(namespace.GetName()))
}

func (r *Reconciler) requests(ctx context.Context, opts ...client.ListOption) []reconcile.Request {
	var list v1alpha1.WebhookReceiverList
	if err := r.Client.List(ctx, &list, opts...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding WebhookReceivers")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}
