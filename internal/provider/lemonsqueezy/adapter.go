// Package lemonsqueezy is the adapter for LemonSqueezy. Its API cannot change a catalogue: products and variants are
// made in the dashboard, and this package reads them. Webhooks it writes. The client is its own, because there is no Go
// module that reads pages, filters and typed errors.
package lemonsqueezy

import (
	"errors"
	"net/url"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const name = billing.LemonSqueezy

// Adapter is LemonSqueezy. The zero value is ready for use.
type Adapter struct{}

var _ provider.Adapter = Adapter{}

// Type is billing.LemonSqueezy.
func (Adapter) Type() billing.Provider { return name }

// Capabilities are what can be compared of the catalogue, of which nothing can be written, and all that comes of a
// sale.
func (Adapter) Capabilities() []provider.Capability {
	return []provider.Capability{
		provider.CapabilityCatalog, provider.CapabilityTiers, provider.CapabilityMeteredUsage,
		provider.CapabilityPriceTrials, provider.CapabilityWebhooks, provider.CapabilityEndpoints,
		provider.CapabilityCheckouts, provider.CapabilitySubscriptions, provider.CapabilityHistory,
		provider.CapabilityDunning,
	}
}

// Traits of LemonSqueezy's catalogue.
func (Adapter) Traits() provider.Traits { return provider.Traits{ReadOnly: true} }

// DefaultRate is about three quarters of the 300 requests a minute that LemonSqueezy admits.
func (Adapter) DefaultRate(billing.Mode) float64 { return 3.8 }

// CountsByAddress is false: LemonSqueezy counts by key.
func (Adapter) CountsByAddress() bool { return false }

// Codec verifies and parses LemonSqueezy's webhook requests.
func (Adapter) Codec() provider.WebhookCodec { return Codec{} }

// TaxCode is not called: there is no CapabilityTaxCodes.
func (Adapter) TaxCode(string) (string, error) {
	return "", errors.New("a product's tax code is set in the dashboard")
}

// CheckPrice takes every price: none is made from it, and one that differs is reported.
func (Adapter) CheckPrice(billing.PriceSpec) error { return nil }

// CheckKey refuses what is certainly another provider's. The text of a key does not tell its mode.
func (Adapter) CheckKey(key string, _ billing.Mode) error {
	deny := func(message string) error {
		return &provider.Error{
			Class: provider.ClassCredentials, Provider: name, Operation: "check key", Message: message,
		}
	}
	switch {
	case key == "":
		return deny("the key is empty")
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return deny("the key contains white space or characters that no key has; store the key alone, on one line")
	}
	for _, prefix := range []string{"sk_", "rk_", "pk_", "whsec_", "pdl_"} {
		if strings.HasPrefix(key, prefix) {
			return deny("this is a key of another provider (" + prefix + "); a LemonSqueezy API key is made in its " +
				"dashboard under Settings, API")
		}
	}
	return nil
}

// Connect makes a connection. It sends nothing.
func (a Adapter) Connect(cfg provider.Config) (provider.Connection, error) {
	if err := a.CheckKey(cfg.APIKey, cfg.Mode); err != nil {
		return nil, err
	}
	refuse := func(message string) error {
		return &provider.Error{Class: provider.ClassTerminal, Provider: name, Operation: "connect", Message: message}
	}
	base, err := url.Parse(publicURL)
	if cfg.BaseURL != "" {
		base, err = url.Parse(cfg.BaseURL)
	}
	switch {
	case cfg.HTTP == nil:
		return nil, refuse("no HTTP client was given")
	case err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http"):
		return nil, refuse("the base URL is not an absolute http or https URL")
	case !isID(cfg.StoreID):
		return nil, refuse("the store's id is not a number")
	}
	return &connection{
		client: client{http: cfg.HTTP, base: base, key: cfg.APIKey}, store: cfg.StoreID, mode: cfg.Mode,
	}, nil
}

// isID says that a text is a number as LemonSqueezy's ids are.
func isID(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}
