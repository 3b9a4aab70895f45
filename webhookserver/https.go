package webhookserver

import (
	"net/http"

	"github.com/kassa-dev/kassa/internal/serving"
)

// refusalOfTransport is the metric's reason and the answer for a request that came in a way that the policy does not
// admit; nil for one that it does.
func refusalOfTransport(p serving.HTTPSPolicy, r *http.Request) (reason string, refused *problem) {
	how, refuses := p.Refuses(r)
	switch {
	case !refuses:
		return "", nil
	case how == serving.Plain:
		return "plain_http", problemPlainHTTP
	default:
		return "no_proof_of_https", problemNoProof
	}
}
