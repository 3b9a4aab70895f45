// Package storefront is what a CheckoutEndpoint sells, as the operator resolved it from Plans and PaymentProviders. The
// operator writes the document into a Secret and the endpoint's servers read it, so that a server sees one state of all
// plans at a time and needs no right to read them. There are no secrets in it, only where they are: but it says which
// address each key is sent to, so it is kept where the keys are, for those who are trusted with them.
package storefront

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// SecretType is the type of the Secrets with documents.
const SecretType = "kassa.dev/storefront"

// DocumentKey is the Secret's key.
const DocumentKey = "storefront.json"

// SecretName is the name of an endpoint's Secret.
func SecretName(endpoint string) string { return endpoint + "-storefront" }

// Document is one state of what is sold.
type Document struct {
	// Cluster is the UID of the namespace kube-system, for the marks on what is sold.
	Cluster string `json:"cluster"`
	// Providers that checkouts go to, in the order of the spec, and others at which only running subscriptions are
	// managed: those have weight 0.
	Providers []Provider `json:"providers"`
	// Plans in the order in which they are shown. Those of which nothing can be bought are not there.
	Plans []Plan `json:"plans"`
}

// Provider is an account that checkouts go to.
type Provider struct {
	Namespace         string           `json:"namespace"`
	Name              string           `json:"name"`
	Type              billing.Provider `json:"type"`
	Mode              billing.Mode     `json:"mode"`
	AccountID         string           `json:"accountID"`
	StoreID           string           `json:"storeID,omitempty"`
	BaseURL           string           `json:"baseURL,omitempty"`
	Weight            int32            `json:"weight"`
	RequestsPerSecond float64          `json:"requestsPerSecond"`     // of one replica
	Burst             int              `json:"burst,omitempty"`       // of one replica
	APIKey            SecretKey        `json:"apiKey"`                // in the provider's namespace
	ClientToken       *SecretKey       `json:"clientToken,omitempty"` // in the provider's namespace
	// Ready is false while the PaymentProvider's key, mode and account are not known to be right. Nothing is sold there.
	Ready bool `json:"ready"`
}

// Key tells providers apart: namespace/name.
func (p Provider) Key() string { return p.Namespace + "/" + p.Name }

// SecretKey is one key of a Secret.
type SecretKey struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// Plan that can be bought.
type Plan struct {
	Name         string   `json:"name"`
	DisplayName  string   `json:"displayName"`
	Description  string   `json:"description,omitempty"`
	Features     []string `json:"features,omitempty"`
	ImageURL     string   `json:"imageURL,omitempty"`
	UnitLabel    string   `json:"unitLabel,omitempty"`
	DefaultPrice string   `json:"defaultPrice,omitempty"`
	UID          string   `json:"uid"` // of the Plan, for the marks
	Prices       []Price  `json:"prices"`
}

// Price that can be bought at least at one provider.
type Price struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
	// Amounts by currency; the price's own comes first. Empty where there are tiers.
	Amounts   []Amount            `json:"amounts,omitempty"`
	Tiers     *Tiers              `json:"tiers,omitempty"` // nil where every unit costs the same
	Currency  billing.Currency    `json:"currency"`
	Recurring *Recurring          `json:"recurring,omitempty"` // nil for a one-time price
	Trial     *Trial              `json:"trial,omitempty"`
	Tax       billing.TaxBehavior `json:"tax,omitempty"`
	Metered   bool                `json:"metered,omitempty"`
	At        []At                `json:"at"` // where it can be bought, in the providers' order
}

// Amount in one currency, in minor units.
type Amount struct {
	Currency billing.Currency `json:"currency"`
	Minor    int64            `json:"minor"`
}

// Tiers make what is paid depend on the quantity.
type Tiers struct {
	Mode  billing.TierMode `json:"mode"`
	Tiers []Tier           `json:"tiers"` // in ascending order; the last one has no end
}

// Tier is a range of quantities, from the end of the tier before it.
type Tier struct {
	UpTo    int64        `json:"upTo,omitempty"` // the last quantity; 0: without end
	Amounts []TierAmount `json:"amounts"`        // by currency, the price's own first; the same ones in every tier
}

// TierAmount is what a tier costs in one currency, in minor units.
type TierAmount struct {
	Currency billing.Currency `json:"currency"`
	Unit     int64            `json:"unit"` // for each unit
	Flat     int64            `json:"flat"` // once, when the tier is reached
}

// Recurring is a billing period.
type Recurring struct {
	Interval billing.Interval `json:"interval"`
	Count    int              `json:"count"`
}

// Trial is a time before the first payment.
type Trial struct {
	Days      int                          `json:"days"`
	OnMissing billing.MissingPaymentMethod `json:"onMissing"`
}

// At is a price at one provider.
type At struct {
	Provider  string `json:"provider"` // Provider.Key
	ProductID string `json:"productID"`
	PriceID   string `json:"priceID"`
}

// Currencies are those that the price can be bought in, its own first.
func (p *Price) Currencies() []billing.Currency {
	list := []billing.Currency{p.Currency}
	add := func(c billing.Currency) {
		if c != p.Currency {
			list = append(list, c)
		}
	}
	for _, a := range p.Amounts {
		add(a.Currency)
	}
	if p.Tiers != nil && len(p.Tiers.Tiers) > 0 {
		for _, a := range p.Tiers.Tiers[0].Amounts {
			add(a.Currency)
		}
	}
	return list
}

// Encode writes a document the same way each time.
func (d *Document) Encode() (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return "", fmt.Errorf("encode the storefront: %w", err)
	}
	return b.String(), nil
}

// Decode reads what Encode wrote.
func Decode(text string) (*Document, error) {
	d := &Document{}
	if err := json.Unmarshal([]byte(text), d); err != nil {
		return nil, fmt.Errorf("decode the storefront: %w", err)
	}
	return d, nil
}

// Price finds a price by its names.
func (d *Document) Price(plan, price string) (*Plan, *Price) {
	for i := range d.Plans {
		p := &d.Plans[i]
		if p.Name != plan {
			continue
		}
		for j := range p.Prices {
			if p.Prices[j].Name == price {
				return p, &p.Prices[j]
			}
		}
	}
	return nil, nil
}

// Provider finds a provider by its key.
func (d *Document) Provider(key string) *Provider {
	for i := range d.Providers {
		if d.Providers[i].Key() == key {
			return &d.Providers[i]
		}
	}
	return nil
}
