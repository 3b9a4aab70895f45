package paymentprovider

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
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/telemetry"
)

// Options tune the controller.
type Options struct {
	// RateLimiter paces retries.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// Refused tells of PaymentProviders whose credentials the provider refused.
	Refused <-chan event.GenericEvent
	// Tracer makes each reconcile a span; it may be nil.
	Tracer *telemetry.Tracer
}

// Setup registers the controller. Secrets are watched by metadata alone: their values never enter the cache.
func (r *Reconciler) Setup(mgr ctrl.Manager, o Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.PaymentProvider{}, builder.WithPredicates(kubewatch.SpecChanged())).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.ofSecret)).
		Watches(&v1alpha1.Plan{}, handler.EnqueueRequestsFromMapFunc(ofPlan), builder.WithPredicates(gone())).
		Watches(&v1alpha1.WebhookReceiver{}, handler.EnqueueRequestsFromMapFunc(ofReceiver),
			builder.WithPredicates(gone())).
		Watches(&v1alpha1.CheckoutEndpoint{}, handler.EnqueueRequestsFromMapFunc(ofEndpoint),
			builder.WithPredicates(gone())).
		WatchesRawSource(source.Channel(o.Refused, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4, RateLimiter: o.RateLimiter}).
		Complete(o.Tracer.Reconciler("PaymentProvider", r))
}

// gone admits the end of an object that may have kept a PaymentProvider from being deleted.
func gone() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(event.UpdateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return true },
	}
}

func (r *Reconciler) ofSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	var list v1alpha1.PaymentProviderList
	err := r.Client.List(ctx, &list, client.InNamespace(secret.GetNamespace()),
		client.MatchingFields{kubewatch.IndexSecrets: secret.GetName()})
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding the PaymentProviders of a Secret")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}

func ofPlan(_ context.Context, o client.Object) []reconcile.Request {
	plan, ok := o.(*v1alpha1.Plan)
	if !ok {
		return nil
	}
	var requests []reconcile.Request
	for _, p := range plan.Spec.Providers {
		requests = append(requests, reconcile.Request{NamespacedName: accounts.ProviderKey(plan.Namespace, &p)})
	}
	return requests
}

func ofReceiver(_ context.Context, o client.Object) []reconcile.Request {
	receiver, ok := o.(*v1alpha1.WebhookReceiver)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: accounts.ReceiverProvider(receiver)}}
}

func ofEndpoint(_ context.Context, o client.Object) []reconcile.Request {
	endpoint, ok := o.(*v1alpha1.CheckoutEndpoint)
	if !ok {
		return nil
	}
	var requests []reconcile.Request
	for _, key := range kubewatch.EndpointProviders(endpoint) {
		requests = append(requests, reconcile.Request{NamespacedName: key})
	}
	return requests
}
