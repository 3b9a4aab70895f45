// Package billing is Kassa's neutral model of a payment provider: products, prices, money, events. It is pure:
// no I/O, no provider's types, nothing of Kubernetes.
package billing

import (
	"slices"
	"time"
)

// Provider is a payment provider. The values equal v1alpha1.ProviderType.
type Provider string

// The payment providers.
const (
	Stripe       Provider = "Stripe"
	Paddle       Provider = "Paddle"
	LemonSqueezy Provider = "LemonSqueezy"
)

// Mode is the provider's environment. The values equal v1alpha1.Mode.
type Mode string

// The modes.
const (
	Test Mode = "Test"
	Live Mode = "Live"
)

// Account is what a provider says about the account that a key belongs to.
type Account struct {
	ID string
	// Provisional: the provider does not tell the id of an account without objects. This one is of the key, and another
	// one takes its place for good with the first object.
	Provisional     bool
	Name            string
	Mode            Mode
	DefaultCurrency Currency // empty where the provider has none
}

// Owner is the Kubernetes object that a provider's object belongs to. Adapters write it onto every object they
// create, so that two clusters, or two Plans, on one account never touch each other's objects.
type Owner struct {
	Cluster   string // UID of the kube-system namespace
	Namespace string
	Name      string
	UID       string
}

// IsZero says that an object carries no owner's marks.
func (o Owner) IsZero() bool { return o == Owner{} }

// Identifies says whether the marks tell whose the object is. Somebody may have removed some of them.
func (o Owner) Identifies() bool { return o.Cluster != "" && o.UID != "" }

// Same says whether both are the same object of the same cluster. Names are for people; UIDs decide.
func (o Owner) Same(other Owner) bool { return o.Cluster == other.Cluster && o.UID == other.UID }

// String is cluster/namespace/name, for messages.
func (o Owner) String() string { return o.Cluster + "/" + o.Namespace + "/" + o.Name }

// Interval is the unit of a billing period.
type Interval string

// Units of a billing period. The values equal v1alpha1.Interval.
const (
	Day   Interval = "Day"
	Week  Interval = "Week"
	Month Interval = "Month"
	Year  Interval = "Year"
)

// Recurring is a billing period. The zero value means a one-time price.
type Recurring struct {
	Interval Interval
	Count    int // units in a period; at least 1 where Interval is set
}

// TaxBehavior says whether an amount contains tax.
type TaxBehavior string

// Tax behaviours. The values equal v1alpha1.TaxBehavior.
const (
	TaxExclusive   TaxBehavior = "Exclusive"
	TaxInclusive   TaxBehavior = "Inclusive"
	TaxUnspecified TaxBehavior = "Unspecified"
)

// Aggregate says how the usage that is reported during a period adds up to what is billed.
type Aggregate string

// Aggregates. The values equal v1alpha1.UsageAggregate.
const (
	AggregateSum  Aggregate = "Sum"
	AggregateMax  Aggregate = "Max"
	AggregateLast Aggregate = "Last"
)

// TierMode says how a quantity meets tiers.
type TierMode string

// Tier modes. The values equal v1alpha1.TierMode.
const (
	// TiersGraduated charges each unit by the tier that it falls into.
	TiersGraduated TierMode = "Graduated"
	// TiersVolume charges every unit by the tier that the whole quantity falls into.
	TiersVolume TierMode = "Volume"
)

// Tier is a range of quantities, from the end of the tier before it. Amounts are in the currency's minor unit.
type Tier struct {
	UpTo int64 // the last quantity of the tier; 0 means without end
	Unit int64 // for each unit
	Flat int64 // once, when the tier is reached
}

// CurrencyOption is what a price costs in another currency than its own.
type CurrencyOption struct {
	Money Money  // Minor is 0 where there are tiers
	Tiers []Tier // as many as the price itself has, with the same ends
}

// ProductSpec is everything about a product that a Plan manages.
type ProductSpec struct {
	Name        string
	Description string
	Features    []string
	TaxCode     string // the provider's own code; empty leaves it to the account
	UnitLabel   string
	ImageURLs   []string
	Metadata    map[string]string // without Kassa's own marks
}

