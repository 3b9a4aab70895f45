package checkoutendpoint

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/storefront"
	"github.com/kassa-dev/kassa/internal/workload"
)

// publishedAs is the value of v1alpha1.LabelPublished.
const publishedAs = "storefront"

// published is what the endpoint's servers were told last, nil if that is not known.
func (r *Reconciler) published(
	ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint,
) (*storefront.Document, error) {
	cm := &corev1.ConfigMap{}
	err := r.Client.Get(ctx, storefrontKey(endpoint), cm)
	if err != nil || !metav1.IsControlledBy(cm, endpoint) {
		return nil, client.IgnoreNotFound(err)
	}
	d, err := storefront.Decode(cm.Data[storefront.DocumentKey])
	if err != nil {
		return nil, nil //nolint:nilerr // somebody edited it; it is written anew
	}
	return d, nil
}

func storefrontKey(endpoint *v1alpha1.CheckoutEndpoint) types.NamespacedName {
	return types.NamespacedName{Namespace: endpoint.Namespace, Name: storefront.ConfigMapName(endpoint.Name)}
}

// publish tells the servers what is sold, if that changed. It returns nil, or why it cannot.
func (r *Reconciler) publish(
	ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint, d *storefront.Document,
) (*status.Verdict, error) {
	text, err := d.Encode()
	if err != nil {
		return nil, err
	}
	key, data := storefrontKey(endpoint), map[string]string{storefront.DocumentKey: text}
	there := &corev1.ConfigMap{}
	err = r.Client.Get(ctx, key, there)
	if apierrors.IsNotFound(err) { // or it has not the label that the cache selects by
		err = r.Live.Get(ctx, key, there)
	}
	switch {
	case client.IgnoreNotFound(err) != nil:
		return nil, fmt.Errorf("reading ConfigMap %s: %w", key.Name, err)
	case err == nil && !metav1.IsControlledBy(there, endpoint):
		foreign := &workload.ForeignError{
			Kind: "ConfigMap", Name: key.Name, Leftover: workload.IsLeftover(there, "CheckoutEndpoint", endpoint.Name),
		}
		if foreign.Leftover {
			return nil, foreign
		}
		v := status.Stalled(v1alpha1.ReasonOwnedByAnother, foreign.Error())
		return &v, nil
	case err == nil && maps.Equal(there.Data, data) && there.Labels[v1alpha1.LabelPublished] == publishedAs:
		return nil, nil
	}
	err = r.Client.Apply(ctx, configMap(endpoint, key.Name, data), client.FieldOwner(status.FieldManager),
		client.ForceOwnership)
	switch {
	case err == nil:
		return nil, nil
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsRequestEntityTooLargeError(err):
		v := status.Stalled(v1alpha1.ReasonStorefrontRefused, fmt.Sprintf("ConfigMap %q: %v", key.Name, err))
		return &v, nil
	default:
		return nil, fmt.Errorf("writing ConfigMap %s: %w", key.Name, err)
	}
}

func configMap(
	endpoint *v1alpha1.CheckoutEndpoint, name string, data map[string]string,
) *coreac.ConfigMapApplyConfiguration {
	labels := workload.Managed()
	labels[v1alpha1.LabelCheckoutEndpoint] = endpoint.Name
	labels[v1alpha1.LabelPublished] = publishedAs
	return coreac.ConfigMap(name, endpoint.Namespace).WithLabels(labels).WithData(data).
		WithOwnerReferences(metaac.OwnerReference().WithAPIVersion(v1alpha1.GroupVersion.String()).
			WithKind("CheckoutEndpoint").WithName(endpoint.Name).WithUID(endpoint.UID).WithController(true).
			WithBlockOwnerDeletion(true))
}
