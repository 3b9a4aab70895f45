package checkoutendpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// references is everything that decides what an endpoint sells.
type references struct {
	endpoint *v1alpha1.CheckoutEndpoint
	cluster  string
	// plans are those of the spec that exist, by name; with a selector, those that it matches.
	plans map[string]*v1alpha1.Plan
	// providers are those of the spec and of the plans that exist and admit the namespace; refused says of the others why
	// not. Both are by key.
	providers map[string]*v1alpha1.PaymentProvider
	refused   map[string]*accounts.Error
	// limits are what one replica may ask of a provider.
	limits map[string]accounts.Limit
	// traits are what the providers can do with subscriptions.
	traits map[billing.Provider]provider.SubscriptionTraits
	// before is what was sold last; nil if that is not known.
	before *storefront.Document
}

func (r *Reconciler) read(ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint) (references, error) {
	refs := references{
		endpoint: endpoint, cluster: r.Cluster,
		providers: map[string]*v1alpha1.PaymentProvider{}, refused: map[string]*accounts.Error{},
	}
	var err error
	if refs.plans, err = r.plans(ctx, endpoint); err != nil {
		return refs, err
	}
	for _, p := range endpoint.Spec.Providers {
		if err := r.readProvider(ctx, &refs, v1alpha1.PlanProvider{Name: p.Name, Namespace: p.Namespace}); err != nil {
			return refs, err
		}
	}
	for _, plan := range refs.plans {
		for _, at := range providersOf(plan) {
			if err := r.readProvider(ctx, &refs, at); err != nil {
				return refs, err
			}
		}
	}
	all, err := r.everything(ctx)
	if err != nil {
		return refs, err
	}
	refs.limits, refs.traits = all.shares(r.Registry), traitsIn(r.Registry)
	refs.before, err = r.published(ctx, endpoint)
	return refs, err
}

func (r *Reconciler) plans(
	ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint,
) (map[string]*v1alpha1.Plan, error) {
	found := map[string]*v1alpha1.Plan{}
	if s := endpoint.Spec.PlanSelector; s != nil {
		selector, err := metav1.LabelSelectorAsSelector(s)
		if err != nil {
			return found, nil //nolint:nilerr // what cannot be read matches nothing, and resolve says so
		}
		var list v1alpha1.PlanList
		err = r.Client.List(ctx, &list, client.InNamespace(endpoint.Namespace), client.MatchingLabelsSelector{
			Selector: selector,
		})
		for i := range list.Items {
			found[list.Items[i].Name] = &list.Items[i]
		}
		return found, err
	}
	for _, p := range endpoint.Spec.Plans {
		plan := &v1alpha1.Plan{}
		err := r.Client.Get(ctx, types.NamespacedName{Namespace: endpoint.Namespace, Name: p.Name}, plan)
		switch {
		case err == nil:
			found[p.Name] = plan
		case !apierrors.IsNotFound(err):
			return found, fmt.Errorf("reading Plan %s: %w", p.Name, err)
		}
	}
	return found, nil
}

func (r *Reconciler) readProvider(ctx context.Context, refs *references, at v1alpha1.PlanProvider) error {
	namespace := refs.endpoint.Namespace
	key := accounts.ProviderKey(namespace, &at).String()
	_, refused := refs.refused[key]
	if refused || refs.providers[key] != nil {
		return nil
	}
	pp, err := accounts.Resolve(ctx, r.Client, namespace, &at)
	var refusal *accounts.Error
	switch {
	case err == nil:
		refs.providers[key] = pp
	case errors.As(err, &refusal):
		refs.refused[key], err = refusal, nil
	}
	return err
}

// providersOf are where a Plan is sold, and where it still is on sale although its spec no longer says so. A Plan
// forgets the others: their subscriptions are managed only where the endpoint names them, with weight 0.
func providersOf(plan *v1alpha1.Plan) []v1alpha1.PlanProvider {
	list := slices.Clone(plan.Spec.Providers)
	for _, p := range plan.Status.Providers {
		list = append(list, v1alpha1.PlanProvider{Name: p.Name, Namespace: p.Namespace})
	}
	return list
}

// missingSecret says in a sentence that the Secret with the callers' token is not there, or nothing.
func (r *Reconciler) missingSecret(ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint) (string, error) {
	token := endpoint.Spec.Auth.BearerToken
	if token == nil {
		return "", nil
	}
	ref, secret := token.SecretRef, &corev1.Secret{}
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: endpoint.Namespace, Name: ref.Name}, secret)
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("spec.auth.bearerToken: Secret %q does not exist; create it with the token", ref.Name), nil
	}
	if err != nil {
		return "", fmt.Errorf("reading Secret %s: %w", ref.Name, err)
	}
	for key, value := range secret.Data {
		if (ref.Key == "" || ref.Key == key) && strings.TrimSpace(string(value)) != "" {
			return "", nil
		}
	}
	what := fmt.Sprintf("spec.auth.bearerToken: Secret %q has no token", ref.Name)
	if ref.Key != "" {
		what += fmt.Sprintf(" under %q", ref.Key)
	}
	return what, nil
}
