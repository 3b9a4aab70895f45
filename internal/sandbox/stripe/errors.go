package stripe

import (
	"fmt"
	"net/http"
	"strings"
)

// apiError is an error answer. Its texts follow Stripe's own, because people search for them; code must go by
// Type and Code.
type apiError struct {
	Status      int    `json:"-"`
	Type        string `json:"type"`
	Code        string `json:"code,omitempty"`
	DeclineCode string `json:"decline_code,omitempty"`
	DocURL      string `json:"doc_url,omitempty"`
	Message     string `json:"message"`
	Param       string `json:"param,omitempty"`

	// unstarted: the request was refused before its work began, so nothing is kept under its idempotency key.
	unstarted bool
}

const (
	typeInvalidRequest = "invalid_request_error"
	typeIdempotency    = "idempotency_error"
	typeAPI            = "api_error"
	typeCard           = "card_error"
)

// refused is a 400 that follows from the account's state.
func refused(param, code, format string, args ...any) *apiError {
	e := &apiError{
		Status: http.StatusBadRequest, Type: typeInvalidRequest, Code: code, Param: param,
		Message: fmt.Sprintf(format, args...),
	}
	if code != "" {
		e.DocURL = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(code, "_", "-")
	}
	return e
}

// invalid is a 400 that follows from the parameters alone.
func invalid(param, code, format string, args ...any) *apiError {
	e := refused(param, code, format, args...)
	e.unstarted = true
	return e
}

// missing is the answer about an object that does not exist: 404 when the URL names it, 400 when a parameter
// does.
func missing(status int, param, noun, id string) *apiError {
	e := refused(param, "resource_missing", "No such %s: '%s'", noun, id)
	e.Status = status
	return e
}

func unknownURL(r *http.Request) *apiError {
	return &apiError{
		Status: http.StatusNotFound, Type: typeInvalidRequest, unstarted: true,
		Message: fmt.Sprintf("Unrecognized request URL (%s: %s). Please see https://stripe.com/docs or we can help "+
			"at https://support.stripe.com/.", r.Method, r.URL.Path),
	}
}

func unauthorized(code, message string) *apiError {
	return &apiError{
		Status: http.StatusUnauthorized, Type: typeInvalidRequest, Code: code, Message: message, unstarted: true,
	}
}

func rateLimited() *apiError {
	return &apiError{
		Status: http.StatusTooManyRequests, Type: typeInvalidRequest, Code: "rate_limit", unstarted: true,
		DocURL: "https://stripe.com/docs/error-codes/rate-limit",
		Message: "Testmode request rate limit exceeded, the rate limits in testmode are lower than livemode. You can " +
			"learn more about rate limits here https://stripe.com/docs/rate-limits.",
	}
}

func serverError(status int) *apiError {
	return &apiError{
		Status: status, Type: typeAPI,
		Message: "Sorry! There was an error while talking to one of our backends. Support has been notified.",
	}
}

// errorFor is the error answer that a scripted fault gives in Stripe's name.
func errorFor(status int) *apiError {
	switch {
	case status == http.StatusTooManyRequests:
		return rateLimited()
	case status == http.StatusUnauthorized:
		return unauthorized("", "Invalid API Key provided.")
	case status >= http.StatusInternalServerError:
		return serverError(status)
	default:
		return &apiError{Status: status, Type: typeInvalidRequest, Message: "The request was refused."}
	}
}

// ErrorBody is the body of Stripe's error answer of that status.
func ErrorBody(status int) []byte { return errorFor(status).body() }

func (e *apiError) body() []byte { return encode(map[string]*apiError{"error": e}) }
