package validate

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/manifests"
)

var referenceRules = []Rule{
	{
		ID: "KASSA040", Name: "provider-without-receiver", Severity: Warning, Docs: "docs/receivers.md",
		Summary: "A PaymentProvider that sells has no WebhookReceiver in the set",
		Help: "Nobody would be told who paid. Write a WebhookReceiver whose providerRef names it, or validate the files " +
			"together that are applied together.",
		check: withoutReceiver,
	},
	{
		ID: "KASSA041", Name: "receiver-without-provider", Severity: Warning, Docs: "docs/receivers.md",
		Summary: "A WebhookReceiver names a PaymentProvider that is not in the set, which has others",
		Help:    "The name is mistyped, or the PaymentProvider is elsewhere; then validate it together with this.",
		check:   receiverWithoutProvider,
	},
	{
		ID: "KASSA042", Name: "plan-without-provider", Severity: Warning, Docs: "docs/plans.md",
		Summary: "A Plan names a PaymentProvider that is not in the set, which has others",
		Help:    "The name is mistyped, or the PaymentProvider is elsewhere; then validate it together with this.",
		check:   planWithoutProvider,
	},
	{
		ID: "KASSA043", Name: "endpoint-without-plan", Severity: Warning, Docs: "docs/checkout.md",
		Summary: "A CheckoutEndpoint names a Plan, a price or a PaymentProvider that is not in the set, which has others",
		Help:    "What is not there cannot be bought. Mend the name, or validate the files together.",
		check:   endpointReferences,
	},
	{
		ID: "KASSA044", Name: "reference-not-permitted", Severity: Error, Docs: "docs/providers.md#plans-of-other-namespaces",
		Summary: "A PaymentProvider does not admit the namespace of an object that names it",
		Help:    "Write allowedNamespaces at the PaymentProvider, so that it admits the namespace.",
		check:   notPermitted,
	},
	{
		ID: "KASSA045", Name: "secret-without-key", Severity: Error, Docs: "docs/providers.md#the-key",
		Summary: "A reference names a key that the Secret in the set does not have",
		Help: "Mend the key in the reference, or put the value under it. Secrets that are not in the set are not looked " +
			"at.",
		check: secretsWithoutKey,
	},
}

// reference is one to a PaymentProvider.
type reference struct {
	*manifests.Document
	from            types.NamespacedName
	path            string
	name, namespace string
}

func (j *judge) receiverReferences() []reference {
	var out []reference
	for _, r := range j.receivers {
		ref := r.T.Spec.ProviderRef
		out = append(out, reference{r.Document, r.key, "spec.providerRef.name", ref.Name, ref.Namespace})
	}
	return out
}

func (j *judge) planReferences() []reference {
	var out []reference
	for _, p := range j.plans {
		for i, at := range p.T.Spec.Providers {
			path := manifests.Index("spec.providers", i) + ".name"
			out = append(out, reference{p.Document, p.key, path, at.Name, at.Namespace})
		}
	}
	return out
}

func (j *judge) endpointProviders() []reference {
	var out []reference
	for _, e := range j.endpoints {
		for i, at := range e.T.Spec.Providers {
			path := manifests.Index("spec.providers", i) + ".name"
			out = append(out, reference{e.Document, e.key, path, at.Name, at.Namespace})
		}
	}
	return out
}

func (r reference) to(j *judge) []paymentProvider { return j.provider(r.from, r.name, r.namespace) }

// withoutReceiver leaves accounts alone through which nothing is sold, as long as others in the set have receivers.
func withoutReceiver(j *judge) {
	received, sells := map[types.NamespacedName]bool{}, map[types.NamespacedName]bool{}
	note := func(to map[types.NamespacedName]bool, references []reference) {
		for _, r := range references {
			for _, p := range r.to(j) {
				to[p.key] = true
			}
		}
	}
	note(received, j.receiverReferences())
	note(sells, j.planReferences())
	note(sells, j.endpointProviders())
	for _, p := range j.providers {
		if !received[p.key] && (sells[p.key] || len(j.receivers) == 0) {
			j.report(p.Document, "metadata.name", "no WebhookReceiver of these files names PaymentProvider %q, so nobody is "+
				"told who paid; write one with providerRef: {name: %s}", p.Name(), p.Name())
		}
	}
}

func receiverWithoutProvider(j *judge) { j.missing(j.receiverReferences()) }

func planWithoutProvider(j *judge) { j.missing(j.planReferences()) }

// missing reports references to what is not in the set. A set without any PaymentProviders is a part of something.
func (j *judge) missing(references []reference) {
	for _, r := range references {
		if len(j.providers) > 0 && r.name != "" && len(r.to(j)) == 0 {
			where := "in the same namespace"
			if r.namespace != "" {
				where = "in namespace " + r.namespace
			}
			j.report(r.Document, r.path, "there is no PaymentProvider %q %s in these files; mend the name, or name the "+
				"namespace", r.name, where)
		}
	}
}

