package stripe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// errUnexpected: a 2xx (or 3xx) that is not the object asked for. Whether a write was carried out is not known.
var errUnexpected = errors.New("the answer is not the object that was asked for")

// errCard is the cause of a card_error, the one kind whose text Stripe writes for buyers.
var errCard = errors.New("the card was refused")

// maxText is of codes, parameters and request ids, in bytes.
const maxText = 64

// asError makes a *provider.Error of what the SDK returned. No text of the SDK's own errors is used: they quote
// bodies.
func (c *connection) asError(op string, a answer, err error) *provider.Error {
	text := func(s string) string { return provider.Redact(provider.WithoutKey(s, c.key)) }
	clean := func(s string) string { return provider.Truncate(text(s), maxText) }
	e := &provider.Error{
		Class: provider.ClassUnavailable, Provider: billing.Stripe, Operation: op, Status: a.status,
		RequestID:  clean(a.header.Get("Request-Id")),
		RetryAfter: provider.RetryAfterOf(a.header, time.Now()),
	}
	var api *stripe.Error
	var transport *url.Error
	var unsent *provider.Error // of the client that was given, which did not send the request
	switch {
	case errors.As(err, &api):
		e.Class, e.Param = classify(a.status, api), clean(api.Param)
		e.Code = clean(string(api.Code))
		if e.Code == "" {
			e.Code = clean(string(api.Type))
		}
		e.Message = text(api.Msg)
		switch {
		case api.Type == stripe.ErrorTypeCard:
			e.Err = errCard
		case api.Param != "":
			e.Message += " (" + clean(api.Param) + ")"
		}
	case errors.As(err, &unsent):
		e.Class, e.Message, e.RetryAfter, e.Err = unsent.Class, unsent.Message, unsent.RetryAfter, unsent
	case errors.As(err, &transport):
		e.Err = transport.Err
		e.Message = text(transport.Err.Error())
	case a.status == http.StatusTooManyRequests:
		e.Class = provider.ClassRateLimited
	case a.status >= 200:
		e.Message = "the answer cannot be read"
	}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded, errUnexpected} {
		if errors.Is(err, cause) {
			e.Err = cause
		}
	}
	return e
}

func classify(status int, api *stripe.Error) provider.Class {
	switch {
	case status >= 500:
		return provider.ClassUnavailable
	case api.Type == stripe.ErrorTypeIdempotency:
		return provider.ClassConflict
	}
	switch api.Code {
	case stripe.ErrorCodeResourceMissing:
		if api.Param == "tax_code" {
			return provider.ClassTerminal // the spec names it, and nobody makes it
		}
		return provider.ClassNotFound
	case stripe.ErrorCodeIdempotencyKeyInUse, stripe.ErrorCodeLockTimeout, stripe.ErrorCodeResourceAlreadyExists:
		return provider.ClassConflict
	case stripe.ErrorCodeRateLimit:
		return provider.ClassRateLimited
	case stripe.ErrorCodeAPIKeyExpired, stripe.ErrorCodePlatformAPIKeyExpired:
		return provider.ClassCredentials
	}
	if status == http.StatusNotFound {
		// Without resource_missing it is the path that does not exist. To call that "the object is gone" would
		// make a wrong base URL recreate the whole catalogue.
		return provider.ClassTerminal
	}
	return provider.ClassOfStatus(status)
}

// ofParameter makes ClassTerminal of a price, or whatever else a parameter names, that does not exist: it is not what
// the caller asked about.
func ofParameter(err error) error {
	var e *provider.Error
	if errors.As(err, &e) && e.Class == provider.ClassNotFound && e.Status == http.StatusBadRequest {
		e.Class = provider.ClassTerminal
	}
	return err
}

// refuse is an error of Kassa's own: the request was not sent because Stripe would certainly refuse it.
func refuse(op, message string) error {
	return &provider.Error{Class: provider.ClassTerminal, Provider: billing.Stripe, Operation: op, Message: message}
}
