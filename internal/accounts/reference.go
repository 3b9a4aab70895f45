package accounts

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/namespaces"
)

// ProviderKey is where the PaymentProvider is that an object of a namespace refers to.
func ProviderKey(namespace string, ref *v1alpha1.PlanProvider) types.NamespacedName {
	key := types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}
	if key.Namespace == "" {
		key.Namespace = namespace
	}
	return key
}

// OfReceiver is a WebhookReceiver's reference, in the form of a Plan's.
func OfReceiver(receiver *v1alpha1.WebhookReceiver) *v1alpha1.PlanProvider {
	ref := receiver.Spec.ProviderRef
	return &v1alpha1.PlanProvider{Name: ref.Name, Namespace: ref.Namespace}
}

// ReceiverProvider is where the PaymentProvider of a WebhookReceiver is.
func ReceiverProvider(receiver *v1alpha1.WebhookReceiver) types.NamespacedName {
	return ProviderKey(receiver.Namespace, OfReceiver(receiver))
}

// Find finds the PaymentProvider that an object of a namespace refers to, whether or not it still admits that
// namespace: what was sold while it did is taken off sale all the same. The error is a *Error, or a failure to read
// from Kubernetes.
func Find(
	ctx context.Context, c client.Reader, namespace string, ref *v1alpha1.PlanProvider,
) (*v1alpha1.PaymentProvider, error) {
	key := ProviderKey(namespace, ref)
	pp := &v1alpha1.PaymentProvider{}
	err := c.Get(ctx, key, pp)
	if apierrors.IsNotFound(err) {
		return nil, &Error{
			Reason: v1alpha1.ReasonReferenceNotFound, Stalled: true,
			Message: fmt.Sprintf("PaymentProvider %q does not exist in namespace %q", key.Name, key.Namespace),
		}
	}
	if outside := (*namespaces.OutsideError)(nil); errors.As(err, &outside) {
		return nil, &Error{
			Reason: v1alpha1.ReasonReferenceNotPermitted, Stalled: true, Err: err,
			Message: fmt.Sprintf("PaymentProvider %q is in namespace %q, where this operator does not work; add the namespace "+
				"to the operator's --namespaces, or use a PaymentProvider of namespace %q", key.Name, key.Namespace, namespace),
		}
	}
	return pp, err
}

// Resolve is Find, and refuses a PaymentProvider that does not admit the namespace. c reads PaymentProviders, and
// namespaces' metadata.
func Resolve(
	ctx context.Context, c client.Reader, namespace string, ref *v1alpha1.PlanProvider,
) (*v1alpha1.PaymentProvider, error) {
	pp, err := Find(ctx, c, namespace, ref)
	if err != nil {
		return nil, err
	}
	admitted, err := admits(ctx, c, pp, namespace)
	if err != nil {
		return nil, err
	}
	if !admitted {
		return nil, &Error{
			Reason: v1alpha1.ReasonReferenceNotPermitted, Stalled: true,
			Message: fmt.Sprintf("PaymentProvider %q in namespace %q does not admit namespace %q; "+
				"its spec.allowedNamespaces must be from: All, or from: Selector with a selector that matches the namespace's "+
				"labels", pp.Name, pp.Namespace, namespace),
		}
	}
	return pp, nil
}

func admits(ctx context.Context, c client.Reader, pp *v1alpha1.PaymentProvider, namespace string) (bool, error) {
	if namespace == pp.Namespace {
		return true, nil
	}
	switch pp.Spec.AllowedNamespaces.From {
	case v1alpha1.NamespacesAll:
		return true, nil
	case v1alpha1.NamespacesSelector:
	default:
		return false, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(pp.Spec.AllowedNamespaces.Selector)
	if err != nil {
		return false, &Error{
			Reason: v1alpha1.ReasonReferenceNotPermitted, Stalled: true, Err: err,
			Message: fmt.Sprintf("spec.allowedNamespaces.selector of PaymentProvider %q cannot be read: %v", pp.Name, err),
		}
	}
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := c.Get(ctx, types.NamespacedName{Name: namespace}, meta); err != nil {
		return false, fmt.Errorf("reading namespace %s: %w", namespace, err)
	}
	return selector.Matches(labels.Set(meta.Labels)), nil
}
