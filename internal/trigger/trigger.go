// Package trigger sends a receiver what its provider would send: which secret signs it, which way it goes, what the
// receiver answers, and what its specification makes of it.
package trigger

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// managedKey is the key of a managed registration's Secret with the secret that the provider signs with now.
const managedKey = "signing-secret"

// SigningKey is the Secret with a receiver's signing secret, and the key in it, which is empty where any may be meant.
func SigningKey(r *v1alpha1.WebhookReceiver) (name, key string) {
	managed := r.Name + "-signing"
	if r.Spec.Suspend && r.Status.SigningSecretName != "" {
		name = r.Status.SigningSecretName // the deployed server stays with it
	} else if m := r.Spec.Registration.Manual; m != nil {
		name = m.SigningSecretRef.Name
	} else {
		name = managed
	}
	if name == managed {
		return name, managedKey
	}
	if m := r.Spec.Registration.Manual; m != nil && m.SigningSecretRef.Name == name {
		key = m.SigningSecretRef.Key
	}
	return name, key
}

// SigningSecret is a live one, or empty where there is none.
func SigningSecret(r *v1alpha1.WebhookReceiver, s *corev1.Secret) string {
	_, only := SigningKey(r)
	if only == "" && s.Labels["app.kubernetes.io/managed-by"] == "kassa" && s.Labels[v1alpha1.LabelReceiver] != "" {
		only = managedKey // another receiver's, of which nothing else is a secret
	}
	for _, key := range slices.Sorted(maps.Keys(s.Data)) {
		if value := strings.TrimSpace(string(s.Data[key])); value != "" && (only == "" || only == key) {
			return value
		}
	}
	return ""
}

// Reach says what becomes of an event by the receiver's specification.
type Reach struct {
	// Sinks that it goes to.
	Sinks []string
	// Recorded: its id is remembered, and the status will tell of it.
	Recorded bool
	// Dunned: the operator looks at it as well.
	Dunned bool
}

// ReachOf an event, by the rules of the deployed server.
func ReachOf(r *v1alpha1.WebhookReceiver, e *billing.Event) Reach {
	selected := billing.MatchesEvent(r.Spec.Events, e.Type, e.NativeType)
	out := Reach{
		Dunned: r.Spec.Dunning != nil && e.Type == billing.PaymentFailed && e.Subscription != nil &&
			e.Subscription.ID != "",
	}
	if d := r.Spec.Delivery; d != nil {
		for i := range d.Sinks {
			s := &d.Sinks[i]
			if billing.MatchesEvent(s.Events, e.Type, e.NativeType) && (selected || len(s.Events) > 0) {
				out.Sinks = append(out.Sinks, s.Name)
			}
		}
	}
	out.Recorded = len(out.Sinks) > 0 || e.Type != "" && (selected || out.Dunned)
	return out
}
