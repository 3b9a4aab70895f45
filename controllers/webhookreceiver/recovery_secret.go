package webhookreceiver

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/reception"
)

// errNoSigningSecret: there is nothing to sign events with.
var errNoSigningSecret = errors.New("there is no signing secret")

// signingSecret is one that the receiver takes.
func (r *Recovery) signingSecret(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (string, error) {
	name := reception.LiveSecret(receiver)
	secret := &corev1.Secret{}
	err := r.Receivers.Live.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: name}, secret)
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("reading Secret %s: %w", name, err)
	}
	live := reception.Live(receiver, reception.Values(secret))
	if len(live) == 0 {
		return "", fmt.Errorf("Secret %q: %w", name, errNoSigningSecret)
	}
	return live[0], nil
}
