package checkoutendpoint

import (
	"bytes"
	"context"
	"fmt"

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

// published is what the endpoint's servers were told last, nil if that is not known.
func (r *Reconciler) published(
	ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint,
) (*storefront.Document, error) {
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, storefrontKey(endpoint), secret)
	if err != nil || !metav1.IsControlledBy(secret, endpoint) {
		return nil, client.IgnoreNotFound(err)
	}
	d, err := storefront.Decode(string(secret.Data[storefront.DocumentKey]))
	if err != nil {
		return nil, nil //nolint:nilerr // somebody edited it; it is written anew
	}
	return d, nil
}

func storefrontKey(endpoint *v1alpha1.CheckoutEndpoint) types.NamespacedName {
	return types.NamespacedName{Namespace: endpoint.Namespace, Name: storefront.SecretName(endpoint.Name)}
}

// publish tells the servers what is sold, if that changed. It returns nil, or why it cannot.
func (r *Reconciler) publish(
	ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint, d *storefront.Document,
) (*status.Verdict, error) {
	text, err := d.Encode()
	if err != nil {
		return nil, err
	}
	key, data := storefrontKey(endpoint), []byte(text)
	there := &corev1.Secret{}
	err = r.Live.Get(ctx, key, there)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return nil, fmt.Errorf("reading Secret %s: %w", key.Name, err)
	case err == nil && !metav1.IsControlledBy(there, endpoint):
		foreign := &workload.ForeignError{
			Kind: "Secret", Name: key.Name, Leftover: workload.IsLeftover(there, "CheckoutEndpoint", endpoint.Name),
		}
		if foreign.Leftover {
			return nil, foreign
		}
		v := status.Stalled(v1alpha1.ReasonOwnedByAnother, foreign.Error())
		return &v, nil
	case err == nil && bytes.Equal(there.Data[storefront.DocumentKey], data):
		return nil, nil
	}
	err = r.Client.Apply(ctx, secretOf(endpoint, key.Name, data), client.FieldOwner(status.FieldManager),
		client.ForceOwnership)
	switch {
	case err == nil:
		return nil, nil
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsRequestEntityTooLargeError(err):
		v := status.Stalled(v1alpha1.ReasonStorefrontRefused, fmt.Sprintf("Secret %q: %v", key.Name, err))
		return &v, nil
	default:
		return nil, fmt.Errorf("writing Secret %s: %w", key.Name, err)
	}
}

// secretOf is a Secret although nothing in it is secret: the document says where keys are sent, and whoever may write
// Secrets is trusted with the keys.
func secretOf(
	endpoint *v1alpha1.CheckoutEndpoint, name string, data []byte,
) *coreac.SecretApplyConfiguration {
	labels := workload.Managed()
	labels[v1alpha1.LabelCheckoutEndpoint] = endpoint.Name
	return coreac.Secret(name, endpoint.Namespace).WithLabels(labels).WithType(storefront.SecretType).
		WithData(map[string][]byte{storefront.DocumentKey: data}).
		WithOwnerReferences(metaac.OwnerReference().WithAPIVersion(v1alpha1.GroupVersion.String()).
			WithKind("CheckoutEndpoint").WithName(endpoint.Name).WithUID(endpoint.UID).WithController(true).
			WithBlockOwnerDeletion(true))
}
