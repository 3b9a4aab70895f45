// Package paddle is the adapter for Paddle Billing, API version 1. The types of paddle-go-sdk stay inside; every
// request of the SDK goes through the doer of this package, which repairs what the SDK does not do.
package paddle

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// DefaultListSettle is used where an adapter has none. How soon Paddle's lists show what was created is documented
// nowhere; a minute also outlasts a request that was given up on and still arrives.
const DefaultListSettle = time.Minute

// Adapter is Paddle Billing. The zero value is ready for use.
type Adapter struct {
	// ListSettle is how long after an unanswered create its outcome is awaited; 0 means DefaultListSettle.
	ListSettle time.Duration
}

var _ provider.Adapter = Adapter{}

// Type is billing.Paddle.
func (Adapter) Type() billing.Provider { return billing.Paddle }

// Capabilities are those of the catalogue.
func (Adapter) Capabilities() []provider.Capability {
	return []provider.Capability{
		provider.CapabilityCatalog, provider.CapabilityCatalogWrite, provider.CapabilityDescription,
		provider.CapabilityImage, provider.CapabilityMetadata, provider.CapabilityPriceNames,
		provider.CapabilityTaxBehavior, provider.CapabilityTaxCodes, provider.CapabilityMultiCurrency,
		provider.CapabilityPriceTrials,
	}
}

// Traits of Paddle's catalogue: no keys of any kind, and an archived object takes no change (entity_archived).
func (a Adapter) Traits() provider.Traits {
	return provider.Traits{FrozenArchive: true, ListSettle: cmp.Or(a.ListSettle, DefaultListSettle)}
}

// DefaultRate is half of the 240 requests a minute that Paddle admits from one address.
func (Adapter) DefaultRate(billing.Mode) float64 { return 2 }

// CountsByAddress is true: Paddle counts by IP address.
func (Adapter) CountsByAddress() bool { return true }

// Codec is nil: there is no CapabilityWebhooks.
func (Adapter) Codec() provider.WebhookCodec { return nil }

var (
	prefixed = regexp.MustCompile(`^pdl_(live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}$`)
	legacy   = regexp.MustCompile(`^[A-Za-z0-9]{50}$`)
)

// CheckKey takes keys with a prefix, which tells the mode, and the keys of 50 letters and digits that were made before
// 2025-05-06. Those do not tell: each works at one of Paddle's two addresses only, and the mode chooses the address.
func (Adapter) CheckKey(key string, mode billing.Mode) error {
	deny := func(cause error, message string) error {
		return &provider.Error{
			Class: provider.ClassCredentials, Provider: billing.Paddle, Operation: "check key", Message: message, Err: cause,
		}
	}
	switch {
	case key == "":
		return deny(nil, "the key is empty")
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return deny(nil, "the key contains white space or characters that no Paddle key has; "+
			"store the key alone, on one line")
	case strings.HasPrefix(key, "pdl_ntfset_"):
		return deny(nil, "this is the secret of a notification destination (pdl_ntfset_); Kassa needs an API key")
	case strings.HasPrefix(key, "live_"), strings.HasPrefix(key, "test_"):
		return deny(nil, "this is a client-side token; Kassa needs an API key")
	case keyMode(key) == "" && !legacy.MatchString(key):
		return deny(nil, "this is no Paddle API key; one starts with pdl_live_apikey_ or pdl_sdbx_apikey_")
	case keyMode(key) != "" && keyMode(key) != mode:
		return deny(provider.ErrModeMismatch, "this is a "+strings.SplitN(key, "_", 3)[1]+" key, but mode is "+string(mode))
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

// Connect makes a connection. It sends nothing.
func (a Adapter) Connect(cfg provider.Config) (provider.Connection, error) {
	if err := a.CheckKey(cfg.APIKey, cfg.Mode); err != nil {
		return nil, err
	}
	if cfg.HTTP == nil {
		return nil, refuse("no HTTP client was given")
	}
	if cfg.BaseURL != "" {
		u, err := url.Parse(cfg.BaseURL)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return nil, refuse("the base URL is not an absolute http or https URL")
		}
	}
	return newConnection(cfg)
}
