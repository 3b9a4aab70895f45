// Package reception says what a WebhookReceiver makes of a request: which signing secrets are live, and who gets an
// event. The deployed server decides by it, and so do those who send it events: the operator's recovery, and kubectl
// kassa trigger. It is pure.
package reception

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/registration"
)

// ServerName is that of what is deployed for a receiver, such as its Deployment and its Service.
func ServerName(receiver string) string { return receiver + "-receiver" }

// ManagedSecret is the name of the Secret of a receiver's managed registration.
func ManagedSecret(receiver string) string { return receiver + "-signing" }

// MeantSecret is the name of the Secret that the spec means for the signing secrets.
func MeantSecret(r *v1alpha1.WebhookReceiver) string {
	if m := r.Spec.Registration.Manual; m != nil {
		return m.SigningSecretRef.Name
	}
	return ManagedSecret(r.Name)
}

// LiveSecret is the name of the Secret with the live signing secrets. While the receiver is suspended the operator
// changes nothing at the provider, so that which it used last stays.
func LiveSecret(r *v1alpha1.WebhookReceiver) string {
	if r.Spec.Suspend && r.Status.SigningSecretName != "" {
		return r.Status.SigningSecretName
	}
	return MeantSecret(r)
}

// SigningKey is the key of LiveSecret with the secret that the provider signs with now, or empty where it may be any.
func SigningKey(r *v1alpha1.WebhookReceiver) string {
	if key := onlyKey(r); key != "" || LiveSecret(r) != ManagedSecret(r.Name) {
		return key
	}
	return registration.KeySecret
}

// onlyKey is the key that a manual registration names, if it does and the Secret is still that one.
func onlyKey(r *v1alpha1.WebhookReceiver) string {
	if m := r.Spec.Registration.Manual; m != nil && m.SigningSecretRef.Name == LiveSecret(r) {
		return m.SigningSecretRef.Key
	}
	return ""
}

// Values are what in a Secret may be a secret. Of one that the operator keeps for a registration, whosever it is,
// nothing but the signing secrets is: a receiver that takes it by hand must not take an endpoint's id, which many know,
// for one.
func Values(s *corev1.Secret) map[string][]byte {
	if s.Labels["app.kubernetes.io/managed-by"] != "kassa" || s.Labels[v1alpha1.LabelReceiver] == "" {
		return s.Data
	}
	data := maps.Clone(s.Data)
	maps.DeleteFunc(data, func(key string, _ []byte) bool { return !isSigning(key) })
	return data
}

func isSigning(key string) bool { return strings.HasPrefix(key, registration.KeySecret) }

// Live are the live signing secrets among the Values of LiveSecret, in the order of their keys: the provider signs with
// the first. A trailing line break, which is easily put into a Secret by accident, is no part of a secret.
func Live(r *v1alpha1.WebhookReceiver, values map[string][]byte) []string {
	managed, only := LiveSecret(r) == ManagedSecret(r.Name), onlyKey(r)
	var out []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if managed && !isSigning(key) || only != "" && only != key {
			continue
		}
		if v := strings.TrimSpace(string(values[key])); v != "" {
			out = append(out, v)
		}
	}
	return out
}
