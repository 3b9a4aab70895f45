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

// PlanProvider names a PaymentProvider that sells the plan.
// +kubebuilder:validation:XValidation:rule="has(self.adopt) == has(oldSelf.adopt)",message="adopt is given when a provider is added to the plan and stays; to change it, remove the provider from the plan first",fieldPath=".adopt"
// +kubebuilder:validation:XValidation:rule="has(self.__namespace__) == has(oldSelf.__namespace__) && (!has(self.__namespace__) || self.__namespace__ == oldSelf.__namespace__)",message="a provider's namespace is fixed while it sells the plan; remove it from the plan first",fieldPath=".namespace"
type PlanProvider struct {
	// name of a PaymentProvider.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// namespace of the PaymentProvider, which must admit the Plan by its allowedNamespaces. Default: the Plan's own.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// adopt takes over a product, and prices, that exist at the provider, instead of creating them. Objects that
	// belong to another Plan are refused. It stays in the spec for as long as the provider sells the plan.
	// +optional
	Adopt *Adopt `json:"adopt,omitempty"`
}

// Adopt names objects that exist at a provider.
type Adopt struct {
	// productID is the provider's id of the product. At LemonSqueezy it is the product's number.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="adopt.productID is fixed while the provider sells the plan; to move to another product, remove the provider from the plan first"
	ProductID string `json:"productID,omitempty"`
	// prices of that product. Prices of the plan that are not named here are created.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:XValidation:rule="self.all(p, self.exists_one(q, q.id == p.id))",message="each id can be adopted once"
	Prices []AdoptPrice `json:"prices,omitempty"`
}

// AdoptPrice names a price that exists at a provider.
type AdoptPrice struct {
	// name of the price in spec.prices.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// id is the provider's id of the price. At LemonSqueezy it is the number of the variant.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`
}

// Management says what Kassa may do at the providers.
// +kubebuilder:validation:Enum=Enforce;Observe;Preview
type Management string

const (
	// ManagementEnforce makes the provider's catalogue equal to the spec, and keeps it so.
	ManagementEnforce Management = "Enforce"
	// ManagementObserve reports differences and writes nothing.
	ManagementObserve Management = "Observe"
	// ManagementPreview reports differences and every operation that Enforce would carry out, and writes nothing.
	ManagementPreview Management = "Preview"
)

// PublishTo names where a plan's ids are written for applications.
type PublishTo struct {
	// configMapName is a ConfigMap in the Plan's namespace, which Kassa creates and owns.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="configMapName is the name of a ConfigMap: lower-case letters, digits, dashes and dots, such as pro-prices"
	ConfigMapName string `json:"configMapName,omitempty"`
}

// PlanSpec declares a product and its prices.
// +kubebuilder:validation:XValidation:rule="self.providers.all(x, !has(x.adopt) || !has(x.adopt.prices) || x.adopt.prices.all(a, self.prices.exists(p, p.name == a.name)))",message="adopt.prices names prices of spec.prices",fieldPath=".providers",reason=FieldValueInvalid
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
	// taxCode says what is sold, for tax: saas, ebook, digital-goods, software, website-hosting, training,
	// professional-services or standard, which Kassa translates for each provider, or a provider's own code, such as
	// txcd_10103001. Default: the account's setting.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$`
	TaxCode string `json:"taxCode,omitempty"`
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
	// defaultPrice is the price that the provider shows first. Default: the first of prices; of an adopted product, the
	// one that it has, if any.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	DefaultPrice string `json:"defaultPrice,omitempty"`
	// management says what Kassa may do at the providers. Default: Enforce.
	// +optional
	Management Management `json:"management,omitempty"`
	// publishTo writes the ids of products and prices into a ConfigMap, for applications that call the provider
	// themselves.
	// +optional
	PublishTo *PublishTo `json:"publishTo,omitempty"`
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

// Plan is a product and its prices, sold through one or more PaymentProviders.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=plan,categories=kassa
// +kubebuilder:printcolumn:name="Providers",type=string,JSONPath=".status.summary"
// +kubebuilder:printcolumn:name="Product",type=string,priority=1,JSONPath=".status.providers[0].productID"
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
