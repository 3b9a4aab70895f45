package checkoutserver

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"
)

// problemBase begins the types of all problems. A client tells problems apart by them.
const problemBase = "https://kassa.dev/problems/"

// problem is an RFC 9457 answer. The detail is for the developer who calls the server.
func problem(status int, name, title, detail string) *answer {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
	}{problemBase + name, title, status, detail})
	if err != nil {
		panic(err)
	}
	return &answer{status: status, kind: "application/problem+json", body: append(body, '\n'), result: name}
}

// later asks to repeat the request.
func (a *answer) later(after time.Duration) *answer {
	a.retryAfter = after
	return a
}

func malformed(detail string) *answer {
	return problem(http.StatusBadRequest, "malformed", "Malformed request", detail)
}

func invalid(detail string) *answer {
	return problem(http.StatusUnprocessableEntity, "invalid", "A value is not accepted", detail)
}

func notForSale(detail string) *answer {
	return problem(http.StatusUnprocessableEntity, "not-for-sale", "Not for sale", detail)
}

func notAllowed(detail string) *answer {
	return problem(http.StatusForbidden, "not-allowed", "Not allowed here", detail)
}

func foreignOrigin() *answer {
	return problem(http.StatusForbidden, "foreign-origin", "Not from this origin",
		"The request is of a page whose origin is not among the CheckoutEndpoint's spec.allowedOrigins.")
}

func notFound() *answer {
	return problem(http.StatusNotFound, "not-found", "Not found", "There is nothing of that name.")
}

func noSubscription() *answer {
	return problem(http.StatusNotFound, "no-subscription", "No such subscription",
		"The user has no subscription of that id.")
}

func notOffered(what string) *answer {
	return problem(http.StatusNotFound, "not-offered", "Not offered", "The CheckoutEndpoint does not offer "+what+".")
}

func methodNotAllowed() *answer {
	return problem(http.StatusMethodNotAllowed, "method", "Method not allowed", "The header Allow has those that are.")
}

func plainHTTP() *answer {
	return problem(http.StatusForbidden, "plain-http", "Plain HTTP refused",
		"The request came over plain HTTP, but the CheckoutEndpoint's spec.url is https. Let no proxy take requests over "+
			"http.")
}

func noProofOfHTTPS() *answer {
	return problem(http.StatusForbidden, "no-proof-of-https", "No proof of HTTPS",
		"Nothing says that the request came over HTTPS, which spec.httpsPolicy RequireProof asks for. Let the proxy that "+
			"ends TLS set X-Forwarded-Proto.")
}

func tooLarge() *answer {
	return problem(http.StatusRequestEntityTooLarge, "too-large", "Body too large", "A body has at most 64 KiB.")
}

func incomplete() *answer {
	return problem(http.StatusBadRequest, "incomplete", "Body incomplete",
		"The body could not be read to its end in time.")
}

func wrongMediaType() *answer {
	return problem(http.StatusUnsupportedMediaType, "media-type", "Media type not supported",
		"A body is application/json.")
}

func compressed() *answer {
	return problem(http.StatusUnsupportedMediaType, "media-type", "Media type not supported",
		"A body is sent as it is, without a Content-Encoding: compressed ones are not taken.")
}

// unauthenticated says why, where that is known.
func unauthenticated(why string) *answer {
	return problem(http.StatusUnauthorized, "unauthenticated", "Not signed in",
		cmp.Or(why, "The request has no token in its header Authorization."))
}

func userRequired() *answer {
	return problem(http.StatusForbidden, "user-required", "No user",
		"The request names no user, and only a user has subscriptions.")
}

func tooManyRequests(after time.Duration) *answer {
	return problem(http.StatusTooManyRequests, "too-many-requests", "Too many requests",
		"The client asks more often than the CheckoutEndpoint's spec.rateLimit admits.").later(after)
}

func keyReused() *answer {
	return problem(http.StatusUnprocessableEntity, "idempotency-key-reused", "Idempotency-Key used twice",
		"The same Idempotency-Key came with another request. Use one key for each purchase.")
}

func conflict() *answer {
	return problem(http.StatusConflict, "conflict", "Changed meanwhile",
		"The subscription is being changed, or cannot be changed as it is now. Look at it again, then try again.")
}

func alreadyPaid() *answer {
	return problem(http.StatusConflict, "already-paid", "Paid already",
		"The purchase of this Idempotency-Key has been paid. Use one key for each purchase.")
}

func providerRefused() *answer {
	return problem(http.StatusBadGateway, "provider-refused", "The provider refused",
		"The payment provider did not take the request. The server's log says why.")
}

func providerUnavailable(after time.Duration) *answer {
	return problem(http.StatusServiceUnavailable, "provider-unavailable", "The provider cannot be reached",
		"The payment provider cannot be asked now. Try again later.").later(max(after, 2*time.Second))
}

func signInUnavailable() *answer {
	return problem(http.StatusServiceUnavailable, "sign-in-unavailable", "Sign-in cannot be checked",
		"The keys of the token's issuer cannot be read now. Try again later.").later(2 * time.Second)
}

func overloaded() *answer {
	return problem(http.StatusServiceUnavailable, "overloaded", "Too many requests in flight",
		"Try again later.").later(time.Second)
}

func notReady() *answer {
	return problem(http.StatusServiceUnavailable, "not-ready", "Not ready",
		"The server is not configured yet. Try again later.").later(2 * time.Second)
}
