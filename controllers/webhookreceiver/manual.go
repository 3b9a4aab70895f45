package webhookreceiver

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/reception"
)

// wasManaged says that the receiver registered an endpoint, or was about to. A manual registration that names the
// Secret which Kassa kept takes the endpoint over as it is.
func wasManaged(receiver *v1alpha1.WebhookReceiver) bool {
	managed := reception.ManagedSecret(receiver.Name)
	m := receiver.Spec.Registration.Manual
	return receiver.Status.SigningSecretName == managed && (m == nil || m.SigningSecretRef.Name != managed)
}

// registerManually makes sure that there is a signing secret. The endpoint of a registration that was managed before
// goes: it would go on calling with a secret that is not live.
func (r *Reconciler) registerManually(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account,
) registered {
	err := r.checkManual(ctx, receiver)
	if err == nil && wasManaged(receiver) {
		err = r.noteRefused(receiver, r.unregister(ctx, receiver, account))
	}
	return registered{manual: true, err: err}
}

// checkManual makes sure that a manual registration has a signing secret.
func (r *Reconciler) checkManual(ctx context.Context, receiver *v1alpha1.WebhookReceiver) error {
	ref := receiver.Spec.Registration.Manual.SigningSecretRef
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: ref.Name}, secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading Secret %s: %w", ref.Name, err)
	}
	if len(reception.Live(receiver, reception.Values(secret))) > 0 {
		return nil
	}
	what := fmt.Sprintf("Secret %q has no signing secret", ref.Name)
	if ref.Key != "" {
		what += fmt.Sprintf(" under %q", ref.Key)
	}
	if err != nil {
		what = fmt.Sprintf("Secret %q does not exist", ref.Name)
	}
	return &accounts.Error{
		Reason: v1alpha1.ReasonSigningSecretMissing, Stalled: true,
		Message: what + "; put the endpoint's signing secret there",
	}
}
