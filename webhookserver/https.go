package webhookserver

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/serving"
)

// httpsPolicy is spec.httpsPolicy where spec.url is https, and Off where it is not.
type httpsPolicy v1alpha1.HTTPSPolicy

func httpsPolicyOf(at *url.URL, p v1alpha1.HTTPSPolicy) httpsPolicy {
	if at.Scheme != "https" {
		return httpsPolicy(v1alpha1.HTTPSOff)
	}
	return httpsPolicy(cmp.Or(p, v1alpha1.HTTPSRefusePlain))
}

// refusal is the metric's reason and the answer for a request that came in a way that the policy does not admit; nil
// for one that it does.
func (p httpsPolicy) refusal(r *http.Request) (reason string, refused *problem) {
	if p == httpsPolicy(v1alpha1.HTTPSOff) {
		return "", nil
	}
	switch serving.TransportOf(r) {
	case serving.Plain:
		return "plain_http", problemPlainHTTP
	case serving.Unknown:
		if p == httpsPolicy(v1alpha1.HTTPSRequireProof) {
			return "no_proof_of_https", problemNoProof
		}
	}
	return "", nil
}
