package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PriceState says whether a price can be bought.
// +kubebuilder:validation:Enum=Active;Outdated;Archived
type PriceState string

const (
	// PriceActive: the price can be bought.
	PriceActive PriceState = "Active"
	// PriceOutdated: the price can be bought, but its terms are not those of the spec: it was not replaced yet, or may
	// not be.
	PriceOutdated PriceState = "Outdated"
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
	// retiredAt is when Kassa first saw that the price does not serve its name any more.
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
	// detail says what exactly would be written, such as amount and currency.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Detail string `json:"detail,omitempty"`
	// startedAt is set while the outcome of the operation is not known.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
}

// Drift is a difference between the spec and the provider's catalogue.
type Drift struct {
	// field that differs, such as description or prices[monthly].amount.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Field string `json:"field,omitempty"`
	// want is what the spec says; absent where there should be nothing.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Want string `json:"want,omitempty"`
	// got is what the provider has; absent where there is nothing.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Got string `json:"got,omitempty"`
	// since is when Kassa first saw the difference.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
}

// PlanProviderStatus is the plan at one provider.
type PlanProviderStatus struct {
	// name of the PaymentProvider.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// namespace of the PaymentProvider, where it is not the Plan's own.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// productID is the provider's id of the product.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ProductID string `json:"productID,omitempty"`
	// written says that Kassa began to make the plan there: it may have objects also while no id is known.
	// +optional
	Written bool `json:"written,omitempty"`
	// adopted says that the product existed before and is named by the spec.
	// +optional
	Adopted bool `json:"adopted,omitempty"`
	// prices are those that can be bought now, by the names in spec.prices.
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
	// drift are the differences that Kassa leaves alone: all of them under Observe and Preview, and at a provider whose
	// catalogue no API can change.
	// +optional
	// +listType=map
	// +listMapKey=field
	// +kubebuilder:validation:MaxItems=64
	Drift []Drift `json:"drift,omitempty"`
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
	// summary is the plan at each of its providers in one line, such as "stripe: InSync, paddle: Unsupported".
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Summary string `json:"summary,omitempty"`
	// providers has an entry for each provider that sells, or sold, the plan.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Providers []PlanProviderStatus `json:"providers,omitempty"`
}
