package checkoutserver

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// Clients are HTTP clients with a rate limit for each scope; see instrument.Buckets.
type Clients interface {
	Client(p billing.Provider, owner, scope string, requestsPerSecond float64, burst int) *http.Client
	Keep(owner string, scopes ...string)
}

// site is a provider as it can be used now.
type site struct {
	storefront.Provider

	prefix        string // of the ids of its subscriptions
	connection    connectionID
	checkouts     provider.Checkouts
	subscriptions provider.Subscriptions
	traits        provider.CheckoutTraits
	clientToken   string
	// why nothing can be asked of the provider, and why nothing can be sold there; empty when it can.
	down, closed string
}

// sells says that checkouts can be opened there.
func (s *site) sells() bool { return s.down == "" && s.closed == "" }

// prefixOf begins the ids of a provider's subscriptions: its name, and its namespace where that is another one. Neither
// has a tilde, and a provider's own id has no dot.
func prefixOf(p storefront.Provider, namespace string) string {
	if p.Namespace == namespace {
		return p.Name + "."
	}
	return p.Namespace + "~" + p.Name + "."
}

// secretReader reads one key of a Secret, or says why there is no value.
type secretReader func(namespace string, ref storefront.SecretKey) (value, why string)

// connections keeps what was made of a provider's account and key. A rotated key makes another connection, and requests
// under way end with the old one.
type connections struct {
	registry provider.Registry
	clients  Clients
	open     map[string]opened // by storefront.Provider.Key
}

type opened struct {
	id   connectionID
	conn provider.Connection
	err  string
}

// connectionID is what a connection is made from. The key is a digest, so that nothing that prints it tells the key.
type connectionID struct {
	kind                 billing.Provider
	mode                 billing.Mode
	account, store, base string
	key                  [sha256.Size]byte
	perSecond            float64
	burst                int
}

// keep ends what belongs to providers that are no longer there.
func (c *connections) keep(doc *storefront.Document) {
	for key := range c.open {
		if doc.Provider(key) == nil {
			c.clients.Keep(key)
			delete(c.open, key)
		}
	}
}

// site makes a provider ready for use with the values of its Secrets.
func (c *connections) site(p storefront.Provider, namespace string, secret secretReader) *site {
	s := &site{Provider: p, prefix: prefixOf(p, namespace)}
	adapter, err := c.registry.Adapter(p.Type)
	if err != nil {
		s.down = err.Error()
		return s
	}
	if p.Mode == billing.Live && p.BaseURL != "" && !strings.HasPrefix(p.BaseURL, "https://") {
		s.down = "the baseURL of a PaymentProvider in Live mode does not start with https://"
		return s
	}
	key, why := secret(p.Namespace, p.APIKey)
	if why != "" {
		s.down = why
		return s
	}
	conn, why := c.connect(adapter, p, key)
	s.connection = c.open[p.Key()].id
	if why != "" {
		s.down = why
		return s
	}
	seller, ok := conn.(provider.Seller)
	if !ok {
		s.down = "this version opens no checkouts at " + string(p.Type)
		return s
	}
	s.checkouts, s.subscriptions = seller.Checkouts(), seller.Subscriptions()
	s.traits = s.checkouts.Traits()
	if s.traits.BuyerPage {
		s.clientToken, s.closed = token(adapter, p, secret)
	}
	if !p.Ready {
		s.closed = "the PaymentProvider is not ready"
	}
	return s
}

// connect returns the connection that is there, or makes one. It sends nothing.
func (c *connections) connect(adapter provider.Adapter, p storefront.Provider, key string) (provider.Connection,
	string) {
	id := connectionID{
		kind: p.Type, mode: p.Mode, account: p.AccountID, store: p.StoreID, base: p.BaseURL,
		key: sha256.Sum256([]byte(key)), perSecond: p.RequestsPerSecond, burst: p.Burst,
	}
	if o, ok := c.open[p.Key()]; ok && o.id == id {
		return o.conn, o.err
	}
	o := opened{id: id}
	if err := adapter.CheckKey(key, p.Mode); err != nil {
		o.err = err.Error()
	} else if o.conn, err = adapter.Connect(provider.Config{
		Mode: p.Mode, APIKey: key, StoreID: p.StoreID, BaseURL: p.BaseURL, HTTP: c.client(adapter, p),
	}); err != nil {
		o.err = err.Error()
	}
	c.open[p.Key()] = o
	return o.conn, o.err
}

// client is that of the account, whatever the key, so that a rotation does not forget what the provider asked for.
func (c *connections) client(adapter provider.Adapter, p storefront.Provider) *http.Client {
	parts := []string{string(p.Type), p.BaseURL, string(p.Mode)}
	if !adapter.CountsByAddress() {
		parts = append(parts, p.AccountID)
	}
	scope, rate := strings.Join(parts, "|"), p.RequestsPerSecond
	if rate <= 0 {
		rate = adapter.DefaultRate(p.Mode)
	}
	burst := p.Burst
	if burst <= 0 {
		burst = max(1, int(2*rate))
	}
	client := c.clients.Client(p.Type, p.Key(), scope, rate, burst)
	c.clients.Keep(p.Key(), scope)
	return client
}

// token is the client token that opens the provider's checkouts in the buyer's browser.
func token(adapter provider.Adapter, p storefront.Provider, secret secretReader) (value, why string) {
	if p.ClientToken == nil {
		return "", "the PaymentProvider has no client token, which the buyer's page needs"
	}
	value, why = secret(p.Namespace, *p.ClientToken)
	if why != "" {
		return "", why
	}
	if tokens, ok := adapter.(provider.ClientTokens); ok {
		if err := tokens.CheckClientToken(value, p.Mode); err != nil {
			return "", err.Error()
		}
	}
	return value, ""
}
