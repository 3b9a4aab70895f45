// Package stripe is the adapter for Stripe, API version 2023-10-16, which stripe-go v76 pins. SDK types stay inside.
package stripe

import (
	"net/url"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Adapter is Stripe. The zero value is ready for use.
type Adapter struct{}

var _ provider.Adapter = Adapter{}

// Type is billing.Stripe.
func (Adapter) Type() billing.Provider { return billing.Stripe }

// Capabilities are all but those that only other providers have: Stripe gives trials at checkout, not with a price.
func (Adapter) Capabilities() []provider.Capability {
	return []provider.Capability{
		provider.CapabilityCatalog, provider.CapabilityCatalogWrite, provider.CapabilityFeatures,
		provider.CapabilityUnitLabel, provider.CapabilityDescription, provider.CapabilityImages,
		provider.CapabilityMetadata, provider.CapabilityPriceNames, provider.CapabilityTaxBehavior,
		provider.CapabilityTaxCodes, provider.CapabilityMultiCurrency, provider.CapabilityTiers,
		provider.CapabilityMeteredUsage, provider.CapabilityWebhooks, provider.CapabilityEndpoints,
		provider.CapabilityCheckouts, provider.CapabilitySubscriptions, provider.CapabilityHistory,
		provider.CapabilityDunning,
	}
}

// Traits of Stripe's catalogue.
func (Adapter) Traits() provider.Traits {
	return provider.Traits{LookupKeys: true, DefaultPrice: true, IdempotentCreate: true}
}

// DefaultRate is about three quarters of what Stripe allows for reads, and for writes, each: 25 a second in test mode,
// 100 in live mode. The rest stays with the account's other users.
func (Adapter) DefaultRate(m billing.Mode) float64 {
	if m == billing.Live {
		return 75
	}
	return 18
}

// CountsByAddress is false: Stripe counts by account.
func (Adapter) CountsByAddress() bool { return false }

// Codec verifies and parses Stripe's webhook requests.
func (Adapter) Codec() provider.WebhookCodec { return Codec{} }

// CheckKey takes secret keys (sk_) and restricted keys (rk_).
func (Adapter) CheckKey(key string, mode billing.Mode) error {
	refuse := func(cause error, message string) error {
		return &provider.Error{
			Class: provider.ClassCredentials, Provider: billing.Stripe, Operation: "check key", Message: message, Err: cause,
		}
	}
	visible := func(r rune) bool { return r > ' ' && r < 0x7f }
	kind, rest, _ := strings.Cut(key, "_")
	name, random, ok := strings.Cut(rest, "_")
	switch {
	case key == "":
		return refuse(nil, "the key is empty")
	case strings.ContainsFunc(key, func(r rune) bool { return !visible(r) }):
		return refuse(nil, "the key contains white space or characters that no Stripe key has; "+
			"store the key alone, on one line")
	case kind == "pk":
		return refuse(nil, "this is a publishable key (pk_); Kassa needs a secret (sk_) or restricted (rk_) key")
	case kind == "whsec":
		return refuse(nil, "this is a webhook signing secret (whsec_); Kassa needs a secret (sk_) or restricted "+
			"(rk_) key")
	case kind != "sk" && kind != "rk", name != "test" && name != "live", !ok, random == "":
		return refuse(nil, "this is no Stripe API key; one starts with sk_test_, rk_test_, sk_live_ or rk_live_")
	case keyMode(key) != mode:
		return refuse(provider.ErrModeMismatch, "this is a "+name+" mode key, but mode is "+string(mode))
	}
	return nil
}

// keyMode is what the prefix of a well-formed key says.
func keyMode(key string) billing.Mode {
	if strings.HasPrefix(key[len("sk_"):], "live_") {
		return billing.Live
	}
	return billing.Test
}

// Connect makes a connection. It sends nothing.
func (a Adapter) Connect(cfg provider.Config) (provider.Connection, error) {
	if err := a.CheckKey(cfg.APIKey, cfg.Mode); err != nil {
		return nil, err
	}
	refuse := func(message string) error {
		return &provider.Error{
			Class: provider.ClassTerminal, Provider: billing.Stripe, Operation: "connect", Message: message,
		}
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
	return newConnection(cfg), nil
}
