package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CheckoutPlan names a Plan that can be bought.
type CheckoutPlan struct {
	// name of a Plan in the same namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// prices of the Plan that can be bought, in the order in which the pricing page shows them. Default: all of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Prices []string `json:"prices,omitempty"`
}

// WeightedProvider gets a share of the checkouts.
type WeightedProvider struct {
	// name of the PaymentProvider.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// namespace of the PaymentProvider, which must admit this one by its allowedNamespaces. Default: the object's own.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// weight is the provider's share of the users, in proportion to the sum of all weights. A provider of weight 0 gets
	// no new checkouts; the subscriptions that it has are managed there as before. Default: 1.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Weight *int32 `json:"weight,omitempty"`
}

// ProviderFailover says what becomes of a checkout whose provider cannot be reached.
// +kubebuilder:validation:Enum=Enabled;Disabled
type ProviderFailover string

const (
	// FailoverEnabled: the user's next provider is taken at which the plan can be bought.
	FailoverEnabled ProviderFailover = "Enabled"
	// FailoverDisabled: the checkout fails, and the client is told to try again later.
	FailoverDisabled ProviderFailover = "Disabled"
)

// CheckoutOptions shape the provider's page.
type CheckoutOptions struct {
	// allowPromotionCodes shows a field for promotion codes, where the provider has it off otherwise.
	// +optional
	AllowPromotionCodes bool `json:"allowPromotionCodes,omitempty"`
	// automaticTax lets Stripe compute tax. Paddle and LemonSqueezy are the seller and always do.
	// +optional
	AutomaticTax bool `json:"automaticTax,omitempty"`
	// collectBillingAddress says whether Stripe asks every buyer for an address. Default: Auto.
	// +optional
	CollectBillingAddress BillingAddress `json:"collectBillingAddress,omitempty"`
	// expiresAfter is how long an unused checkout can be paid, between 30m and 24h, where the provider lets it end.
	// Default: 24h.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('30m') && duration(self) <= duration('24h')",message="expiresAfter is a duration between 30m and 24h"
	ExpiresAfter *metav1.Duration `json:"expiresAfter,omitempty"`
}

// BillingAddress says whether the provider's page asks for a billing address.
// +kubebuilder:validation:Enum=Auto;Required
type BillingAddress string

const (
	// BillingAddressAuto asks where tax or the means of payment need it.
	BillingAddressAuto BillingAddress = "Auto"
	// BillingAddressRequired asks always.
	BillingAddressRequired BillingAddress = "Required"
)

// CancelPolicy says how users may cancel.
// +kubebuilder:validation:Enum=AtPeriodEnd;Now;Disabled
type CancelPolicy string

const (
	// CancelAtPeriodEnd: a subscription goes on until the end of what was paid, and can be resumed until then.
	CancelAtPeriodEnd CancelPolicy = "AtPeriodEnd"
	// CancelNow: users may also cancel at once. LemonSqueezy cannot do that.
	CancelNow CancelPolicy = "Now"
	// CancelDisabled: users cannot cancel here.
	CancelDisabled CancelPolicy = "Disabled"
)

// Proration says what a change of plan costs at once.
// +kubebuilder:validation:Enum=ProrateImmediately;ProrateNextPeriod;None;FullImmediately;FullNextPeriod
type Proration string

const (
	// ProrateImmediately charges or credits the difference for the rest of the period at once.
	ProrateImmediately Proration = "ProrateImmediately"
	// ProrateNextPeriod puts the difference on the next bill.
	ProrateNextPeriod Proration = "ProrateNextPeriod"
	// ProrationNone charges nothing for the rest of the period.
	ProrationNone Proration = "None"
	// FullImmediately charges the new price in full at once. Paddle only.
	FullImmediately Proration = "FullImmediately"
	// FullNextPeriod charges the new price in full on the next bill. Paddle only.
	FullNextPeriod Proration = "FullNextPeriod"
)

// PlanChangePolicy says whether users may change the plan of a subscription.
// +kubebuilder:validation:Enum=Enabled;Disabled
type PlanChangePolicy string

const (
	// PlanChangeEnabled: users may change to any price that this CheckoutEndpoint sells.
	PlanChangeEnabled PlanChangePolicy = "Enabled"
	// PlanChangeDisabled: users cannot change plans here.
	PlanChangeDisabled PlanChangePolicy = "Disabled"
)

