package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DeletionPolicy says what becomes of a Plan's objects at the provider when the Plan is deleted.
// +kubebuilder:validation:Enum=Archive;Orphan
type DeletionPolicy string

const (
	// DeletionArchive archives prices and product: nothing stays purchasable, subscriptions go on.
	DeletionArchive DeletionPolicy = "Archive"
	// DeletionOrphan leaves everything at the provider as it is.
	DeletionOrphan DeletionPolicy = "Orphan"
)

// Interval is the unit of a billing period.
// +kubebuilder:validation:Enum=Day;Week;Month;Year
type Interval string

// Units of a billing period.
const (
	IntervalDay   Interval = "Day"
	IntervalWeek  Interval = "Week"
	IntervalMonth Interval = "Month"
	IntervalYear  Interval = "Year"
)

// TaxBehavior says whether an amount contains tax.
// +kubebuilder:validation:Enum=Exclusive;Inclusive;Unspecified
type TaxBehavior string

const (
	// TaxExclusive: tax is added to the amount.
	TaxExclusive TaxBehavior = "Exclusive"
	// TaxInclusive: the amount contains tax.
	TaxInclusive TaxBehavior = "Inclusive"
	// TaxUnspecified leaves it to the account's settings.
	TaxUnspecified TaxBehavior = "Unspecified"
)

