// Package accounts opens the accounts that PaymentProviders declare. There is no way to a provider's API but through
// Pool.Open, and Open lets nobody through before the key's text, the provider's own answer and the account id have
// all been checked against the spec: nothing can be written to a wrong mode or account.
package accounts

import (
	"time"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Account is an account whose credentials were checked.
type Account struct {
	Info    billing.Account
	Adapter provider.Adapter
	Conn    provider.Connection
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
	p := &Error{Message: err.Error(), RetryAfter: provider.RetryAfter(err), Err: err}
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

// secretRef is where the API key is, and the store, if any.
func secretRef(spec *v1alpha1.PaymentProviderSpec) (t billing.Provider, ref v1alpha1.SecretKeyReference, store string) {
	switch {
	case spec.Paddle != nil:
		return billing.Paddle, spec.Paddle.APIKeySecretRef, ""
	case spec.LemonSqueezy != nil:
		return billing.LemonSqueezy, spec.LemonSqueezy.APIKeySecretRef, spec.LemonSqueezy.StoreID
	default:
		return billing.Stripe, spec.Stripe.APIKeySecretRef, ""
	}
}

// TypeOf is the provider that a spec declares. The API server makes sure that there is exactly one.
func TypeOf(spec *v1alpha1.PaymentProviderSpec) billing.Provider {
	t, _, _ := secretRef(spec)
	return t
}

// SecretName is the name of the Secret with the API key.
func SecretName(spec *v1alpha1.PaymentProviderSpec) string {
	_, ref, _ := secretRef(spec)
	return ref.Name
}