// PriceTerms is what a customer agrees to. Terms never change on an existing price: different terms are a new
// price, at every provider, so that a sold price stays what it was.
type PriceTerms struct {
	Money       Money            // of one unit; Minor is 0 where there are tiers
	Options     []CurrencyOption // other currencies, sorted by currency, without the price's own
	TierMode    TierMode         // empty: every unit costs the same
	Tiers       []Tier           // ends grow strictly; the last one has none
	Recurring   Recurring
	Metered     Aggregate // empty: the quantity is bought, not reported
	TaxBehavior TaxBehavior
}

// Equal compares everything. Absent and empty lists are equal.
func (t PriceTerms) Equal(o PriceTerms) bool {
	return t.Money == o.Money && t.TierMode == o.TierMode && t.Recurring == o.Recurring && t.Metered == o.Metered &&
		t.TaxBehavior == o.TaxBehavior && slices.Equal(t.Tiers, o.Tiers) &&
		slices.EqualFunc(t.Options, o.Options, func(a, b CurrencyOption) bool {
			return a.Money == b.Money && slices.Equal(a.Tiers, b.Tiers)
		})
}

// PriceSpec is everything about a price that a Plan manages.
type PriceSpec struct {
	Terms       PriceTerms
	DisplayName string
	// TrialDays before the first payment, where the provider keeps a trial with the price; 0 means none. It changes
	// in place: it concerns only those who have not bought yet.
	TrialDays int
}

// DesiredPrice is a price that a Plan declares.
type DesiredPrice struct {
	Name string
	Spec PriceSpec
}

// Adoption names objects that exist at the provider and become a plan's own.
type Adoption struct {
	ProductID string
	Prices    map[string]string // name of a price in the plan → the provider's id
}

// Plan is what a Plan object declares for one provider.
type Plan struct {
	Owner   Owner
	Product ProductSpec
	Prices  []DesiredPrice
	// Default is the name of the default price. Empty leaves an adopted product the default that it has, or has not.
	Default string
	Adopt   *Adoption // nil: the plan's objects are made by Kassa
}

// Product is a product at a provider.
type Product struct {
	ID             string
	Owner          Owner // zero when the product carries no marks
	Active         bool
	DefaultPriceID string // empty where none is set or the provider has no such thing
	Spec           ProductSpec
	// Beyond names what the provider has of it and Spec has no place for, in the provider's words. Kassa leaves it as it
	// is.
	Beyond []string
}

// Price is a price at a provider.
type Price struct {
	ID        string
	ProductID string
	Owner     Owner  // zero when the price carries no marks
	Name      string // the price's name in the Plan, from its marks
	// KeptKey is the lookup key that an adopted price had before and that its successors take over, from the marks;
	// empty where Kassa's own key is used.
	KeptKey   string
	Active    bool
	LookupKey string // empty where none is set or the provider has no such thing
	// Title is what the provider calls it, where Kassa neither writes nor compares that.
	Title   string
	Created time.Time
	// Spec has zero Terms when the price has terms that Kassa cannot express: they equal nothing that a Plan declares.
	Spec PriceSpec
	// BeyondTerms names what Kassa cannot express of its terms and trial, in the provider's words. Not every reason for
	// zero Terms has a name.
	BeyondTerms []string
	// Beyond names what else the provider has of it and Spec has no place for, in the provider's words.
	Beyond []string
	// OwnTrial is a number of days that the price names and the provider gives to nobody by itself. It is not compared.
	OwnTrial int
}

// Observed is a plan's share of a provider's catalogue: its product, or nil, and every price of that product,
// active and archived.
type Observed struct {
	Product *Product
	Prices  []Price
	// Twins are other products with the same owner's marks. There are none but where two processes once created the
	// product at the same time and the provider could not tell that it was meant once.
	Twins []Product
}

// Clone copies o so that changes to the copy's slices and product do not show in o. Specs are shared: nobody
// changes them in place.
func (o Observed) Clone() Observed {
	c := Observed{Prices: slices.Clone(o.Prices), Twins: slices.Clone(o.Twins)}
	if o.Product != nil {
		p := *o.Product
		c.Product = &p
	}
	return c
}
