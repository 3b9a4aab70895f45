package webhookserver

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// managedKeyPrefix starts the keys of a managed Secret that hold signing secrets; other keys hold the endpoint's id and
// the like, which others may know.
const managedKeyPrefix = "signing-secret"

// viewOf is what a Secret holds. Of one that the operator keeps for a registration, whosever it is, nothing else is a
// secret: a receiver that takes it by hand must not take an endpoint's id, which many know, for a signing secret.
func viewOf(s *corev1.Secret) secretView {
	data := s.Data
	if s.Labels["app.kubernetes.io/managed-by"] == "kassa" && s.Labels[v1alpha1.LabelReceiver] != "" {
		data = maps.Clone(data)
		maps.DeleteFunc(data, func(key string, _ []byte) bool { return !strings.HasPrefix(key, managedKeyPrefix) })
	}
	return secretView{data: data}
}

func managedSecretName(r *v1alpha1.WebhookReceiver) string { return r.Name + "-signing" }

// signingSecretName is the Secret with the live signing secrets. While the receiver is suspended the operator changes
// nothing at the provider, so that which it used last stays.
func signingSecretName(r *v1alpha1.WebhookReceiver) string {
	if r.Spec.Suspend && r.Status.SigningSecretName != "" {
		return r.Status.SigningSecretName
	}
	if m := r.Spec.Registration.Manual; m != nil {
		return m.SigningSecretRef.Name
	}
	return managedSecretName(r)
}

// signingSecrets are the live secrets, in the order of their keys. A trailing line break, which is easily put into
// a Secret by accident, is no part of a secret.
func signingSecrets(r *v1alpha1.WebhookReceiver, data map[string][]byte) []string {
	name, only := signingSecretName(r), ""
	if m := r.Spec.Registration.Manual; m != nil && m.SigningSecretRef.Name == name {
		only = m.SigningSecretRef.Key
	}
	var keys []string
	for key := range data {
		switch {
		case name == managedSecretName(r) && !strings.HasPrefix(key, managedKeyPrefix):
		case only != "" && only != key:
		default:
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var out []string
	for _, key := range keys {
		if v := strings.TrimSpace(string(data[key])); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// pathsOf are the paths at which events are taken: that of spec.url, and that of the URL which is registered as long as
// it is another. The provider calls that one until the operator has changed it, and all the while that the receiver is
// suspended.
func pathsOf(r *v1alpha1.WebhookReceiver, at *url.URL) []string {
	paths := []string{pathOf(at)}
	if before, err := url.Parse(r.Status.URL); err == nil && r.Status.URL != "" && pathOf(before) != paths[0] {
		paths = append(paths, pathOf(before))
	}
	return paths
}

func pathOf(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	return u.Path
}