// PlanChange shapes changes of plan.
type PlanChange struct {
	// policy says whether users may change plans. Default: Enabled.
	// +optional
	Policy PlanChangePolicy `json:"policy,omitempty"`
	// proration is what a change costs at once. Default: ProrateImmediately.
	// +optional
	Proration Proration `json:"proration,omitempty"`
}

// SubscriptionOptions say what users may do with their subscriptions.
type SubscriptionOptions struct {
	// cancel says how users may cancel. Default: AtPeriodEnd.
	// +optional
	Cancel CancelPolicy `json:"cancel,omitempty"`
	// planChange shapes changes of plan.
	// +optional
	PlanChange *PlanChange `json:"planChange,omitempty"`
}

// CustomerPortal gives users a link to the provider's own pages for their subscriptions and cards.
type CustomerPortal struct {
	// returnURL is where the provider's pages lead back to, where they do.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://([A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*[.]?|[[][0-9A-Fa-f:.]+[]])(:(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]([][!#$&-;=?-Z_a-z~]|%[0-9A-Fa-f]{2})*)?$')",message="returnURL is an absolute URL such as https://app.example.com/account: no user, a host in ASCII (xn--... for other letters), a port up to 65535, and percent-encoded what is no URL's character"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https?://([^/?#]*[.])?([0-9]+|0[xX][0-9A-Fa-f]*)[.]?(:[0-9]+)?([/?#].*)?$') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]+)?([/?#].*)?$')",message="returnURL has a host name, or an IPv4 address in the usual writing, such as 192.0.2.1"
	ReturnURL string `json:"returnURL,omitempty"`
}

// PricingPage is a page of all plans with a button for each.
type PricingPage struct {
	// title of the page. Default: Pricing.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Title string `json:"title,omitempty"`
	// description is a sentence below the title.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Description string `json:"description,omitempty"`
	// locale of the page's words for amounts and periods where the browser asks for none that Kassa has. Default: en.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=35
	Locale string `json:"locale,omitempty"`
}

// ClientRateLimit bounds what one client may ask: a user, or an address where there is none.
type ClientRateLimit struct {
	// requestsPerMinute is the sustained rate of one client at one replica. Default: 60.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	RequestsPerMinute int32 `json:"requestsPerMinute,omitempty"`
	// burst is how many requests may come at once after a quiet time. Default: 20.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	Burst int32 `json:"burst,omitempty"`
	// trustedProxies is how many proxies in front of the server add to X-Forwarded-For. The client's address is the one
	// that the outermost of them saw. Default: 1 with spec.expose, otherwise 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=8
	TrustedProxies *int32 `json:"trustedProxies,omitempty"`
}

