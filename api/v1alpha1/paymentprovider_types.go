package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Mode is the provider's environment: test data or real money.
// +kubebuilder:validation:Enum=Test;Live
type Mode string

const (
	// ModeTest: test data only. A live key is refused before anything is written.
	ModeTest Mode = "Test"
	// ModeLive: real money.
	ModeLive Mode = "Live"
)

// ProviderType is one of the payment providers.
// +kubebuilder:validation:Enum=Stripe;Paddle;LemonSqueezy
type ProviderType string

const (
	// ProviderStripe is Stripe, API version 2023-10-16.
	ProviderStripe ProviderType = "Stripe"
	// ProviderPaddle is Paddle Billing.
	ProviderPaddle ProviderType = "Paddle"
	// ProviderLemonSqueezy is LemonSqueezy.
	ProviderLemonSqueezy ProviderType = "LemonSqueezy"
)

// StripeProvider is an account at Stripe.
type StripeProvider struct {
	// apiKeySecretRef names the Secret that holds a secret key (sk_…) or a restricted key (rk_…).
	// +required
	APIKeySecretRef SecretKeyReference `json:"apiKeySecretRef,omitzero"`
	// accountID is the only account that Kassa writes to. Default: the account of the first key that was checked.
	// +optional
	// +kubebuilder:validation:MinLength=6
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.startsWith('acct_')",message="accountID is the id of a Stripe account and starts with acct_"
	AccountID string `json:"accountID,omitempty"`
}

// PaddleProvider is an account at Paddle Billing.
type PaddleProvider struct {
	// apiKeySecretRef names the Secret that holds an API key (pdl_…).
	// +required
	APIKeySecretRef SecretKeyReference `json:"apiKeySecretRef,omitzero"`
	// clientTokenSecretRef names the Secret that holds a client-side token (test_… or live_…), which opens checkouts in
	// a buyer's browser. Everybody sees it there, so anything else than such a token of the spec's mode is refused.
	// +optional
	ClientTokenSecretRef *SecretKeyReference `json:"clientTokenSecretRef,omitempty"`
}

// LemonSqueezyProvider is a store at LemonSqueezy.
type LemonSqueezyProvider struct {
	// apiKeySecretRef names the Secret that holds an API key.
	// +required
	APIKeySecretRef SecretKeyReference `json:"apiKeySecretRef,omitzero"`
	// storeID is the number of the store.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]+$')",message="storeID is the number of the store, such as \"12345\""
	StoreID string `json:"storeID,omitempty"`
}

// RateLimit bounds what Kassa asks of the account.
type RateLimit struct {
	// requestsPerSecond is the sustained rate.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	RequestsPerSecond int32 `json:"requestsPerSecond,omitempty"`
	// burst is how many requests may go at once after a quiet time. Default: twice requestsPerSecond, and at least 4 at
	// each replica of a CheckoutEndpoint.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2000
	Burst int32 `json:"burst,omitempty"`
}

// NamespacesFrom says which namespaces may refer to an object.
// +kubebuilder:validation:Enum=Same;All;Selector
type NamespacesFrom string

const (
	// NamespacesSame admits the object's own namespace.
	NamespacesSame NamespacesFrom = "Same"
	// NamespacesAll admits every namespace.
	NamespacesAll NamespacesFrom = "All"
	// NamespacesSelector admits the object's own namespace, and those that a selector matches.
	NamespacesSelector NamespacesFrom = "Selector"
)