// PlanProvider names a PaymentProvider that sells the plan.
type PlanProvider struct {
	// name of a PaymentProvider in the Plan's namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// Recurring makes a price a subscription price.
// +kubebuilder:validation:XValidation:rule="!(self.interval == 'Year' && has(self.intervalCount) && self.intervalCount > 3) && !(self.interval == 'Month' && has(self.intervalCount) && self.intervalCount > 36) && !(self.interval == 'Week' && has(self.intervalCount) && self.intervalCount > 156)",message="a billing period is at most three years: 3 Year, 36 Month, 156 Week or 1095 Day"
type Recurring struct {
	// interval is the unit of the billing period.
	// +required
	Interval Interval `json:"interval,omitempty"`
	// intervalCount is the number of units in a period. Default: 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1095
	IntervalCount int32 `json:"intervalCount,omitempty"`
}

// Price is one way to buy the plan. A changed amount, currency, period or tax behaviour becomes a new
// price at the provider, and the old one is archived; running subscriptions keep theirs.
//
// The two lists in the rule are ISO 4217's currencies with no and with three decimals; the currency table of
// internal/billing is tested to agree with them.
//
// +kubebuilder:validation:XValidation:rule="self.amount.matches(self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '^[0-9]+$' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '^[0-9]+([.][0-9]{1,3})?$' : '^[0-9]+([.][0-9]{1,2})?$')",messageExpression="'amount ' + self.amount + ' has more decimals than ' + self.currency + ' allows (' + (self.currency in ['BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF'] ? '0, such as 29' : self.currency in ['BHD','IQD','JOD','KWD','LYD','OMR','TND'] ? '3, such as 29.000' : '2, such as 29.00') + ')'",fieldPath=".amount"
type Price struct {
	// name tells the prices of a plan apart. A new name is a new price.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="a price name has lower-case letters, digits and dashes, and starts and ends with a letter or digit, such as monthly"
	Name string `json:"name,omitempty"`
	// displayName is shown at the provider for the price. Default: the name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=150
	DisplayName string `json:"displayName,omitempty"`
	// amount is the price of one unit in the currency's major unit, as a decimal string: "29.00". "0" is
	// a free price.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|[1-9][0-9]{0,8})([.][0-9]{1,6})?$')",message="amount is a decimal in major units, without sign, exponent or separators and below one thousand million, such as \"29.00\" or \"0\""
	Amount string `json:"amount,omitempty"`
	// currency is an ISO 4217 code, upper case.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=3
	// +kubebuilder:validation:XValidation:rule="self in ['AED','AFN','ALL','AMD','ANG','AOA','ARS','AUD','AWG','AZN','BAM','BBD','BDT','BGN','BHD','BIF','BMD','BND','BOB','BRL','BSD','BTN','BWP','BYN','BZD','CAD','CDF','CHF','CLP','CNY','COP','CRC','CUP','CVE','CZK','DJF','DKK','DOP','DZD','EGP','ERN','ETB','EUR','FJD','FKP','GBP','GEL','GHS','GIP','GMD','GNF','GTQ','GYD','HKD','HNL','HTG','HUF','IDR','ILS','INR','IQD','IRR','ISK','JMD','JOD','JPY','KES','KGS','KHR','KMF','KPW','KRW','KWD','KYD','KZT','LAK','LBP','LKR','LRD','LSL','LYD','MAD','MDL','MGA','MKD','MMK','MNT','MOP','MRU','MUR','MVR','MWK','MXN','MYR','MZN','NAD','NGN','NIO','NOK','NPR','NZD','OMR','PAB','PEN','PGK','PHP','PKR','PLN','PYG','QAR','RON','RSD','RUB','RWF','SAR','SBD','SCR','SDG','SEK','SGD','SHP','SLE','SOS','SRD','SSP','STN','SVC','SYP','SZL','THB','TJS','TMT','TND','TOP','TRY','TTD','TWD','TZS','UAH','UGX','USD','UYI','UYU','UZS','VES','VND','VUV','WST','XAF','XCD','XCG','XOF','XPF','YER','ZAR','ZMW','ZWG']",messageExpression="'currency ' + self + ' is not an ISO 4217 code of a currency in use; codes are upper case, such as USD or EUR'"
	Currency string `json:"currency,omitempty"`
	// recurring makes this a subscription price; without it the price is paid once.
	// +optional
	Recurring *Recurring `json:"recurring,omitempty"`
	// taxBehavior says whether amount contains tax. Default: Unspecified.
	// +optional
	TaxBehavior TaxBehavior `json:"taxBehavior,omitempty"`
}

// PlanSpec declares a product and its prices.
// +kubebuilder:validation:XValidation:rule="!has(self.defaultPrice) || self.prices.exists(p, p.name == self.defaultPrice)",message="defaultPrice must be the name of one of spec.prices",fieldPath=".defaultPrice",reason=FieldValueInvalid
type PlanSpec struct {
	// providers are the accounts that sell the plan.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Providers []PlanProvider `json:"providers,omitempty"`
	// displayName is the product's name that customers see.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	DisplayName string `json:"displayName,omitempty"`
	// description is what customers read about the product.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Description string `json:"description,omitempty"`
	// features are short lines that a pricing page lists.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=15
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=80
	Features []string `json:"features,omitempty"`
	// unitLabel names one unit on receipts, such as seat.
	// +optional
	// +kubebuilder:validation:MaxLength=12
	UnitLabel string `json:"unitLabel,omitempty"`
	// imageURLs are pictures of the product, https only.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=2048
	// +kubebuilder:validation:items:XValidation:rule="isURL(self) && url(self).getScheme() == 'https'",message="an image URL starts with https://"
	ImageURLs []string `json:"imageURLs,omitempty"`
	// metadata is put on the product at the provider. Keys that start with kassa are Kassa's own marks.
	// +optional
	// +kubebuilder:validation:MaxProperties=40
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) >= 1 && size(k) <= 40 && !k.startsWith('kassa') && !k.contains('[') && !k.contains(']'))",message="a metadata key has 1 to 40 characters, no square brackets, and does not start with kassa, which Kassa's own marks use"
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(self[k]) >= 1 && size(self[k]) <= 500)",message="a metadata value has 1 to 500 characters; leave a key out instead of giving it no value"
	Metadata map[string]MetadataValue `json:"metadata,omitempty"`
	// prices are the ways to buy the plan.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Prices []Price `json:"prices,omitempty"`
	// defaultPrice is the price that the provider shows first. Default: the first of prices.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	DefaultPrice string `json:"defaultPrice,omitempty"`
	// deletionPolicy says what becomes of the provider's objects when the Plan, or one of its providers, is
	// removed. Default: Archive.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
	// suspend stops Kassa from reading and writing this plan at the providers.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// MetadataValue is the value of one metadata key.
