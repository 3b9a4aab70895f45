package store

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// Part is a part of an address that a Secret has.
type Part struct {
	v1alpha1.SecretKeyReference
	// Field of a WebhookReceiver that names the Secret.
	Field string

	what string
	into func(*Address) *string
}

// Parts are what an address is put together from; none where nothing is kept in a database.
func Parts(r *v1alpha1.WebhookReceiver) []Part {
	if r.Spec.Store == nil || r.Spec.Store.Postgres == nil {
		return nil
	}
	const at = "spec.store.postgres."
	p := r.Spec.Store.Postgres
	out := []Part{{
		p.DSNSecretRef, at + "dsnSecretRef", "connection string", func(a *Address) *string { return &a.DSN },
	}}
	if ref := p.CASecretRef; ref != nil {
		out = append(out, Part{
			*ref, at + "caSecretRef", "certificate", func(a *Address) *string { return &a.CA },
		})
	}
	if ref := p.ClientCertificateSecretRef; ref != nil {
		key := func(name string) v1alpha1.SecretKeyReference {
			return v1alpha1.SecretKeyReference{Name: ref.Name, Key: name}
		}
		const field = at + "clientCertificateSecretRef"
		out = append(out,
			Part{key(corev1.TLSCertKey), field, "certificate", func(a *Address) *string { return &a.Certificate }},
			Part{key(corev1.TLSPrivateKeyKey), field, "key", func(a *Address) *string { return &a.Key }})
	}
	return out
}

// Put puts a Secret's value into its place.
func (p Part) Put(a *Address, value string) { *p.into(a) = strings.TrimSpace(value) }

// AddressOf is where a receiver's database is, as its Secrets say, or what is missing in them. secret is a Secret's
// data, or why there are none, to be said after its name.
func AddressOf(
	r *v1alpha1.WebhookReceiver, secret func(name string) (data map[string][]byte, why string),
) (a Address, missing string) {
	for _, p := range Parts(r) {
		data, why := secret(p.Name)
		if why != "" {
			return Address{}, "the Secret " + p.Name + " " + why
		}
		value := strings.TrimSpace(string(data[p.Key]))
		if value == "" {
			return Address{}, "the Secret " + p.Name + " has no " + p.what + " under " + p.Key
		}
		p.Put(&a, value)
	}
	return a, ""
}