func endpointReferences(j *judge) {
	j.missing(j.endpointProviders())
	for _, e := range j.endpoints {
		for i, named := range e.T.Spec.Plans {
			path := manifests.Index("spec.plans", i)
			plans := j.plansAt(types.NamespacedName{Namespace: e.key.Namespace, Name: named.Name})
			if len(plans) == 0 && len(j.plans) > 0 && named.Name != "" {
				j.report(e.Document, path+".name", "there is no Plan %q in the same namespace in these files; mend the name",
					named.Name)
			}
			for n, price := range named.Prices {
				if len(plans) > 0 && !slices.ContainsFunc(plans, func(p plan) bool { return hasPrice(p.T, price) }) {
					j.report(e.Document, manifests.Index(path+".prices", n), "Plan %q has no price %q; mend the name",
						named.Name, price)
				}
			}
		}
	}
}

func hasPrice(p *v1alpha1.Plan, name string) bool {
	return slices.ContainsFunc(p.Spec.Prices, func(price v1alpha1.Price) bool { return price.Name == name })
}

func (j *judge) plansAt(key types.NamespacedName) []plan {
	var out []plan
	for _, p := range j.plans {
		if p.key == key {
			out = append(out, p)
		}
	}
	return out
}

func notPermitted(j *judge) {
	all := slices.Concat(j.receiverReferences(), j.planReferences(), j.endpointProviders())
	for _, r := range all {
		for _, p := range r.to(j) {
			if why := j.refuses(&p, r.from.Namespace); why != "" {
				j.report(r.Document, r.path, "PaymentProvider %q in namespace %q does not admit namespace %q: %s", p.Name(),
					p.key.Namespace, r.from.Namespace, why)
			}
		}
	}
}

// refuses says what to write where a PaymentProvider does not admit a namespace. Of a namespace that is not in the set
// the labels are not known.
func (j *judge) refuses(p *paymentProvider, namespace string) string {
	if namespace == p.key.Namespace {
		return ""
	}
	switch p.T.Spec.AllowedNamespaces.From {
	case v1alpha1.NamespacesAll:
		return ""
	case v1alpha1.NamespacesSelector:
		selector, err := metav1.LabelSelectorAsSelector(p.T.Spec.AllowedNamespaces.Selector)
		known, ok := j.namespaces[namespace]
		if err != nil || !ok || selector.Matches(labels.Set(known)) {
			return ""
		}
		return "give the namespace the labels that spec.allowedNamespaces.selector asks for"
	}
	return "write allowedNamespaces with from: All, or with from: Selector and a selector, in its spec"
}

// secretReference is one to a key of a Secret.
type secretReference struct {
	*manifests.Document
	namespace string
	path      string
	name, key string
}

func (j *judge) secretReferences() []secretReference {
	var out []secretReference
	add := func(d *manifests.Document, path string, ref *v1alpha1.SecretKeyReference) {
		if ref != nil && ref.Name != "" && ref.Key != "" {
			out = append(out, secretReference{d, j.keyOf(d).Namespace, path + ".key", ref.Name, ref.Key})
		}
	}
	for _, p := range j.providers {
		spec := &p.T.Spec
		switch {
		case spec.Stripe != nil:
			add(p.Document, "spec.stripe.apiKeySecretRef", &spec.Stripe.APIKeySecretRef)
		case spec.Paddle != nil:
			add(p.Document, "spec.paddle.apiKeySecretRef", &spec.Paddle.APIKeySecretRef)
			add(p.Document, "spec.paddle.clientTokenSecretRef", spec.Paddle.ClientTokenSecretRef)
		case spec.LemonSqueezy != nil:
			add(p.Document, "spec.lemonSqueezy.apiKeySecretRef", &spec.LemonSqueezy.APIKeySecretRef)
		}
	}
	for _, r := range j.receivers {
		spec := &r.T.Spec
		if spec.Store != nil && spec.Store.Postgres != nil {
			add(r.Document, "spec.store.postgres.dsnSecretRef", &spec.Store.Postgres.DSNSecretRef)
		}
		if m := spec.Registration.Managed; m != nil && m.Adopt != nil {
			add(r.Document, "spec.registration.managed.adopt.signingSecretRef", m.Adopt.SigningSecretRef)
		}
		if m := spec.Registration.Manual; m != nil {
			add(r.Document, "spec.registration.manual.signingSecretRef",
				&v1alpha1.SecretKeyReference{Name: m.SigningSecretRef.Name, Key: m.SigningSecretRef.Key})
		}
		if spec.Delivery != nil {
			for i := range spec.Delivery.Sinks {
				path := manifests.Index("spec.delivery.sinks", i) + ".http"
				add(r.Document, path+".tokenSecretRef", spec.Delivery.Sinks[i].HTTP.TokenSecretRef)
				add(r.Document, path+".signingSecretRef", spec.Delivery.Sinks[i].HTTP.SigningSecretRef)
			}
		}
	}
	for _, e := range j.endpoints {
		if b := e.T.Spec.Auth.BearerToken; b != nil {
			add(e.Document, "spec.auth.bearerToken.secretRef",
				&v1alpha1.SecretKeyReference{Name: b.SecretRef.Name, Key: b.SecretRef.Key})
		}
	}
	return out
}

func secretsWithoutKey(j *judge) {
	for _, r := range j.secretReferences() {
		there, has := false, false
		for i := range j.secrets {
			if s := &j.secrets[i]; s.key == (types.NamespacedName{Namespace: r.namespace, Name: r.name}) {
				there = true
				_, ok := s.values[r.key]
				has = has || ok
			}
		}
		if there && !has {
			j.report(r.Document, r.path, "Secret %q has no key %q; mend the key, or put the value under it", r.name, r.key)
		}
	}
}
