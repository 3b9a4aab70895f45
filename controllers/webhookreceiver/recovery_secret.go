package webhookreceiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/registration"
)

// errNoSigningSecret: there is nothing to sign events with.
var errNoSigningSecret = errors.New("there is no signing secret")

// signingSecret is one that the receiver takes.
func (r *Recovery) signingSecret(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (string, error) {
	name := kubewatch.SigningSecretName(receiver)
	secret := &corev1.Secret{}
	err := r.Receivers.Live.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: name}, secret)
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("reading Secret %s: %w", name, err)
	}
	wanted := registration.KeySecret
	if m := receiver.Spec.Registration.Manual; m != nil {
		wanted = m.SigningSecretRef.Key
	}
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		value := strings.TrimSpace(string(secret.Data[key]))
		if value != "" && (wanted == "" || wanted == key) {
			return value, nil
		}
	}
	return "", fmt.Errorf("Secret %q: %w", name, errNoSigningSecret)
}
