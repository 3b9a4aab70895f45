// Package signin finds out for which user a request asks. Nothing of a token, a key or a secret is ever in its errors.
package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// User who asks. The zero value is nobody.
type User struct {
	// ID is the app's own id of the user, of at most 200 bytes; empty for nobody.
	ID string
	// Email is empty unless somebody vouches that it is the user's.
	Email string
}

// Verifier admits requests. Its errors are ErrNoCredentials, ErrRefused and ErrUnavailable.
type Verifier interface {
	User(ctx context.Context, r *http.Request) (User, error)
}

var (
	// ErrNoCredentials: the request has no Authorization header.
	ErrNoCredentials = errors.New("the request has no Authorization header")
	// ErrRefused: what the request has admits nobody. Reason says why.
	ErrRefused = errors.New("the credentials are refused")
	// ErrUnavailable: it cannot be decided now, because the issuer's keys or the live tokens cannot be had.
	ErrUnavailable = errors.New("the credentials cannot be verified now")
)

// RefusedError is the ErrRefused that says why.
type RefusedError struct {
	// Reason may be shown to the client: it has nothing of what the client sent.
	Reason string
}

func (e *RefusedError) Error() string { return ErrRefused.Error() + ": " + e.Reason }

// Is makes a RefusedError an ErrRefused.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// Reason of an ErrRefused, which is safe to show; empty for other errors.
func Reason(err error) string {
	if refused, is := errors.AsType[*RefusedError](err); is {
		return refused.Reason
	}
	return ""
}

func refuse(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

// Anonymous admits everybody as nobody.
func Anonymous() Verifier { return anonymous{} }

type anonymous struct{}

func (anonymous) User(context.Context, *http.Request) (User, error) { return User{}, nil }
