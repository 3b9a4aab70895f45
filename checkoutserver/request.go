package checkoutserver

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxBody is the largest body, in bytes.
const maxBody = 64 << 10

// maxKey is the longest Idempotency-Key, in bytes.
const maxKey = 255

// readBody reads a JSON object with no other members than those given into a struct. A member is known by its exact
// name, and one that is not known is refused: whoever sends an amount must not believe that it counts.
func readBody(w http.ResponseWriter, r *http.Request, into any, members ...string) *answer {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return wrongMediaType()
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return compressed()
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return tooLarge()
	}
	if err != nil {
		return incomplete()
	}
	return decode(raw, into, members)
}

func decode(raw []byte, into any, members []string) *answer {
	if !utf8.Valid(raw) {
		return malformed("The body is not UTF-8.")
	}
	if refused := checkMembers(raw, members); refused != nil {
		return refused
	}
	if err := json.Unmarshal(raw, into); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
			return ofAnotherType(member(wrong.Field, members))
		}
		return malformed("The body cannot be read.")
	}
	return nil
}

// member is the first part of a path in a body, which the rest may be a client's own words of.
func member(path string, members []string) string {
	name, _, _ := strings.Cut(path, ".")
	if slices.Contains(members, name) {
		return name
	}
	return "metadata"
}

// optionalBody is readBody for a request that may have none.
func optionalBody(w http.ResponseWriter, r *http.Request, into any, members ...string) *answer {
	if r.ContentLength == 0 {
		return nil
	}
	return readBody(w, r, into, members...)
}

// idempotencyKey is the request's key, or empty.
func idempotencyKey(r *http.Request) (string, *answer) {
	keys := r.Header.Values("Idempotency-Key")
	switch {
	case len(keys) == 0:
		return "", nil
	case len(keys) > 1 || keys[0] == "" || len(keys[0]) > maxKey:
		return "", malformed("The header Idempotency-Key comes once, with 1 to 255 characters.")
	}
	for _, c := range []byte(keys[0]) {
		if c < ' ' || c > '~' {
			return "", malformed("The header Idempotency-Key has characters that are not printable ASCII.")
		}
	}
	return keys[0], nil
}
