package paddle

import (
	"regexp"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var (
	prefixed = regexp.MustCompile(`^pdl_(live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}$`)
	legacy   = regexp.MustCompile(`^[A-Za-z0-9]{50}$`)
	// clientToken is told by its prefix; Paddle's documentation shows 27 letters and digits after it, and promises none.
	clientToken = regexp.MustCompile(`^(live|test)_[A-Za-z0-9]+$`)
)

// CheckKey takes keys with a prefix, which tells the mode, and the keys of 50 letters and digits that were made before
// 2025-05-06. Those do not tell: each works at one of Paddle's two addresses only, and the mode chooses the address.
func (Adapter) CheckKey(key string, mode billing.Mode) error {
	switch {
	case key == "":
		return denyKey(nil, "the key is empty")
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return denyKey(nil, "the key contains white space or characters that no Paddle key has; "+
			"store the key alone, on one line")
	case strings.HasPrefix(key, "pdl_ntfset_"):
		return denyKey(nil, "this is the secret of a notification destination (pdl_ntfset_); Kassa needs an API key")
	case clientToken.MatchString(key):
		return denyKey(nil, "this is a client-side token; Kassa needs an API key")
	case keyMode(key) == "" && !legacy.MatchString(key):
		return denyKey(nil, "this is no Paddle API key; one starts with pdl_live_apikey_ or pdl_sdbx_apikey_")
	case keyMode(key) != "" && keyMode(key) != mode:
		return denyKey(provider.ErrModeMismatch,
			"this is a "+strings.SplitN(key, "_", 3)[1]+" key, but mode is "+string(mode))
	}
	return nil
}

// keyMode is what the prefix of a key says, or "".
func keyMode(key string) billing.Mode {
	switch m := prefixed.FindStringSubmatch(key); {
	case m == nil:
		return ""
	case m[1] == "live":
		return billing.Live
	default:
		return billing.Test
	}
}

// CheckClientToken takes Paddle's client-side tokens of the mode.
func (Adapter) CheckClientToken(token string, mode billing.Mode) error {
	m := clientToken.FindStringSubmatch(token)
	switch {
	case strings.HasPrefix(token, "pdl_"), legacy.MatchString(token):
		return denyToken(nil, "this is an API key; every buyer would see it. Revoke it if it was ever used as a token")
	case m == nil:
		return denyToken(nil, "this is no client-side token; one starts with test_ or live_")
	case (m[1] == "live") != (mode == billing.Live):
		return denyToken(provider.ErrModeMismatch, "this is a "+m[1]+" token, but mode is "+string(mode))
	}
	return nil
}

func denyKey(cause error, message string) error { return deny("check key", cause, message) }

func denyToken(cause error, message string) error {
	return deny("check client-side token", cause, message)
}

func deny(operation string, cause error, message string) error {
	return &provider.Error{
		Class: provider.ClassCredentials, Provider: billing.Paddle, Operation: operation, Message: message, Err: cause,
	}
}
