package paddle

import (
	"encoding/json"
	"net/http"
	"time"
)

// apiError is an error answer. Codes, types, statuses and texts are those of Paddle's error reference.
type apiError struct {
	Status           int          `json:"-"`
	Type             string       `json:"type"`
	Code             string       `json:"code"`
	Detail           string       `json:"detail"`
	DocumentationURL string       `json:"documentation_url"`
	Errors           []fieldError `json:"errors,omitempty"`

	RetryAfter time.Duration `json:"-"` // 0: no such header
}

// fieldError tells what is wrong with one field.
type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

const (
	typeRequest = "request_error"
	typeAPI     = "api_error"
)

func newError(status int, group, code, detail string) *apiError {
	return &apiError{
		Status: status, Type: typeRequest, Code: code, Detail: detail,
		DocumentationURL: "https://developer.paddle.com/errors/" + group + "/" + code,
	}
}

func shared(status int, code, detail string) *apiError {
	return newError(status, "shared", code, detail)
}

func badRequest(detail string) *apiError { return shared(http.StatusBadRequest, "bad_request", detail) }

func invalidFields(errors ...fieldError) *apiError {
	e := shared(http.StatusBadRequest, "invalid_field", "Request does not pass validation.")
	e.Errors = errors
	return e
}

func invalidJSON() *apiError {
	return shared(http.StatusBadRequest, "invalid_json", "Request body contains invalid JSON.")
}

func priceError(code, detail string) *apiError {
	return newError(http.StatusBadRequest, "prices", code, detail)
}

func settingError(status int, code, detail string) *apiError {
	return newError(status, "notifications", code, detail)
}

func archived(noun, id string) *apiError {
	return shared(http.StatusBadRequest, "entity_archived", noun+" "+id+" is archived and cannot be modified.")
}

func notFound(id string) *apiError {
	return shared(http.StatusNotFound, "not_found", "Entity "+id+" not found")
}

func invalidURL(r *http.Request) *apiError {
	return shared(http.StatusNotFound, "invalid_url", "There is nothing at "+r.URL.Path+".")
}

func methodNotAllowed(r *http.Request) *apiError {
	return shared(http.StatusMethodNotAllowed, "method_not_allowed", "Method "+r.Method+" is not allowed here.")
}

func unsupportedMediaType() *apiError {
	return shared(http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Type must be application/json.")
}

func bodyTooLarge() *apiError {
	return shared(http.StatusRequestEntityTooLarge, "request_body_too_large", "The request body is too large.")
}

func authenticationMissing() *apiError {
	return shared(http.StatusForbidden, "authentication_missing", "Authentication header missing.")
}

func authenticationMalformed() *apiError {
	return shared(http.StatusForbidden, "authentication_malformed",
		"Authentication header included, but incorrectly formatted.")
}

func invalidToken() *apiError {
	return shared(http.StatusForbidden, "invalid_token", "Invalid or revoked API key.")
}

func forbidden() *apiError {
	return shared(http.StatusForbidden, "forbidden", "You aren't permitted to perform this request.")
}

func tooManyRequests(retry time.Duration) *apiError {
	e := shared(http.StatusTooManyRequests, "too_many_requests",
		"IP address exceeded the allowed rate limit. Retry after the number of seconds in the Retry-After header.")
	e.Type, e.RetryAfter = typeAPI, max(retry, time.Second)
	return e
}

// errorFor is the error answer that a scripted fault gives in Paddle's name.
func errorFor(status int) *apiError {
	api := func(code, detail string) *apiError {
		e := shared(status, code, detail)
		e.Type = typeAPI
		return e
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		e := invalidToken()
		e.Status = status
		return e
	case http.StatusNotFound:
		return notFound("")
	case http.StatusConflict:
		return shared(status, "conflict", "Request conflicts with another change.")
	case http.StatusTooManyRequests:
		e := tooManyRequests(time.Second)
		e.RetryAfter = 0 // the script says so, or nobody
		return e
	case http.StatusBadGateway:
		return api("bad_gateway", "Bad gateway.")
	case http.StatusServiceUnavailable:
		return api("service_unavailable", "Service is unavailable.")
	}
	if status >= http.StatusInternalServerError {
		return api("internal_error", "Internal error.")
	}
	e := badRequest("The request was refused.")
	e.Status = status
	return e
}

// ErrorBody is the body of Paddle's error answer of that status.
func ErrorBody(status int) []byte {
	body, err := json.Marshal(map[string]any{"error": errorFor(status), "meta": meta{RequestID: newRequestID()}})
	if err != nil {
		return nil
	}
	return body
}