// AllowedNamespaces says which namespaces may refer to an object.
// +kubebuilder:validation:XValidation:rule="(has(self.from) && self.from == 'Selector') == has(self.selector)",message="selector is set with from: Selector, and only then"
type AllowedNamespaces struct {
	// from admits namespaces. Default: Same.
	// +optional
	From NamespacesFrom `json:"from,omitempty"`
	// selector matches the labels of namespaces.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// Guardrails bound what a mistake can do.
type Guardrails struct {
	// maxReplacementsPerHour is how many prices of the account Kassa replaces by new ones within an hour. A Plan that
	// would exceed it waits, Stalled with reason BudgetExhausted. Default: 20 in Live mode, no bound in Test mode.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	MaxReplacementsPerHour *int32 `json:"maxReplacementsPerHour,omitempty"`
}

// PaymentProviderSpec declares one account at one provider.
// +kubebuilder:validation:XValidation:rule="has(self.stripe) == has(oldSelf.stripe) && has(self.paddle) == has(oldSelf.paddle) && has(self.lemonSqueezy) == has(oldSelf.lemonSqueezy)",message="a PaymentProvider stays at its provider, because the objects of one do not exist at another; create another PaymentProvider"
// +kubebuilder:validation:XValidation:rule="!has(self.lemonSqueezy) || !has(oldSelf.lemonSqueezy) || self.lemonSqueezy.storeID == oldSelf.lemonSqueezy.storeID",message="storeID cannot change, because the objects of one store do not exist in another; create another PaymentProvider",fieldPath=".lemonSqueezy.storeID"
// +kubebuilder:validation:XValidation:rule="[has(self.stripe), has(self.paddle), has(self.lemonSqueezy)].exists_one(x, x)",message="set exactly one of stripe, paddle and lemonSqueezy; one PaymentProvider is one account at one provider"
// +kubebuilder:validation:XValidation:rule="self.mode != 'Live' || !has(self.baseURL) || self.baseURL.startsWith('https://')",message="baseURL must start with https:// in Live mode",fieldPath=".baseURL"
type PaymentProviderSpec struct {
	// mode is the environment that the key must belong to. Kassa writes nothing when the key's prefix or
	// the provider's own answer says otherwise.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="mode cannot change, because the objects of one mode do not exist in the other; create another PaymentProvider"
	Mode Mode `json:"mode,omitempty"`
	// stripe makes this an account at Stripe.
	// +optional
	Stripe *StripeProvider `json:"stripe,omitempty"`
	// paddle makes this an account at Paddle Billing.
	// +optional
	Paddle *PaddleProvider `json:"paddle,omitempty"`
	// lemonSqueezy makes this a store at LemonSqueezy.
	// +optional
	LemonSqueezy *LemonSqueezyProvider `json:"lemonSqueezy,omitempty"`
	// baseURL replaces the provider's public API address: a sandbox, a proxy, a test.
	// +optional
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",message="baseURL is an absolute URL such as https://proxy.example.com"
	BaseURL string `json:"baseURL,omitempty"`
	// rateLimit bounds the requests to this account. One half is the operator's, the other is shared out evenly among
	// all replicas of all CheckoutEndpoints at the account. Default: a safe share of the provider's own limit
	// (Stripe: 18/s in Test and 75/s in Live mode).
	// +optional
	RateLimit *RateLimit `json:"rateLimit,omitempty"`
	// driftCheckInterval is how often the account's catalogue is read to find edits made elsewhere,
	// between 10s and 24h. Default: 10m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="driftCheckInterval is a duration between 10s and 24h, such as 10m"
	DriftCheckInterval *metav1.Duration `json:"driftCheckInterval,omitempty"`
	// allowedNamespaces says in which namespaces the Plans may be that are sold through this account. Default: only in
	// its own.
	// +optional
	AllowedNamespaces AllowedNamespaces `json:"allowedNamespaces,omitempty,omitzero"`
	// guardrails bound what a mistake can do.
	// +optional
	Guardrails Guardrails `json:"guardrails,omitempty,omitzero"`
	// suspend stops Kassa from reading and writing this account. Deployed receivers go on.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// AccountStatus is what the provider says about the account.
type AccountStatus struct {
	// id is the provider's id of the account.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`
	// provisional says that the provider does not tell the account's id while the account has no objects, and that
	// another one will take its place.
	// +optional
	Provisional bool `json:"provisional,omitempty"`
	// name is the account's display name.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// mode is the mode that the credentials turned out to be of.
	// +optional
	Mode Mode `json:"mode,omitempty"`
	// defaultCurrency is an ISO 4217 code, upper case.
	// +optional
	// +kubebuilder:validation:MaxLength=3
	DefaultCurrency string `json:"defaultCurrency,omitempty"`
}

// CatalogStatus sums up the account's last snapshot.
type CatalogStatus struct {
	// products counts the products of the account, active and archived.
	// +optional
	Products int32 `json:"products"`
	// prices counts the prices of the account, active and archived.
	// +optional
	Prices int32 `json:"prices"`
	// snapshotCalls is how many requests the snapshot took.
	// +optional
	SnapshotCalls int32 `json:"snapshotCalls"`
	// lastSnapshot is when these figures last changed.
	// +optional
	LastSnapshot *metav1.Time `json:"lastSnapshot,omitempty"`
}

// PaymentProviderStatus is what Kassa found out about the account.
type PaymentProviderStatus struct {
	// conditions are Ready, and while true Reconciling, Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// type is the provider of this account.
	// +optional
	Type ProviderType `json:"type,omitempty"`
	// account is what the provider says about the account.
	// +optional
	Account *AccountStatus `json:"account,omitempty"`
	// capabilities lists what Kassa can do at this provider.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=64
	Capabilities []string `json:"capabilities,omitempty"`
	// catalog sums up the account's last snapshot.
	// +optional
	Catalog *CatalogStatus `json:"catalog,omitempty"`
}

// PaymentProvider is an account at Stripe, Paddle or LemonSqueezy.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=payp,categories=kassa
// +kubebuilder:printcolumn:name="Provider",type=string,JSONPath=".status.type"
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=".spec.mode"
// +kubebuilder:printcolumn:name="Account",type=string,JSONPath=".status.account.id"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].status"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].reason"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=".status.conditions[?(@.type==\"Ready\")].message"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type PaymentProvider struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec declares the account.
	// +required
	Spec PaymentProviderSpec `json:"spec,omitzero"`
	// status is written by Kassa.
	// +optional
	Status PaymentProviderStatus `json:"status,omitzero"`
}

// PaymentProviderList is a list of PaymentProviders.
// +kubebuilder:object:root=true
type PaymentProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PaymentProvider `json:"items"`
}
