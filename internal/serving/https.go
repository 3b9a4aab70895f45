package serving

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// HTTPSPolicy is spec.httpsPolicy where spec.url is https, and Off where it is not.
type HTTPSPolicy v1alpha1.HTTPSPolicy

// HTTPSPolicyOf is the policy of a server at a URL.
func HTTPSPolicyOf(at *url.URL, p v1alpha1.HTTPSPolicy) HTTPSPolicy {
	if at.Scheme != "https" {
		return HTTPSPolicy(v1alpha1.HTTPSOff)
	}
	return HTTPSPolicy(cmp.Or(p, v1alpha1.HTTPSRefusePlain))
}

// Refuses says whether the policy does not admit the way in which a request came: Plain, or Unknown where a proof is
// asked for.
func (p HTTPSPolicy) Refuses(r *http.Request) (Transport, bool) {
	if p == HTTPSPolicy(v1alpha1.HTTPSOff) {
		return Secure, false
	}
	switch t := TransportOf(r); t {
	case Plain:
		return t, true
	case Unknown:
		return t, p == HTTPSPolicy(v1alpha1.HTTPSRequireProof)
	default:
		return t, false
	}
}
