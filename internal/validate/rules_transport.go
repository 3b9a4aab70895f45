package validate

import (
	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/manifests"
)

var transportRules = []Rule{
	{
		ID: "KASSA020", Name: "plain-http", Severity: Error, Docs: "docs/receivers.md#https",
		Summary: "A URL that leads out of the cluster is http",
		Help: "Keys, tokens and customers' data would be readable on the way. Write https://. Within the cluster, and on a " +
			"laptop, http is fine; a Service is known by a name that ends with .svc.",
		check: plainURLs,
	},
	{
		ID: "KASSA021", Name: "insecure-in-live", Severity: Error, Docs: "docs/receivers.md#https",
		Summary: "Something of a PaymentProvider in Live mode is reached over http",
		Help: "Kassa refuses it when it runs: the receiver or the CheckoutEndpoint does not become Ready. Write https://, " +
			"and remove allowInsecureHTTP.",
		check: plainInLive,
	},
	{
		ID: "KASSA022", Name: "https-policy-off", Severity: Warning, Docs: "docs/receivers.md#https",
		Summary: "httpsPolicy is Off",
		Help: "A proxy that takes plain HTTP from outside would not be noticed. Leave httpsPolicy out, or write " +
			"RequireProof where every proxy says how it was reached.",
		check: httpsOff,
	},
}

func plainURLs(j *judge) {
	for _, p := range j.providers {
		j.plainURL(p.Document, "spec.baseURL", p.T.Spec.BaseURL, "the provider's key is sent there")
	}
	for _, r := range j.receivers {
		j.plainURL(r.Document, "spec.url", r.T.Spec.URL, "events have customers' data")
		if d := r.T.Spec.Delivery; d != nil {
			for i := range d.Sinks {
				path := manifests.Index("spec.delivery.sinks", i) + ".http.uri"
				j.plainURL(r.Document, path, d.Sinks[i].HTTP.URI, "events have customers' data, and the sink's token is sent along")
			}
		}
	}
	for _, e := range j.endpoints {
		spec := &e.T.Spec
		j.plainURL(e.Document, "spec.url", spec.URL, "users' tokens are sent there")
		j.plainURL(e.Document, "spec.successURL", spec.SuccessURL, "buyers come back there")
		j.plainURL(e.Document, "spec.cancelURL", spec.CancelURL, "buyers come back there")
		if spec.CustomerPortal != nil {
			j.plainURL(e.Document, "spec.customerPortal.returnURL", spec.CustomerPortal.ReturnURL, "buyers come back there")
		}
		for i, origin := range spec.AllowedOrigins {
			j.plainURL(e.Document, manifests.Index("spec.allowedOrigins", i), origin, "its pages send users' tokens")
		}
		if jwt := spec.Auth.JWT; jwt != nil {
			j.plainURL(e.Document, "spec.auth.jwt.issuer", jwt.Issuer, "whoever is on the way could sign tokens")
			j.plainURL(e.Document, "spec.auth.jwt.jwksURL", jwt.JWKSURL, "whoever is on the way could sign tokens")
		}
	}
}

func (j *judge) plainURL(d *manifests.Document, path, raw, why string) {
	if plainAbroad(raw) {
		j.report(d, path, "%s is http and leads out of the cluster: %s; start it with https://, or let the "+
			"name of a Service end with .svc", path, why)
	}
}

func plainInLive(j *judge) {
	for _, r := range j.receivers {
		spec := &r.T.Spec
		if live(j.provider(r.key, spec.ProviderRef.Name, spec.ProviderRef.Namespace)) && plainHTTP(spec.URL) {
			j.report(r.Document, "spec.url", "spec.url must start with https://, because PaymentProvider %q is in Live mode",
				spec.ProviderRef.Name)
		}
	}
	for _, e := range j.endpoints {
		if e.T.Spec.AllowInsecureHTTP && live(j.sellers(&e)) {
			j.report(e.Document, "spec.allowInsecureHTTP", "allowInsecureHTTP is for a sandbox, and this sells through a "+
				"PaymentProvider in Live mode; remove it and let every URL start with https://")
		}
	}
}

func httpsOff(j *judge) {
	off := func(d *manifests.Document, policy v1alpha1.HTTPSPolicy) {
		if policy == v1alpha1.HTTPSOff {
			j.report(d, "spec.httpsPolicy", "with httpsPolicy: Off nobody notices that requests come over plain HTTP; "+
				"remove it, or write RequireProof")
		}
	}
	for _, r := range j.receivers {
		off(r.Document, r.T.Spec.HTTPSPolicy)
	}
	for _, e := range j.endpoints {
		off(e.Document, e.T.Spec.HTTPSPolicy)
	}
}
