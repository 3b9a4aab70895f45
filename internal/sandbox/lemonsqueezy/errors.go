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
	parameter     string // of the query that is to blame
	pointer       string // to the part of the body that is to blame
	more          []*apiError
}

// apiErrors are several problems of one request.
type apiErrors []*apiError

// join makes one answer of at least one problem. Its status is the first one's.
func (all apiErrors) join() *apiError {
	first := *all[0]
	first.more = all[1:]
	return &first
}

func (e *apiError) body() []byte {
	var entries []any
	for _, one := range append([]*apiError{e}, e.more...) {
		entry := map[string]any{"status": strconv.Itoa(one.status), "title": one.title, "detail": one.detail}
		if one.parameter != "" {
			entry["source"] = map[string]string{"parameter": one.parameter}
		}
		if one.pointer != "" {
			entry["source"] = map[string]string{"pointer": one.pointer}
		}
		entries = append(entries, entry)
	}
	out, _ := json.Marshal(map[string]any{
		"jsonapi": map[string]string{"version": "1.0"}, "errors": entries,
	})
	return out
}

func unprocessable(pointer, detail string) *apiError {
	return &apiError{
		status: http.StatusUnprocessableEntity, title: "Unprocessable Entity", detail: detail, pointer: pointer,
	}
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
