// Package accounts opens the accounts that PaymentProviders declare. There is no way to a provider's API but through
// Pool.Open, and Open lets nobody through before the key's text, the provider's own answer and the account id have
// all been checked against the spec: nothing can be written to a wrong mode or account.
package accounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Account is an account whose credentials were checked.
type Account struct {
	Info billing.Account
	// Identity is the same for PaymentProviders of one account; empty while the provider does not tell.
	Identity string
	Adapter  provider.Adapter
	Conn     provider.Connection
	// Mirror is the account's catalogue, shared by everything that uses the account.
	Mirror *catalog.Mirror
	// DriftCheckInterval is how old the mirror may get.
	DriftCheckInterval time.Duration
}

// Error is why an account cannot be used. Its Reason is one of v1alpha1's condition reasons.
type Error struct {
	Reason  string
	Message string
	// Stalled: only a change of the spec or the Secret helps, and that is watched. Otherwise Kassa tries again.
	Stalled bool
	// RetryAfter is how long to wait at least before the next try; 0 leaves it to the caller's back-off.
	RetryAfter time.Duration
	Err        error
}

func (p *Error) Error() string { return p.Message }

// Unwrap gives the cause.
func (p *Error) Unwrap() error { return p.Err }

// ErrorOf describes a provider's error in terms of a PaymentProvider's conditions.
func ErrorOf(err error) *Error {
	// Several refusals are joined by line breaks.
	p := &Error{Message: strings.ReplaceAll(err.Error(), "\n", "; "), RetryAfter: provider.RetryAfter(err), Err: err}
	switch provider.ClassOf(err) {
	case provider.ClassCredentials:
		p.Reason, p.Stalled = v1alpha1.ReasonCredentialsInvalid, true
	case provider.ClassRateLimited:
		p.Reason = v1alpha1.ReasonRateLimited
	case provider.ClassUnavailable, provider.ClassConflict:
		p.Reason = v1alpha1.ReasonUnreachable
	case provider.ClassNotFound:
		// An object went away between two calls, such as the one at the border of two pages: look again.
		p.Reason = v1alpha1.ReasonProviderError
	default:
		p.Reason, p.Stalled = v1alpha1.ReasonProviderError, true
	}
	return p
}

// NotReady is what those say who refer to a PaymentProvider that Open refused. The refusal's own text is not repeated:
// it may change with each check, and then in each of them.
func NotReady(name string, err error) error {
	var problem *Error
	if !errors.As(err, &problem) {
		return err
	}
	return &Error{
		Reason: v1alpha1.ReasonProviderNotReady, Stalled: problem.Stalled, RetryAfter: problem.RetryAfter, Err: problem,
		Message: fmt.Sprintf("PaymentProvider %q is not ready: %s; its conditions say more", name, problem.Reason),
	}
}

// declaration is what a spec says of its account.
type declaration struct {
	provider    billing.Provider
	key         v1alpha1.SecretKeyReference
	clientToken *v1alpha1.SecretKeyReference // Paddle only
	store       string                       // LemonSqueezy only
}

// declared reads a spec. The API server makes sure that there is exactly one provider.
func declared(spec *v1alpha1.PaymentProviderSpec) declaration {
	switch {
	case spec.Paddle != nil:
		return declaration{
			provider: billing.Paddle, key: spec.Paddle.APIKeySecretRef, clientToken: spec.Paddle.ClientTokenSecretRef,
		}
	case spec.LemonSqueezy != nil:
		return declaration{
			provider: billing.LemonSqueezy, key: spec.LemonSqueezy.APIKeySecretRef, store: spec.LemonSqueezy.StoreID,
		}
	default:
		return declaration{provider: billing.Stripe, key: spec.Stripe.APIKeySecretRef}
	}
}

// secrets are the references to Secrets, the API key's first.
func (d declaration) secrets() []secret {
	list := []secret{{d.key, "API key"}}
	if d.clientToken != nil {
		list = append(list, secret{*d.clientToken, "client-side token"})
	}
	return list
}

// secret is a value of a Secret.
type secret struct {
	v1alpha1.SecretKeyReference
	what string // it is, for people
}

func (s secret) notFound() *Error {
	return &Error{
		Reason: v1alpha1.ReasonSecretNotFound, Stalled: true,
		Message: fmt.Sprintf("Secret %q does not exist; create it with the %s under %q", s.Name, s.what, s.Key),
	}
}

// TypeOf is the provider that a spec declares.
func TypeOf(spec *v1alpha1.PaymentProviderSpec) billing.Provider { return declared(spec).provider }

// KeySecret is the name of the Secret with the API key.
func KeySecret(spec *v1alpha1.PaymentProviderSpec) string { return declared(spec).key.Name }

// KeyRef is the place in a spec that refers to the API key.
func KeyRef(spec *v1alpha1.PaymentProviderSpec) *v1alpha1.SecretKeyReference {
	switch {
	case spec.Paddle != nil:
		return &spec.Paddle.APIKeySecretRef
	case spec.LemonSqueezy != nil:
		return &spec.LemonSqueezy.APIKeySecretRef
	default:
		return &spec.Stripe.APIKeySecretRef
	}
}

// Secrets are the names of all Secrets that a spec refers to.
func Secrets(spec *v1alpha1.PaymentProviderSpec) []string {
	var names []string
	for _, s := range declared(spec).secrets() {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}