// CheckoutEndpointSpec declares a server that sells Plans.
// +kubebuilder:validation:XValidation:rule="[has(self.plans), has(self.planSelector)].exists_one(x, x)",message="set exactly one of plans and planSelector"
// +kubebuilder:validation:XValidation:rule="self.url.startsWith('https://') || (has(self.allowInsecureHTTP) && self.allowInsecureHTTP)",message="url starts with https://; for a sandbox, set allowInsecureHTTP: true",fieldPath=".url"
// +kubebuilder:validation:XValidation:rule="self.successURL.startsWith('https://') || (has(self.allowInsecureHTTP) && self.allowInsecureHTTP)",message="successURL starts with https://; for a sandbox, set allowInsecureHTTP: true",fieldPath=".successURL"
// +kubebuilder:validation:XValidation:rule="!has(self.cancelURL) || self.cancelURL.startsWith('https://') || (has(self.allowInsecureHTTP) && self.allowInsecureHTTP)",message="cancelURL starts with https://; for a sandbox, set allowInsecureHTTP: true",fieldPath=".cancelURL"
// +kubebuilder:validation:XValidation:rule="!has(self.customerPortal) || self.customerPortal.returnURL.startsWith('https://') || (has(self.allowInsecureHTTP) && self.allowInsecureHTTP)",message="returnURL starts with https://; for a sandbox, set allowInsecureHTTP: true",fieldPath=".customerPortal.returnURL"
// +kubebuilder:validation:XValidation:rule="!has(self.allowedOrigins) || self.allowedOrigins.all(o, o.startsWith('https://')) || (has(self.allowInsecureHTTP) && self.allowInsecureHTTP)",message="an origin starts with https://; for a sandbox, set allowInsecureHTTP: true",fieldPath=".allowedOrigins"
// +kubebuilder:validation:XValidation:rule="!has(self.auth.jwt) || self.auth.jwt.issuer.startsWith('https://') || (has(self.allowInsecureHTTP) && self.allowInsecureHTTP)",message="issuer starts with https://, because whoever is on the way to it could sign tokens; for a sandbox, set allowInsecureHTTP: true",fieldPath=".auth.jwt.issuer"
// +kubebuilder:validation:XValidation:rule="!has(self.auth.jwt) || !has(self.auth.jwt.jwksURL) || self.auth.jwt.jwksURL.startsWith('https://') || (has(self.allowInsecureHTTP) && self.allowInsecureHTTP)",message="jwksURL starts with https://, because whoever is on the way to it could sign tokens; for a sandbox, set allowInsecureHTTP: true",fieldPath=".auth.jwt.jwksURL"
// +kubebuilder:validation:XValidation:rule="!has(self.auth.anonymous) || (!has(self.subscriptions) && !has(self.customerPortal))",message="subscriptions and customerPortal need auth.jwt or auth.bearerToken: nobody is signed in with auth.anonymous"
type CheckoutEndpointSpec struct {
	// plans that can be bought, in the order in which the pricing page shows them.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Plans []CheckoutPlan `json:"plans,omitempty"`
	// planSelector selects Plans of the namespace by labels, all prices of each, in the order of their names.
	// +optional
	PlanSelector *metav1.LabelSelector `json:"planSelector,omitempty"`
	// providers that checkouts go to. Default: the only PaymentProvider that all of the plans have.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.all(p, self.exists_one(q, q.name == p.name && (has(q.__namespace__) ? q.__namespace__ : \"\") == (has(p.__namespace__) ? p.__namespace__ : \"\")))",message="a provider is named once"
	// +kubebuilder:validation:XValidation:rule="self.exists(p, !has(p.weight) || p.weight > 0)",message="at least one provider needs a weight above 0"
	Providers []WeightedProvider `json:"providers,omitempty"`
	// failover says what becomes of a checkout whose provider cannot be reached. Default: Enabled.
	// +optional
	Failover ProviderFailover `json:"failover,omitempty"`
	// url is the server's public base URL; https unless allowInsecureHTTP is true.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://([A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*[.]?|[[][0-9A-Fa-f:.]+[]])(:(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/([][!$&-;=@-Z_a-z~]|%[0-9A-Fa-f]{2})*)?$')",message="url is an absolute URL without query and fragment, such as https://pay.example.com: no user, a host in ASCII (xn--... for other letters), a port up to 65535, and percent-encoded what is no URL's character"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https?://([^/?#]*[.])?([0-9]+|0[xX][0-9A-Fa-f]*)[.]?(:[0-9]+)?([/?#].*)?$') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]+)?([/?#].*)?$')",message="url has a host name, or an IPv4 address in the usual writing, such as 192.0.2.1"
	URL string `json:"url,omitempty"`
	// allowInsecureHTTP admits http in url, allowedOrigins, successURL, cancelURL, the portal's returnURL, and the issuer
	// and jwksURL of auth.jwt. It is for a sandbox; a PaymentProvider in Live mode is refused with it.
	// +optional
	AllowInsecureHTTP bool `json:"allowInsecureHTTP,omitempty"`
	// expose makes the server reachable at url. Default: only a Service is made.
	// +optional
	Expose *Exposure `json:"expose,omitempty"`
	// tls lets the server speak TLS itself. Default: plain HTTP, behind something that speaks TLS.
	// +optional
	TLS *ServerTLS `json:"tls,omitempty"`
	// httpsPolicy says what becomes of requests that came over plain HTTP although url is https. Default: RefusePlain.
	// +optional
	HTTPSPolicy HTTPSPolicy `json:"httpsPolicy,omitempty"`
	// auth says who may call the server, and how it knows its users.
	// +required
	Auth CheckoutAuth `json:"auth,omitzero"`
	// allowedOrigins are the origins whose pages may call the server from a browser, and that a success or cancel URL may
	// lead to. The origins of url, successURL and cancelURL are among them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=8
	// +kubebuilder:validation:items:MaxLength=262
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^https?://[a-z0-9-]+([.][a-z0-9-]+)*(:(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?$')",message="an origin is a scheme, a host in lower case and perhaps a port up to 65535, such as https://app.example.com"
	// +kubebuilder:validation:items:XValidation:rule="!self.matches('^https?://([^/?#]*[.])?([0-9]+|0[xX][0-9A-Fa-f]*)[.]?(:[0-9]+)?([/?#].*)?$') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]+)?([/?#].*)?$')",message="an origin has a host name, or an IPv4 address in the usual writing, such as https://192.0.2.1"
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// successURL is where buyers go after they paid. {SESSION_ID} in it becomes the checkout's id, where the provider
	// tells it.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://([A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*[.]?|[[][0-9A-Fa-f:.]+[]])(:(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]([][!#$&-;=?-Z_a-z~]|%[0-9A-Fa-f]{2}|[{]SESSION_ID[}])*)?$')",message="successURL is an absolute URL such as https://app.example.com/done?session={SESSION_ID}: no user, a host in ASCII (xn--... for other letters), a port up to 65535, and percent-encoded what is no URL's character"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https?://([^/?#]*[.])?([0-9]+|0[xX][0-9A-Fa-f]*)[.]?(:[0-9]+)?([/?#].*)?$') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]+)?([/?#].*)?$')",message="successURL has a host name, or an IPv4 address in the usual writing, such as 192.0.2.1"
	SuccessURL string `json:"successURL,omitempty"`
	// cancelURL is where buyers go who give up, where the provider has a way back. Default: url.
	// +optional
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://([A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*[.]?|[[][0-9A-Fa-f:.]+[]])(:(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]([][!#$&-;=?-Z_a-z~]|%[0-9A-Fa-f]{2}|[{]SESSION_ID[}])*)?$')",message="cancelURL is an absolute URL such as https://app.example.com/pricing: no user, a host in ASCII (xn--... for other letters), a port up to 65535, and percent-encoded what is no URL's character"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https?://([^/?#]*[.])?([0-9]+|0[xX][0-9A-Fa-f]*)[.]?(:[0-9]+)?([/?#].*)?$') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]+)?([/?#].*)?$')",message="cancelURL has a host name, or an IPv4 address in the usual writing, such as 192.0.2.1"
	CancelURL string `json:"cancelURL,omitempty"`
	// checkout shapes the provider's page.
	// +optional
	Checkout *CheckoutOptions `json:"checkout,omitempty"`
	// subscriptions says what users may do with their subscriptions. Default: they cannot be managed here.
	// +optional
	Subscriptions *SubscriptionOptions `json:"subscriptions,omitempty"`
	// customerPortal gives users a link to the provider's own pages. Default: there is none.
	// +optional
	CustomerPortal *CustomerPortal `json:"customerPortal,omitempty"`
	// pricingPage serves a page of the plans at url. Default: there is none.
	// +optional
	PricingPage *PricingPage `json:"pricingPage,omitempty"`
	// rateLimit bounds what one client may ask.
	// +optional
	RateLimit *ClientRateLimit `json:"rateLimit,omitempty"`
	// workload shapes the deployed server.
	// +optional
	Workload *Workload `json:"workload,omitempty"`
	// suspend stops Kassa from changing the deployed server. The server goes on.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// CheckoutEndpoint is a deployed server that sells Plans through hosted checkouts.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=cko,categories=kassa
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=".spec.url"
// +kubebuilder:printcolumn:name="Plans",type=integer,JSONPath=".status.plansServed"
// +kubebuilder:printcolumn:name="Replicas",type=integer,JSONPath=".status.readyReplicas"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].status"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].reason"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=".status.conditions[?(@.type==\"Ready\")].message"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 40",message="a CheckoutEndpoint's name has at most 40 characters, because the names of its workload are made from it"
type CheckoutEndpoint struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec declares the server.
	// +required
	Spec CheckoutEndpointSpec `json:"spec,omitzero"`
	// status is written by Kassa.
	// +optional
	Status CheckoutEndpointStatus `json:"status,omitzero"`
}

// CheckoutEndpointList is a list of CheckoutEndpoints.
// +kubebuilder:object:root=true
type CheckoutEndpointList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CheckoutEndpoint `json:"items"`
}
