package checkoutendpoint

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
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
	besides := handler.EnqueueRequestsFromMapFunc(kubewatch.Besides(r.Client, &v1alpha1.CheckoutEndpoint{}))
	abroad := handler.EnqueueRequestsFromMapFunc(ofRights)
	sharers := handler.EnqueueRequestsFromMapFunc(r.sharers)
	b := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.CheckoutEndpoint{}, builder.WithPredicates(kubewatch.SpecChanged())).
		// Every write of a Plan's status may be of a price that was replaced.
		Watches(&v1alpha1.Plan{}, handler.EnqueueRequestsFromMapFunc(r.ofPlan)).
		Watches(&v1alpha1.PaymentProvider{}, handler.EnqueueRequestsFromMapFunc(r.ofProvider),
			builder.WithPredicates(kubewatch.ProviderChanged())).
		Watches(&v1alpha1.PaymentProvider{}, sharers, builder.WithPredicates(sharing())).
		Watches(&v1alpha1.Plan{}, sharers, builder.WithPredicates(sharing())).
		Watches(&v1alpha1.CheckoutEndpoint{}, sharers, builder.WithPredicates(sharing())).
		Watches(&v1alpha1.CheckoutEndpoint{}, besides, builder.WithPredicates(kubewatch.SpecChanged())).
		Watches(&v1alpha1.WebhookReceiver{}, besides, builder.WithPredicates(kubewatch.SpecChanged())).
		Watches(&rbacv1.Role{}, abroad).
		Watches(&rbacv1.RoleBinding{}, abroad).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.ofSecret)).
		WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.ofNamespace),
			builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Owns(&corev1.Secret{}, builder.OnlyMetadata).
		WithOptions(controller.Options{MaxConcurrentReconciles: 2, RateLimiter: o.RateLimiter})
	// What somebody deletes or edits is put back at once.
	for _, kind := range workload.Kinds() {
		b = b.Owns(kind)
	}
	c, err := b.Build(o.Tracer.Reconciler("CheckoutEndpoint", r))
	if err != nil {
		return err
	}
	r.routes = workload.NewRoutes(mgr, c, &v1alpha1.CheckoutEndpoint{})
	return nil
}

// ofPlan are the endpoints that name a Plan, and those that may select it.
func (r *Reconciler) ofPlan(ctx context.Context, plan client.Object) []reconcile.Request {
	return r.requests(ctx, func(e *v1alpha1.CheckoutEndpoint) bool {
		return e.Spec.PlanSelector != nil || slices.ContainsFunc(e.Spec.Plans, func(p v1alpha1.CheckoutPlan) bool {
			return p.Name == plan.GetName()
		})
	}, client.InNamespace(plan.GetNamespace()))
}

// ofProvider are the endpoints that name a PaymentProvider, and those of the namespaces that have Plans there.
func (r *Reconciler) ofProvider(ctx context.Context, pp client.Object) []reconcile.Request {
	key := client.ObjectKeyFromObject(pp).String()
	requests := r.requests(ctx, all, client.MatchingFields{kubewatch.IndexProviders: key})
	var plans v1alpha1.PlanList
	if err := r.Client.List(ctx, &plans, client.MatchingFields{kubewatch.IndexPlans: key}); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding the Plans of a PaymentProvider")
		return requests
	}
	var namespaces []string
	for i := range plans.Items {
		if ns := plans.Items[i].Namespace; !slices.Contains(namespaces, ns) {
			namespaces = append(namespaces, ns)
			requests = append(requests, r.requests(ctx, all, client.InNamespace(ns))...)
		}
	}
	return requests
}

func (r *Reconciler) ofSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	return r.requests(ctx, all, client.InNamespace(secret.GetNamespace()),
		client.MatchingFields{kubewatch.IndexSecrets: secret.GetName()})
}

// ofNamespace are the endpoints of a namespace: whether a PaymentProvider of another one admits them may depend on the
// namespace's labels.
func (r *Reconciler) ofNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	return r.requests(ctx, all, client.InNamespace(namespace.GetName()))
}

// ofRights is the endpoint whose server a Role or RoleBinding of another namespace is for.
func ofRights(_ context.Context, o client.Object) []reconcile.Request {
	owner, ok := workload.OwnerAbroad(o, v1alpha1.LabelCheckoutEndpoint)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: owner}}
}

func all(*v1alpha1.CheckoutEndpoint) bool { return true }

func (r *Reconciler) requests(
	ctx context.Context, wanted func(*v1alpha1.CheckoutEndpoint) bool, opts ...client.ListOption,
) []reconcile.Request {
	var list v1alpha1.CheckoutEndpointList
	if err := r.Client.List(ctx, &list, opts...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding CheckoutEndpoints")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if wanted(&list.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