// +kubebuilder:validation:MaxLength=500
type MetadataValue string

// PriceState says whether a price can be bought.
// +kubebuilder:validation:Enum=Active;Archived
type PriceState string

const (
	// PriceActive: the price can be bought.
	PriceActive PriceState = "Active"
	// PriceArchived: the price cannot be bought any more.
	PriceArchived PriceState = "Archived"
)

// PlanPriceStatus is a price at a provider.
type PlanPriceStatus struct {
	// name of the price in spec.prices.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// id is the provider's id of the price.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`
	// lookupKey finds the current price of this name at the provider, whatever its id.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	LookupKey string `json:"lookupKey,omitempty"`
	// state says whether the price can be bought.
	// +required
	State PriceState `json:"state,omitempty"`
}

// RetiredPrice is a price that another one replaced. Running subscriptions may still be on it.
type RetiredPrice struct {
	// id is the provider's id of the price.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`
	// name that the price had in spec.prices.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// amount in the currency's major unit.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Amount string `json:"amount,omitempty"`
	// currency is an ISO 4217 code, upper case.
	// +optional
	// +kubebuilder:validation:MaxLength=3
	Currency string `json:"currency,omitempty"`
	// retiredAt is when Kassa first saw the price archived.
	// +optional
	RetiredAt *metav1.Time `json:"retiredAt,omitempty"`
}

// PendingOperation is a change that Kassa still has to make at the provider.
type PendingOperation struct {
	// operation to make, such as CreatePrice.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Operation string `json:"operation,omitempty"`
	// target is the name of the price, or empty for the product.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Target string `json:"target,omitempty"`
	// startedAt is set while the outcome of the operation is not known.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
}

// PlanProviderStatus is the plan at one provider.
type PlanProviderStatus struct {
	// name of the PaymentProvider.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// productID is the provider's id of the product.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ProductID string `json:"productID,omitempty"`
	// prices are the current prices.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Prices []PlanPriceStatus `json:"prices,omitempty"`
	// retiredPrices are earlier prices, newest first; receivers resolve their ids to this plan.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=100
	RetiredPrices []RetiredPrice `json:"retiredPrices,omitempty"`
	// pending are the changes still to be made.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Pending []PendingOperation `json:"pending,omitempty"`
	// ready says whether the provider's catalogue equals the spec.
	// +required
	// +kubebuilder:validation:Enum=True;False;Unknown
	Ready metav1.ConditionStatus `json:"ready,omitempty"`
	// reason is a CamelCase word for the state.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
	// message explains the reason.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// PlanStatus is the plan at its providers.
type PlanStatus struct {
	// conditions are Ready, and while true Reconciling, Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// providers has an entry for each provider that sells, or sold, the plan.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Providers []PlanProviderStatus `json:"providers,omitempty"`
}

// Plan is a product and its prices, sold through one or more PaymentProviders.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=plan,categories=kassa
// +kubebuilder:printcolumn:name="Providers",type=string,JSONPath=".spec.providers[*].name"
// +kubebuilder:printcolumn:name="Product",type=string,JSONPath=".status.providers[*].productID"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].status"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].reason"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=".status.conditions[?(@.type==\"Ready\")].message"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type Plan struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec declares the product and its prices.
	// +required
	Spec PlanSpec `json:"spec,omitzero"`
	// status is written by Kassa.
	// +optional
	Status PlanStatus `json:"status,omitzero"`
}

// PlanList is a list of Plans.
// +kubebuilder:object:root=true
type PlanList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Plan `json:"items"`
}
