package paddle

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const name = billing.Paddle

// errUnexpected: a 2xx that is not the object asked for. Whether a write was carried out is not known.
var errUnexpected = errors.New("the answer is not the object that was asked for")

// maxText is of codes and request ids, in bytes.
const maxText = 64

// refuse is an error of Kassa's own: there is no connection.
func refuse(message string) error {
	return &provider.Error{Class: provider.ClassTerminal, Provider: name, Operation: "connect", Message: message}
}

// transportError is of a request that got no answer.
func transportError(op, key string, err error) error {
	e := &provider.Error{Class: provider.ClassUnavailable, Provider: name, Operation: op, Err: err}
	var unsent *provider.Error // of the client that was given, which did not send the request
	var transport *url.Error
	switch {
	case errors.As(err, &unsent):
		e.Class, e.Message, e.RetryAfter, e.Err = unsent.Class, unsent.Message, unsent.RetryAfter, unsent
	case errors.As(err, &transport):
		e.Err, e.Message = transport.Err, provider.Redact(provider.WithoutKey(transport.Err.Error(), key))
	}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			e.Err = cause
		}
	}
	return e
}

type errorBody struct {
	Error struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
		Errors []struct {
			Field   string `json:"field"`
			Message string `json:"message"`
		} `json:"errors"`
	} `json:"error"`
	Meta struct {
		RequestID string `json:"request_id"`
	} `json:"meta"`
}

// answerError is of an answer that is no success. One that is not Paddle's own error document, such as the page of a
// proxy or a firewall on the way, says nothing about the key or the object, whatever its status: Paddle was not
// reached.
func answerError(op string, resp *http.Response, body []byte) *provider.Error {
	e := &provider.Error{
		Provider: name, Operation: op, Status: resp.StatusCode,
		RetryAfter: provider.RetryAfterOf(resp.Header, time.Now()),
	}
	var b errorBody
	if json.Unmarshal(body, &b) != nil || b.Error.Code == "" {
		e.Class = provider.ClassUnavailable
		if resp.StatusCode == http.StatusTooManyRequests {
			e.Class = provider.ClassRateLimited
		}
		return e
	}
	e.Code, e.RequestID = clean(b.Error.Code), clean(b.Meta.RequestID)
	texts := []string{b.Error.Detail}
	for _, f := range b.Error.Errors {
		texts = append(texts, f.Field+": "+f.Message)
	}
	e.Message = provider.Redact(strings.Join(texts, "; "))
	e.Class = classify(resp.StatusCode, e.Code)
	if r, ok := refusals[e.Code]; ok {
		e.Class, e.Err = r.class, r.err
		e.Message = strings.TrimSpace(e.Message + " " + r.advice)
	}
	return e
}

// refusals are those with a meaning beyond their class, and what a person can do.
var refusals = map[string]struct {
	class  provider.Class
	err    error
	advice string
}{
	"notification_maximum_active_settings_reached": {
		provider.ClassTerminal, provider.ErrEndpointLimit,
		"At most ten notification destinations of an account can be active: deactivate or delete one that is not " +
			"needed, in Paddle under Developer tools, Notifications",
	},
	"notification_setting_cannot_be_duplicate": {
		provider.ClassConflict, provider.ErrEndpointExists,
		"A notification destination with this URL exists that is not this receiver's: adopt it with " +
			"registration.managed.adopt, delete it in Paddle under Developer tools, Notifications, or give the receiver " +
			"another URL",
	},
	"transaction_default_checkout_url_not_set": {
		class: provider.ClassTerminal,
		advice: "Set a default payment link in Paddle under Checkout, Checkout settings: Paddle opens no checkout " +
			"without one",
	},
	"transaction_checkout_url_domain_is_not_approved": {
		class: provider.ClassTerminal,
		advice: "Add the domain of the CheckoutEndpoint's URL in Paddle under Checkout, Website approval, and wait " +
			"until it is approved",
	},
}

// classify refines the status by Paddle's code. Paddle answers 403 to a key that it does not know as well as to one
// that may not do this.
func classify(status int, code string) provider.Class {
	switch {
	case status >= 500:
		return provider.ClassUnavailable
	case code == "too_many_requests", status == http.StatusTooManyRequests:
		return provider.ClassRateLimited
	case code == "conflict", code == "concurrent_modification", strings.HasPrefix(code, "subscription_locked"):
		return provider.ClassConflict
	case code == "not_found":
		return provider.ClassNotFound
	case status == http.StatusNotFound:
		// The path does not exist. To call that "the object is gone" would make a wrong base URL recreate the whole
		// catalogue.
		return provider.ClassTerminal
	case code == "temporarily_unavailable", code == "service_unavailable", code == "internal_error":
		return provider.ClassUnavailable
	}
	return provider.ClassOfStatus(status)
}

// asError makes a *provider.Error of what the SDK returned: the doer's own error, or, of an answer that cannot be read,
// one that quotes nothing.
func asError(op string, err error) error {
	var e *provider.Error
	if errors.As(err, &e) {
		return e
	}
	out := &provider.Error{
		Class: provider.ClassUnavailable, Provider: name, Operation: op, Message: "the answer cannot be read",
		Err: errUnexpected,
	}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			out.Err = cause
		}
	}
	return out
}

func clean(s string) string { return provider.Truncate(provider.Redact(s), maxText) }
