package checkoutendpoint

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/workload"
)

// everything is what decides how the checkout servers share the rates of accounts. It is read only.
type everything struct {
	providers []v1alpha1.PaymentProvider
	endpoints []v1alpha1.CheckoutEndpoint
	plans     map[string][]*v1alpha1.Plan // by namespace
}

func (r *Reconciler) everything(ctx context.Context) (everything, error) {
	var providers v1alpha1.PaymentProviderList
	var endpoints v1alpha1.CheckoutEndpointList
	var plans v1alpha1.PlanList
	for _, list := range []client.ObjectList{&providers, &endpoints, &plans} {
		if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return everything{}, fmt.Errorf("reading who shares an account: %w", err)
		}
	}
	all := everything{providers: providers.Items, endpoints: endpoints.Items, plans: map[string][]*v1alpha1.Plan{}}
	for i := range plans.Items {
		p := &plans.Items[i]
		all.plans[p.Namespace] = append(all.plans[p.Namespace], p)
	}
	return all, nil
}

// shares are what one replica of an endpoint's server may ask of each provider, by the provider's key: the servers'
// part of what the account takes, divided by all replicas of all endpoints that are at the account.
func (all everything) shares(registry provider.Registry) map[string]accounts.Limit {
	scopes, limits, replicas := map[string]string{}, map[string]accounts.Limit{}, map[string]int{}
	for i := range all.providers {
		pp := &all.providers[i]
		scope, limit, ok := accounts.LimitOf(registry, pp)
		if !ok {
			continue
		}
		scopes[client.ObjectKeyFromObject(pp).String()] = scope
		if other, there := limits[scope]; there {
			limit = limit.Smaller(other)
		}
		limits[scope] = limit
	}
	for i := range all.endpoints {
		e, at := &all.endpoints[i], map[string]bool{}
		for key := range all.usedBy(e) {
			at[scopes[key]] = true
		}
		for scope := range at {
			replicas[scope] += int(workload.Checkout{Object: e}.Server().Replicas())
		}
	}
	out := map[string]accounts.Limit{}
	for key, scope := range scopes {
		out[key] = limits[scope].OfServer(replicas[scope])
	}
	return out
}

// usedBy are the keys of the providers that an endpoint's server may ask: those of its spec and of its plans.
func (all everything) usedBy(e *v1alpha1.CheckoutEndpoint) map[string]bool {
	keys := map[string]bool{}
	for _, key := range kubewatch.EndpointProviders(e) {
		keys[key.String()] = true
	}
	for _, plan := range all.plans[e.Namespace] {
		if sells(e, plan) {
			for _, key := range kubewatch.PlanProviders(plan) {
				keys[key] = true
			}
		}
	}
	return keys
}

// sells says whether an endpoint names a Plan of its namespace, or selects it.
func sells(e *v1alpha1.CheckoutEndpoint, plan *v1alpha1.Plan) bool {
	if s := e.Spec.PlanSelector; s != nil {
		selector, err := metav1.LabelSelectorAsSelector(s)
		return err == nil && selector.Matches(labels.Set(plan.Labels))
	}
	return slices.ContainsFunc(e.Spec.Plans, func(c v1alpha1.CheckoutPlan) bool { return c.Name == plan.Name })
}

// sharers are all endpoints: who comes or goes at an account changes the shares of those who are there. A Plan that no
// endpoint sells changes nothing.
func (r *Reconciler) sharers(ctx context.Context, o client.Object) []reconcile.Request {
	var list v1alpha1.CheckoutEndpointList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding CheckoutEndpoints")
		return nil
	}
	plan, isPlan := o.(*v1alpha1.Plan)
	if isPlan && !slices.ContainsFunc(list.Items, func(e v1alpha1.CheckoutEndpoint) bool {
		return e.Namespace == plan.Namespace && sells(&e, plan)
	}) {
		return nil
	}
	requests := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		requests[i].NamespacedName = client.ObjectKeyFromObject(&list.Items[i])
	}
	return requests
}

// sharing admits what may change the shares. At the start every endpoint is looked at anyway.
func sharing() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(e event.CreateEvent) bool { return !e.IsInInitialList },
		DeleteFunc:  func(event.DeleteEvent) bool { return true },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !equality.Semantic.DeepEqual(shareOf(e.ObjectOld), shareOf(e.ObjectNew))
		},
	}
}

// shareOf is the part of an object that shares depend on.
func shareOf(o client.Object) []any {
	switch o := o.(type) {
	case *v1alpha1.PaymentProvider:
		return []any{o.Spec.RateLimit, o.Spec.BaseURL, o.Status.Account}
	case *v1alpha1.CheckoutEndpoint:
		return []any{o.Spec.Providers, o.Spec.Plans, o.Spec.PlanSelector, o.Spec.Workload}
	case *v1alpha1.Plan:
		return []any{o.Labels, slices.Sorted(slices.Values(kubewatch.PlanProviders(o)))}
	}
	return nil
}
