package checkoutserver

import (
	"net/http"

	"github.com/kassa-dev/kassa/internal/origins"
)

const (
	corsMethods = "GET, POST, PATCH"
	corsHeaders = "Authorization, Content-Type, Idempotency-Key"
	// corsExposed are the headers of an answer that a page may read beside the usual ones.
	corsExposed = "Idempotent-Replayed, Kassa-Request-Id, Retry-After"
	// corsMaxAge is how long a browser may go by a preflight, in seconds.
	corsMaxAge = "600"
)

// cors tells browsers whose pages may read the answer: those of the allowed origins, without credentials, since a token
// travels in the header Authorization and never in a cookie. It answers a preflight of an allowed origin; refused is
// the answer to that of a foreign page, and to its request if that could change something. Callers that are no browsers
// send no Origin.
func cors(o *origins.Origins, w http.ResponseWriter, r *http.Request) (answered bool, refused *answer) {
	h := w.Header()
	h.Add("Vary", "Origin")
	sent := r.Header.Values("Origin")
	if len(sent) == 0 {
		return false, nil
	}
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if len(sent) > 1 || !o.Allows(sent[0]) {
		if preflight || !isSafe(r.Method) {
			return false, foreignOrigin()
		}
		return false, nil
	}
	h.Set("Access-Control-Allow-Origin", sent[0])
	if !preflight {
		h.Set("Access-Control-Expose-Headers", corsExposed)
		return false, nil
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	w.WriteHeader(http.StatusNoContent)
	return true, nil
}

func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
