package provider

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Class says what a caller can do about an error.
type Class int

const (
	// ClassTerminal: the provider refused the request; it will refuse it again until something changes.
	ClassTerminal Class = iota
	// ClassCredentials: the key is not valid, or may not do this.
	ClassCredentials
	// ClassNotFound: the object does not exist.
	ClassNotFound
	// ClassConflict: somebody else is changing the object, or it exists already; look again.
	ClassConflict
	// ClassRateLimited: too many requests. RetryAfter may say how long to wait.
	ClassRateLimited
	// ClassUnavailable: the provider could not be reached or had an error of its own. Whether a write was
	// carried out is not known.
	ClassUnavailable
)

// String names the class for metrics and messages.
func (c Class) String() string {
	return [...]string{"terminal", "credentials", "not_found", "conflict", "rate_limited", "unavailable"}[c]
}

// maxMessage is the length of a provider's text in a message, in bytes.
const maxMessage = 512

// Error is what a provider, or the way to it, answered.
type Error struct {
	Class      Class
	Provider   billing.Provider
	Operation  string // what was being done, such as "create price"
	Status     int    // HTTP status; 0 when there was no answer
	Code       string // the provider's own code
	Param      string // the part of the request that was refused, where the provider names it
	RequestID  string // the provider's id of the request
	Message    string // the provider's text, redacted
	RetryAfter time.Duration
	Err        error // the cause, for errors.Is; its text is not shown
}

// KeyRefused says that the provider refused the key itself, and not only what was asked with it. Paddle answers 403 to
// both, with different codes.
func (e *Error) KeyRefused() bool {
	if e.Class != ClassCredentials {
		return false
	}
	switch e.Code {
	case "invalid_token", "authentication_missing", "authentication_malformed":
		return true
	}
	return e.Status == http.StatusUnauthorized
}

// Error has the code and the request id, and never a secret: adapters pass every text through Redact.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Provider, e.Operation)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", Truncate(e.Message, maxMessage))
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf finds the class of an error. Errors that are no *Error are ClassUnavailable: nothing is known.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ClassUnavailable
}

// IsNotFound says that the provider answered that the object does not exist.
func IsNotFound(err error) bool { return err != nil && ClassOf(err) == ClassNotFound }

// RetryAfter is how long the provider asked to wait, or 0.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// Errors of the contract.
var (
	// ErrModeMismatch: the key is of the other mode.
	ErrModeMismatch = errors.New("mode mismatch")
	// ErrOwnedByAnother: the object carries the marks of another owner. Its class is ClassConflict.
	ErrOwnedByAnother = errors.New("owned by another")
	// ErrEndpointLimit: the account has as many webhook endpoints as it may have.
	ErrEndpointLimit = errors.New("too many webhook endpoints")
	// ErrEndpointExists: another webhook endpoint has the URL already. Its class is ClassConflict.
	ErrEndpointExists = errors.New("a webhook endpoint with this URL exists")
	// ErrPaid: the purchase of the idempotency key has been paid. Its class is ClassConflict.
	ErrPaid = errors.New("this purchase has been paid already")
	// ErrSignatureMissing: the request has no signature.
	ErrSignatureMissing = errors.New("signature missing")
	// ErrSignatureMalformed: the signature header cannot be read.
	ErrSignatureMalformed = errors.New("signature malformed")
	// ErrSignatureMismatch: no secret gives this signature.
	ErrSignatureMismatch = errors.New("signature mismatch")
	// ErrSignatureTime: the signature is right, but too old or from the future.
	ErrSignatureTime = errors.New("signature outside the tolerance")
	// ErrMalformedEvent: the body is no event of this provider.
	ErrMalformedEvent = errors.New("malformed event")
)

// Truncate cuts s to at most n bytes at a rune's border and marks the cut.
func Truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	cut := max(n-len(mark), 0)
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + mark
}
