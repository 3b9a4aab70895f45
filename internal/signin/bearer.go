package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
)

// The headers in which an application's server says for which user it asks.
const (
	HeaderUserID    = "Kassa-User-Id"
	HeaderUserEmail = "Kassa-User-Email"
)

type bearer struct{ tokens func() [][]byte }

// NewBearer admits an application's own server by one of the live tokens, of which a rotation has several. White space
// around a live token, which is easily put into a Secret by accident, is no part of it. The server vouches for the user
// that it names; without one it asks for nobody.
func NewBearer(tokens func() [][]byte) Verifier { return &bearer{tokens} }

func (b *bearer) User(_ context.Context, r *http.Request) (User, error) {
	token, err := bearerOf(r.Header)
	if err != nil {
		return User{}, err
	}
	if err := b.admit(token); err != nil {
		return User{}, err
	}
	return namedUser(r.Header)
}

// admit compares hashes, and with every live token, so that the time tells neither how much of a token was right nor
// which one.
func (b *bearer) admit(token string) error {
	got := sha256.Sum256([]byte(token))
	live, equal := 0, 0
	for _, t := range b.tokens() {
		if t = bytes.TrimSpace(t); len(t) == 0 {
			continue
		}
		live++
		want := sha256.Sum256(t)
		equal |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	switch {
	case live == 0:
		return fmt.Errorf("%w: there is no live token", ErrUnavailable)
	case equal != 1:
		return refuse("the token is not a live one")
	}
	return nil
}

func namedUser(h http.Header) (User, error) {
	id, err := headerOf(h, HeaderUserID)
	if err != nil {
		return User{}, err
	}
	if id != "" && !isUserID(id) {
		return User{}, refuse("the header %s is over %d bytes or not printable", HeaderUserID, maxUserID)
	}
	email, err := headerOf(h, HeaderUserEmail)
	if err != nil {
		return User{}, err
	}
	if email != "" && !isEmail(email) {
		return User{}, refuse("the header %s is no email address", HeaderUserEmail)
	}
	return User{ID: id, Email: email}, nil
}
