// Package paddle is the adapter for Paddle Billing, API version 1. The types of paddle-go-sdk stay inside; every
// request of the SDK goes through the doer of this package, which repairs what the SDK does not do.
package paddle

import (
	"cmp"
	"net/url"
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

var (
	_ provider.Adapter      = Adapter{}
	_ provider.ClientTokens = Adapter{}
	_ provider.Seller       = (*connection)(nil)
)

// Type is billing.Paddle.
func (Adapter) Type() billing.Provider { return billing.Paddle }

// Capabilities are those of the catalogue, and all that comes of a sale.
func (Adapter) Capabilities() []provider.Capability {
	return []provider.Capability{
		provider.CapabilityCatalog, provider.CapabilityCatalogWrite, provider.CapabilityDescription,
		provider.CapabilityImage, provider.CapabilityMetadata, provider.CapabilityPriceNames,
		provider.CapabilityTaxBehavior, provider.CapabilityTaxCodes, provider.CapabilityMultiCurrency,
		provider.CapabilityPriceTrials, provider.CapabilityWebhooks, provider.CapabilityEndpoints,
		provider.CapabilityCheckouts, provider.CapabilitySubscriptions, provider.CapabilityHistory,
		provider.CapabilityDunning,
	}
}

// Traits of Paddle's catalogue: no keys of any kind, and an archived object takes no change (entity_archived).
func (a Adapter) Traits() provider.Traits {
	return provider.Traits{FrozenArchive: true, ListSettle: cmp.Or(a.ListSettle, DefaultListSettle)}
}

// DefaultRate is three quarters of the 240 requests a minute that Paddle admits from one address.
func (Adapter) DefaultRate(billing.Mode) float64 { return 3 }

// CountsByAddress is true: Paddle counts by IP address.
func (Adapter) CountsByAddress() bool { return true }

// Codec verifies and parses notifications.
func (Adapter) Codec() provider.WebhookCodec { return Codec{} }

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
