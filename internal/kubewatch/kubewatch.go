// Package kubewatch has the predicates and field indexes that the controllers share.
package kubewatch

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/store"
)

// Field indexes of the manager's cache.
const (
	// IndexPlans finds the Plans of all namespaces that refer to a PaymentProvider, by its "namespace/name".
	IndexPlans = "spec.providers"
	// IndexProviders finds the WebhookReceivers and CheckoutEndpoints of all namespaces that refer to a PaymentProvider,
	// by its "namespace/name".
	IndexProviders = "spec.providerRef"
	// IndexSecrets finds the PaymentProviders, WebhookReceivers and CheckoutEndpoints that refer to a Secret of their
	// namespace.
	IndexSecrets = "spec.secrets"
	// IndexPlaces finds the WebhookReceivers and CheckoutEndpoints of all namespaces that are exposed at a host and path.
	IndexPlaces = "spec.places"
)

// Index registers the indexes.
func Index(ctx context.Context, indexer client.FieldIndexer) error {
	for _, i := range []struct {
		object client.Object
		field  string
		values func(client.Object) []string
	}{
		{&v1alpha1.Plan{}, IndexPlans, func(o client.Object) []string {
			return PlanProviders(o.(*v1alpha1.Plan)) //nolint:forcetypeassert // the index is of Plans
		}},
		{&v1alpha1.WebhookReceiver{}, IndexProviders, func(o client.Object) []string {
			return []string{accounts.ReceiverProvider(o.(*v1alpha1.WebhookReceiver)).String()}
		}},
		{&v1alpha1.PaymentProvider{}, IndexSecrets, func(o client.Object) []string {
			return accounts.Secrets(&o.(*v1alpha1.PaymentProvider).Spec)
		}},
		{&v1alpha1.WebhookReceiver{}, IndexSecrets, func(o client.Object) []string {
			return receiverSecrets(o.(*v1alpha1.WebhookReceiver))
		}},
		{&v1alpha1.CheckoutEndpoint{}, IndexProviders, func(o client.Object) []string {
			var keys []string
			for _, key := range EndpointProviders(o.(*v1alpha1.CheckoutEndpoint)) {
				keys = append(keys, key.String())
			}
			return keys
		}},
		{&v1alpha1.CheckoutEndpoint{}, IndexSecrets, func(o client.Object) []string {
			return EndpointSecrets(o.(*v1alpha1.CheckoutEndpoint))
		}},
		{&v1alpha1.WebhookReceiver{}, IndexPlaces, places},
		{&v1alpha1.CheckoutEndpoint{}, IndexPlaces, places},
	} {
		if err := indexer.IndexField(ctx, i.object, i.field, i.values); err != nil {
			return err
		}
	}
	return nil
}

// PlanProviders are the keys of the providers that a Plan sells at, and of those where it still has objects.
func PlanProviders(plan *v1alpha1.Plan) []string {
	seen := map[string]bool{}
	var keys []string
	add := func(at v1alpha1.PlanProvider) {
		if key := accounts.ProviderKey(plan.Namespace, &at).String(); !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	for _, p := range plan.Spec.Providers {
		add(p)
	}
	for _, p := range plan.Status.Providers {
		add(v1alpha1.PlanProvider{Name: p.Name, Namespace: p.Namespace})
	}
	return keys
}

// receiverSecrets are the Secrets that a receiver refers to: for its signing secrets, an adoption, its database, its
// sinks and TLS.
func receiverSecrets(r *v1alpha1.WebhookReceiver) []string {
	names := []string{reception.MeantSecret(r)}
	add := func(ref *v1alpha1.SecretKeyReference) {
		if ref != nil && !slices.Contains(names, ref.Name) {
			names = append(names, ref.Name)
		}
	}
	if m := r.Spec.Registration.Managed; m != nil && m.Adopt != nil {
		add(m.Adopt.SigningSecretRef)
	}
	for _, part := range store.Parts(r) {
		add(&part.SecretKeyReference)
	}
	if d := r.Spec.Delivery; d != nil {
		for i := range d.Sinks {
			add(d.Sinks[i].HTTP.TokenSecretRef)
			add(d.Sinks[i].HTTP.SigningSecretRef)
		}
	}
	if r.Spec.TLS != nil {
		add(&v1alpha1.SecretKeyReference{Name: r.Spec.TLS.SecretName})
	}
	return names
}

// EndpointProviders are the providers that a CheckoutEndpoint names. Those of its Plans are found by the Plans.
func EndpointProviders(e *v1alpha1.CheckoutEndpoint) []types.NamespacedName {
	var keys []types.NamespacedName
	for _, p := range e.Spec.Providers {
		at := v1alpha1.PlanProvider{Name: p.Name, Namespace: p.Namespace}
		if key := accounts.ProviderKey(e.Namespace, &at); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// EndpointSecrets are the Secrets of its own namespace that a CheckoutEndpoint names: for its callers' token and TLS.
func EndpointSecrets(e *v1alpha1.CheckoutEndpoint) []string {
	var names []string
	if t := e.Spec.Auth.BearerToken; t != nil {
		names = append(names, t.SecretRef.Name)
	}
	if t := e.Spec.TLS; t != nil && !slices.Contains(names, t.SecretName) {
		names = append(names, t.SecretName)
	}
	return names
}

// SpecChanged admits what a user did: a changed spec, a new kassa.dev/reconcile-at, a deletion. It leaves out
// status writes, also those of deployed servers.
func SpecChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
			e.ObjectOld.GetAnnotations()[v1alpha1.AnnotationReconcileAt] !=
				e.ObjectNew.GetAnnotations()[v1alpha1.AnnotationReconcileAt] ||
			e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
	}}
}

// ProviderChanged admits changes of a PaymentProvider that matter to those who refer to it.
func ProviderChanged() predicate.Predicate {
	return predicate.Or(SpecChanged(), predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return true },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok1 := e.ObjectOld.(*v1alpha1.PaymentProvider)
			after, ok2 := e.ObjectNew.(*v1alpha1.PaymentProvider)
			return ok1 && ok2 &&
				(readiness(before) != readiness(after) || accounts.Identity(before) != accounts.Identity(after))
		},
	})
}

func readiness(p *v1alpha1.PaymentProvider) [2]string {
	c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return [2]string{string(metav1.ConditionUnknown)}
	}
	return [2]string{string(c.Status), c.Reason}
}
