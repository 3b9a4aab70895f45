package lemonsqueezy

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// apiError is an error answer of JSON:API.
type apiError struct {
	status        int
	title, detail string
	parameter     string
}

func (e *apiError) body() []byte {
	entry := map[string]any{"status": strconv.Itoa(e.status), "title": e.title, "detail": e.detail}
	if e.parameter != "" {
		entry["source"] = map[string]string{"parameter": e.parameter}
	}
	out, _ := json.Marshal(map[string]any{
		"jsonapi": map[string]string{"version": "1.0"}, "errors": []any{entry},
	})
	return out
}

func unauthenticated() *apiError {
	return &apiError{status: http.StatusUnauthorized, title: "Unauthenticated", detail: "Unauthenticated."}
}

func notFound() *apiError {
	return &apiError{status: http.StatusNotFound, title: "Not Found", detail: "The requested resource does not exist."}
}

func methodNotAllowed() *apiError {
	return &apiError{
		status: http.StatusMethodNotAllowed, title: "Method Not Allowed", detail: "The method is not supported here.",
	}
}

func notAcceptable() *apiError {
	return &apiError{
		status: http.StatusNotAcceptable, title: "Not Acceptable", detail: "The Accept header must be " + mediaType + ".",
	}
}

func unsupportedMediaType() *apiError {
	return &apiError{
		status: http.StatusUnsupportedMediaType, title: "Unsupported Media Type",
		detail: "The Content-Type header must be " + mediaType + ".",
	}
}

func tooManyRequests() *apiError {
	return &apiError{status: http.StatusTooManyRequests, title: "Too Many Requests", detail: "Too Many Attempts."}
}

func invalid(parameter, detail string) *apiError {
	return &apiError{
		status: http.StatusBadRequest, title: "Invalid Query Parameter", detail: parameter + " " + detail,
		parameter: parameter,
	}
}

func scripted(status int) *apiError {
	return &apiError{status: status, title: http.StatusText(status), detail: "A scripted fault."}
}

// ErrorBody is the error answer of a scripted fault.
func ErrorBody(status int) []byte { return scripted(status).body() }
