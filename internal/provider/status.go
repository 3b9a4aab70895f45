package provider

import "net/http"

// ClassOfStatus is the class of an HTTP status that is not 2xx, as far as the number alone tells. Adapters refine it
// with the provider's error codes.
func ClassOfStatus(status int) Class {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return ClassCredentials
	case status == http.StatusNotFound:
		return ClassNotFound
	case status == http.StatusConflict:
		return ClassConflict
	case status == http.StatusTooManyRequests:
		return ClassRateLimited
	case status == http.StatusRequestTimeout, status >= 500, status < 400:
		// No API of a provider redirects: a 3xx comes from something in between.
		return ClassUnavailable
	default:
		return ClassTerminal
	}
}
