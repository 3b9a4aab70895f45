package stripe

import (
	"encoding/json"
	"maps"

	"github.com/kassa-dev/kassa/internal/sandbox/hosted"
)

// Product is a product of API version 2023-10-16.
type Product struct {
	ID                  string             `json:"id"`
	Object              string             `json:"object"`
	Active              bool               `json:"active"`
	Created             int64              `json:"created"`
	DefaultPrice        *string            `json:"default_price"`
	Description         *string            `json:"description"`
	Features            []Feature          `json:"features"`
	Images              []string           `json:"images"`
	Livemode            bool               `json:"livemode"`
	Metadata            map[string]string  `json:"metadata"`
	Name                string             `json:"name"`
	PackageDimensions   *PackageDimensions `json:"package_dimensions"`
	Shippable           *bool              `json:"shippable"`
	StatementDescriptor *string            `json:"statement_descriptor"`
	TaxCode             *string            `json:"tax_code"`
	UnitLabel           *string            `json:"unit_label"`
	Updated             int64              `json:"updated"`
	URL                 *string            `json:"url"`

	seq int64
}

// Feature is one of a product's marketing features.
type Feature struct {
	Name string `json:"name"`
}

// PackageDimensions are in inches and ounces.
type PackageDimensions struct {
	Height json.Number `json:"height"`
	Length json.Number `json:"length"`
	Weight json.Number `json:"weight"`
	Width  json.Number `json:"width"`
}

// Price is a price of API version 2023-10-16. Amounts are in the currency's minor unit.
type Price struct {
	ID                string             `json:"id"`
	Object            string             `json:"object"`
	Active            bool               `json:"active"`
	BillingScheme     string             `json:"billing_scheme"`
	Created           int64              `json:"created"`
	Currency          string             `json:"currency"`
	CustomUnitAmount  *CustomUnitAmount  `json:"custom_unit_amount"`
	Livemode          bool               `json:"livemode"`
	LookupKey         *string            `json:"lookup_key"`
	Metadata          map[string]string  `json:"metadata"`
	Nickname          *string            `json:"nickname"`
	Product           string             `json:"product"`
	Recurring         *Recurring         `json:"recurring"`
	TaxBehavior       string             `json:"tax_behavior"`
	TiersMode         *string            `json:"tiers_mode"`
	TransformQuantity *TransformQuantity `json:"transform_quantity"`
	Type              string             `json:"type"`
	UnitAmount        *int64             `json:"unit_amount"`
	UnitAmountDecimal *string            `json:"unit_amount_decimal"`

	// Tiers and CurrencyOptions are on the wire only when the request expands them.
	Tiers           []Tier                    `json:"-"`
	CurrencyOptions map[string]CurrencyOption `json:"-"`

	seq int64
}

// Recurring is how often a price is charged.
type Recurring struct {
	AggregateUsage  *string `json:"aggregate_usage"`
	Interval        string  `json:"interval"`
	IntervalCount   int64   `json:"interval_count"`
	TrialPeriodDays *int64  `json:"trial_period_days"`
	UsageType       string  `json:"usage_type"`
}

// Tier is one step of a tiered price. UpTo is null for the last one.
type Tier struct {
	FlatAmount        *int64  `json:"flat_amount"`
	FlatAmountDecimal *string `json:"flat_amount_decimal"`
	UnitAmount        *int64  `json:"unit_amount"`
	UnitAmountDecimal *string `json:"unit_amount_decimal"`
	UpTo              *int64  `json:"up_to"`
}

// CurrencyOption is a price's amount in one more currency.
type CurrencyOption struct {
	CustomUnitAmount  *CustomUnitAmount `json:"custom_unit_amount"`
	TaxBehavior       string            `json:"tax_behavior"`
	Tiers             []Tier            `json:"tiers,omitempty"`
	UnitAmount        *int64            `json:"unit_amount"`
	UnitAmountDecimal *string           `json:"unit_amount_decimal"`
}

// CustomUnitAmount lets the buyer choose.
type CustomUnitAmount struct {
	Maximum *int64 `json:"maximum"`
	Minimum *int64 `json:"minimum"`
	Preset  *int64 `json:"preset"`
}

// TransformQuantity divides the quantity before it is priced.
type TransformQuantity struct {
	DivideBy int64  `json:"divide_by"`
	Round    string `json:"round"`
}

// WebhookEndpoint is where events go. Secret is on the wire only in the answer to its creation.
type WebhookEndpoint struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	APIVersion    *string           `json:"api_version"`
	Application   *string           `json:"application"`
	Created       int64             `json:"created"`
	Description   *string           `json:"description"`
	EnabledEvents []string          `json:"enabled_events"`
	Livemode      bool              `json:"livemode"`
	Metadata      map[string]string `json:"metadata"`
	Status        string            `json:"status"`
	URL           string            `json:"url"`
	Secret        string            `json:"-"`

	connect bool
	seq     int64
}

// Event is a change that was announced.
type Event struct {
	ID              string    `json:"id"`
	Object          string    `json:"object"`
	APIVersion      string    `json:"api_version"`
	Created         int64     `json:"created"`
	Data            EventData `json:"data"`
	Livemode        bool      `json:"livemode"`
	PendingWebhooks int       `json:"pending_webhooks"`
	Request         Origin    `json:"request"`
	Type            string    `json:"type"`

	pending map[string]bool // the endpoints that PendingWebhooks counts
	seq     int64
}

// EventData is the object as it was after the change.
type EventData struct {
	Object             json.RawMessage `json:"object"`
	PreviousAttributes json.RawMessage `json:"previous_attributes,omitempty"`
}

// Origin is the API request that caused an event; both are null when there was none.
type Origin struct {
	ID             *string `json:"id"`
	IdempotencyKey *string `json:"idempotency_key"`
}

func (p *Product) key() string          { return p.ID }
func (p *Product) order() int64         { return p.seq }
func (p *Price) key() string            { return p.ID }
func (p *Price) order() int64           { return p.seq }
func (e *WebhookEndpoint) key() string  { return e.ID }
func (e *WebhookEndpoint) order() int64 { return e.seq }
func (e *Event) key() string            { return e.ID }
func (e *Event) order() int64           { return e.seq }

func (p *Product) copy() Product {
	c := *p
	c.Metadata = maps.Clone(p.Metadata)
	return c
}

func (p *Price) copy() Price {
	c := *p
	c.Metadata = maps.Clone(p.Metadata)
	c.CurrencyOptions = maps.Clone(p.CurrencyOptions)
	return c
}

func (e *WebhookEndpoint) copy() WebhookEndpoint {
	c := *e
	c.Metadata = maps.Clone(e.Metadata)
	return c
}

// resource is an object of the payment side, which is kept as it goes over the wire.
type resource struct {
	object
	seq  int64
	cart *cart // of a checkout session
	// card is the test card behind a payment method or a subscription.
	card *hosted.Card
	run  *running // of a subscription
}

func (r *resource) key() string  { return r.text("id") }
func (r *resource) order() int64 { return r.seq }
