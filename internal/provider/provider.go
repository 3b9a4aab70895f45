// Package provider is the contract between Kassa and a payment provider: small interfaces by capability, typed
// errors, and a registry. Controllers and servers know only this package; adapters live below it and are wired
// in by cmd.
package provider

import (
	"context"
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Capability is something that Kassa can do at a provider. Specs that ask for more are refused.
type Capability string

// The capabilities. A provider that lacks one of the catalogue's has its Plans refused where a customer would pay
// something else than the Plan says, and its field left out where only a description is lost; see Fit.
const (
	// CapabilityCatalog: the catalogue can be read and compared with Plans.
	CapabilityCatalog Capability = "Catalog"
	// CapabilityCatalogWrite: products and prices can be created, changed and archived. Without it a Plan can only
	// adopt objects that exist.
	CapabilityCatalogWrite Capability = "CatalogWrite"
	// CapabilityMultiCurrency: a price can have amounts in further currencies.
	CapabilityMultiCurrency Capability = "MultiCurrency"
	// CapabilityTiers: a price can have graduated and volume tiers.
	CapabilityTiers Capability = "Tiers"
	// CapabilityMeteredUsage: a price can be billed by reported usage.
	CapabilityMeteredUsage Capability = "MeteredUsage"
	// CapabilityPriceTrials: a trial is kept with the price. Elsewhere it is given at checkout.
	CapabilityPriceTrials Capability = "PriceTrials"
	// CapabilityTaxBehavior: a price says whether its amount contains tax.
	CapabilityTaxBehavior Capability = "TaxBehavior"
	// CapabilityTaxCodes: a product says what it is for tax.
	CapabilityTaxCodes Capability = "TaxCodes"
	// CapabilityFeatures: a product lists features.
	CapabilityFeatures Capability = "Features"
	// CapabilityUnitLabel: a product names its unit.
	CapabilityUnitLabel Capability = "UnitLabel"
	// CapabilityDescription: a product has a description.
	CapabilityDescription Capability = "Description"
	// CapabilityImage and CapabilityImages: a product has one picture, or several.
	CapabilityImage  Capability = "Image"
	CapabilityImages Capability = "Images"
	// CapabilityMetadata: a product carries keys and values of the user's.
	CapabilityMetadata Capability = "Metadata"
	// CapabilityPriceNames: a price has a name of its own for people.
	CapabilityPriceNames Capability = "PriceNames"
	// CapabilityWebhooks: events can be verified and parsed.
	CapabilityWebhooks Capability = "Webhooks"
	// CapabilityEndpoints: webhook endpoints can be registered through the API.
	CapabilityEndpoints Capability = "WebhookEndpoints"
	// CapabilityCheckouts: hosted checkouts can be opened; see Seller.
	CapabilityCheckouts Capability = "Checkouts"
	// CapabilitySubscriptions: subscriptions can be listed, ended, resumed and moved to other prices; see Seller.
	CapabilitySubscriptions Capability = "Subscriptions"
	// CapabilityHistory: what happened before can be read; see History.
	CapabilityHistory Capability = "History"
	// CapabilityDunning: what is owed can be read, and subscriptions be paused; see Dunner.
	CapabilityDunning Capability = "Dunning"
)

// Traits are the ways in which providers' catalogues differ, as data that internal/catalog decides by.
type Traits struct {
	// ReadOnly: nothing can be written. Objects are adopted without marks, compared, and differences reported.
	ReadOnly bool
	// LookupKeys: a price carries a unique key that can move from one price to another in one call.
	LookupKeys bool
	// DefaultPrice: a product points at one of its prices, and that price cannot be archived meanwhile.
	DefaultPrice bool
	// FrozenArchive: an archived object takes no change but one that makes it active as well.
	FrozenArchive bool
	// IdempotentCreate: repeating a create with the same key returns the first one's object as it is now, unless
	// that is gone or has lost its marks or its lookup key: then it makes another. Without it a create is written
	// down before it is sent, and not repeated until ListSettle has passed.
	IdempotentCreate bool
	// ListSettle is how long after a create the provider's lists may still lack it. Only without
	// IdempotentCreate.
	ListSettle time.Duration
}

// SecretOrigin says where the signing secret of a webhook endpoint comes from.
type SecretOrigin int

const (
	// SecretToldOnce: the provider makes it and tells it in the answer to the create, never again.
	SecretToldOnce SecretOrigin = iota
	// SecretTold: the provider makes it and tells it in every answer.
	SecretTold
	// SecretChosen: Kassa makes it and tells the provider, which never tells it back. It can be replaced in place.
	SecretChosen
)

// EndpointTraits are the ways in which providers' webhook endpoints differ, as data that the registration decides by.
type EndpointTraits struct {
	Secrets SecretOrigin
	// Marks: an endpoint carries its owner's marks. Without them an endpoint is known by its id and URL alone.
	Marks bool
	// UniqueURL: no two endpoints may have one URL. Another endpoint for the same server is told apart by a query.
	UniqueURL bool
	// QuietEvent is a name of the provider's that is hardly ever sent. An endpoint has to have at least one event, so a
	// new one that shall not be called before its secret is stored, or an old one that shall only finish what it
	// began, is given this one.
	QuietEvent string
	// MaxActive is how many endpoints an account can have, or 0 if that is not known.
	MaxActive int
}

// Config is what an adapter needs to talk to one account.
type Config struct {
	Mode    billing.Mode
	APIKey  string
	StoreID string // LemonSqueezy only
	BaseURL string // empty: the provider's public address
	// HTTP carries every request. It limits the rate, counts, and has a timeout.
	HTTP *http.Client
}

// Adapter is one provider.
type Adapter interface {
	Type() billing.Provider
	Capabilities() []Capability
	Traits() Traits
	// DefaultRate is a safe share of the provider's rate limit in requests a second.
	DefaultRate(billing.Mode) float64
	// CountsByAddress: the provider counts requests by the address that they come from, whatever the account.
	CountsByAddress() bool
	// TaxCode is the provider's own code for a Plan's tax code: a neutral one (billing.TaxCodes) is translated, one of
	// the provider's own is returned as it is, and none gives what the provider must be told then, which may be
	// nothing. The error of any other says in one sentence which codes there are. It is not called without
	// CapabilityTaxCodes.
	TaxCode(code string) (string, error)
	// CheckPrice says in one sentence, without the provider's name, why the provider does not take a price: a currency
	// that it does not know, an amount beyond its bounds. Fit has refused before what the capabilities rule out.
	CheckPrice(spec billing.PriceSpec) error
	// CheckKey refuses a key whose text shows that it is no key of this provider (ClassCredentials) or not of
	// this mode (ErrModeMismatch). No request is made; the key never appears in the error.
	CheckKey(key string, mode billing.Mode) error
	// Connect makes a connection. It sends nothing.
	Connect(Config) (Connection, error)
	// EndpointTraits are of CapabilityEndpoints.
	EndpointTraits() EndpointTraits
	// Codec verifies and parses the provider's webhook requests. It is nil without CapabilityWebhooks.
	Codec() WebhookCodec
}

// ClientTokens is an Adapter whose provider opens checkouts in the buyer's browser, by a token of their own.
type ClientTokens interface {
	// CheckClientToken refuses a text that is no such token (ClassCredentials), above all an API key, which every buyer
	// would see, or one of another mode (ErrModeMismatch). No request is made; the text never appears in the error.
	CheckClientToken(token string, mode billing.Mode) error
}

// SubscriptionManager is an Adapter that says before anything is asked what its provider can do with subscriptions.
type SubscriptionManager interface {
	SubscriptionTraits() SubscriptionTraits
}

// SubscriptionTraits are what a provider can do with subscriptions. Everything else is a *RefusalError each time.
type SubscriptionTraits struct {
	CancelNow  bool                // before the end of the period
	Prorations []billing.Proration // by which a change of plan can be charged, in the order of their names
}

// Connection is an account that can be talked to. Every method may return *Error.
type Connection interface {
	// Account reads whose key it is. It never writes.
	Account(ctx context.Context) (billing.Account, error)
	Catalog() Catalog
	// Endpoints is nil without CapabilityEndpoints.
	Endpoints() Endpoints
}

// Catalog reads and writes products and prices. All methods are safe for concurrent use.
type Catalog interface {
	// ProductID is the id that a new product of this owner will get, or "" where the provider chooses.
	ProductID(owner billing.Owner) string
	// LookupKey is the key of a plan's price, or "" where the provider has none.
	LookupKey(owner billing.Owner, priceName string) string
	// Snapshot reads the account's whole catalogue, page by page: active and archived.
	Snapshot(ctx context.Context) (*Snapshot, error)
	// Observe reads one product and all of its prices afresh: that of known.ProductID if it exists, otherwise the one
	// that the owner's marks, or ProductID, tell. Objects of known that the provider's lists do not show yet are read
	// by id where lists may lag (Traits.ListSettle); known ids that are gone are left out. A product that does not
	// exist is a nil Product, not an error. With known.Only, no other product than known.ProductID is looked for.
	Observe(ctx context.Context, owner billing.Owner, known Known) (billing.Observed, error)
	CreateProduct(ctx context.Context, in CreateProduct) (billing.Product, error)
	UpdateProduct(ctx context.Context, id string, in ProductPatch) (billing.Product, error)
	CreatePrice(ctx context.Context, in CreatePrice) (billing.Price, error)
	UpdatePrice(ctx context.Context, id string, in PricePatch) (billing.Price, error)
}

// Known are the ids that a status has of an owner's objects.
type Known struct {
	ProductID string
	PriceIDs  []string
	Only      bool // the product is adopted: only ProductID counts
}

// Snapshot is an account's catalogue at one time.
type Snapshot struct {
	Products []billing.Product
	Prices   []billing.Price
	Calls    int // requests that it took
}

// CreateProduct creates an active product with the owner's marks.
type CreateProduct struct {
	Owner          billing.Owner
	Spec           billing.ProductSpec
	IdempotencyKey string // at most 64 characters; the same for the same intent, across restarts
}

// ProductPatch changes the fields that are not nil. Spec replaces the whole managed part, including the removal
// of metadata keys that Current has and Spec lacks.
type ProductPatch struct {
	Current        billing.Product // what was observed last
	Owner          *billing.Owner  // writes the marks
	Spec           *billing.ProductSpec
	Active         *bool
	DefaultPriceID *string // "" leaves the product without a default
}

// CreatePrice creates an active price with the owner's marks. Where the provider has lookup keys the new price
// takes LookupKey from whichever price holds it, in the same call.
type CreatePrice struct {
	Owner          billing.Owner
	ProductID      string
	Name           string
	LookupKey      string
	KeptKey        string // a mark; see billing.Price
	Spec           billing.PriceSpec
	IdempotencyKey string
}

// PricePatch changes the fields that are not nil.
type PricePatch struct {
	Current     billing.Price
	Owner       *billing.Owner // writes the marks, together with Name and KeptKey
	Name        *string
	KeptKey     *string
	Active      *bool
	LookupKey   *string // taken from whichever price holds it
	DisplayName *string
	TrialDays   *int
}

// Endpoint is a webhook endpoint that is registered at a provider.
type Endpoint struct {
	ID     string
	URL    string
	Owner  billing.Owner // zero when the endpoint carries no marks
	Events []string      // the provider's own names, sorted
	Active bool
	Mode   billing.Mode // empty where the provider does not tell
	// Secret signs deliveries; empty where the provider does not tell it (EndpointTraits.Secrets).
	Secret string
}

// EndpointSpec is what a receiver wants registered.
type EndpointSpec struct {
	Owner  billing.Owner
	URL    string
	Events []string // the provider's own names, sorted
	// Secret is what the provider shall sign with. Only with SecretChosen; an update without it leaves the secret as it
	// is.
	Secret string
}

// Endpoints registers webhook endpoints.
type Endpoints interface {
	// List reads every endpoint of the account.
	List(ctx context.Context) ([]Endpoint, error)
	// Create registers an endpoint; the answer has its Secret unless Kassa chose it. It is never sent twice with one
	// key that the provider remembers, because a remembered answer may be of an endpoint that is gone.
	Create(ctx context.Context, in EndpointSpec) (Endpoint, error)
	// Update changes URL, events, owner marks and, if there is one, the secret, and enables the endpoint. A provider that
	// lets no endpoint change its URL refuses another one.
	Update(ctx context.Context, id string, in EndpointSpec) (Endpoint, error)
	// Delete removes an endpoint. One that is gone already is no error.
	Delete(ctx context.Context, id string) error
}

// WebhookCodec verifies and parses a provider's webhook requests. It is pure and safe for concurrent use.
type WebhookCodec interface {
	// Verify checks the signature of the raw body with any of the secrets, in constant time, and that the
	// signature's time, where the scheme has one, is within tolerance of now in both directions. The errors are
	// ErrSignatureMissing, ErrSignatureMalformed, ErrSignatureMismatch and ErrSignatureTime, wrapped.
	Verify(header http.Header, body []byte, secrets []string, now time.Time, tolerance time.Duration) error
	// Sign is the header that Verify takes for the raw body at the given time: what the provider sends with it.
	Sign(body []byte, secret string, now time.Time) http.Header
	// Parse reads a verified body, all of which it has found to be JSON: Native is written into other JSON as it is.
	// An event without a normalised name has an empty Type; its id and native type have passed CheckIdentity. The
	// error wraps ErrMalformedEvent.
	Parse(body []byte) (billing.Event, error)
	// NativeEvents are the provider's own names of the events that the patterns of a spec select, sorted; with
	// no patterns, of the whole taxonomy. unknown are the patterns that select nothing.
	NativeEvents(patterns []string) (names, unknown []string)
}
