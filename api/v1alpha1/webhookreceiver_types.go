package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LedgerSettings bounds the memory of events.
type LedgerSettings struct {
	// retention is how long an event is remembered, between 72h and 8760h. Providers repeat an event for up to
	// three days. Default: 744h.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('72h') && duration(self) <= duration('8760h')",message="retention is a duration between 72h and 8760h, because providers repeat an event for up to three days"
	Retention *metav1.Duration `json:"retention,omitempty"`
}

// PostgresStore is a database of PostgreSQL, or one that speaks its protocol.
type PostgresStore struct {
	// dsnSecretRef names the key of a Secret, in the receiver's namespace, with the connection string:
	// postgres://user:password@host:5432/database?sslmode=verify-full. It may change at any time. Kassa keeps its tables
	// in the schema kassa of that database.
	// +required
	DSNSecretRef SecretKeyReference `json:"dsnSecretRef,omitzero"`
	// caSecretRef names the key of a Secret, in the receiver's namespace, with the certificates, in PEM, of the
	// authorities that the database's certificate is checked with. It may change at any time, and needs
	// sslmode=verify-full, or verify-ca, in the connection string. Default: the public authorities.
	// +optional
	CASecretRef *SecretKeyReference `json:"caSecretRef,omitempty"`
	// clientCertificateSecretRef names a Secret of type kubernetes.io/tls, in the receiver's namespace, with the
	// certificate that Kassa shows to the database. It may change at any time, and needs sslmode=verify-full, verify-ca
	// or require in the connection string. Default: none is shown.
	// +optional
	ClientCertificateSecretRef *LocalReference `json:"clientCertificateSecretRef,omitempty"`
}

// ReceiverStore says where events are kept, and with them records of customers, subscriptions and payments.
// +kubebuilder:validation:XValidation:rule="has(self.postgres)",message="set postgres"
type ReceiverStore struct {
	// postgres keeps them in a database.
	// +optional
	Postgres *PostgresStore `json:"postgres,omitempty"`
}

// WebhookReceiverSpec declares a receiver of one provider's events.
// +kubebuilder:validation:XValidation:rule="has(self.store) == has(oldSelf.store)",message="store can be neither added nor removed, because events that are remembered do not move; create another WebhookReceiver",fieldPath=".store"
type WebhookReceiverSpec struct {
	// providerRef names the PaymentProvider whose events are received.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.name == oldSelf.name && (has(self.__namespace__) ? self.__namespace__ : \"\") == (has(oldSelf.__namespace__) ? oldSelf.__namespace__ : \"\")",message="providerRef cannot change, because the ledger belongs to one account; create another WebhookReceiver"
	ProviderRef ProviderReference `json:"providerRef,omitzero"`
	// url is what the provider calls; https in Live mode.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",message="url is an absolute URL that the provider can reach, such as https://hooks.example.com/stripe"
	URL string `json:"url,omitempty"`
	// expose makes the server reachable at url. Default: only a Service is made.
	// +optional
	Expose *Exposure `json:"expose,omitempty"`
	// tls lets the server speak TLS itself. Default: plain HTTP, behind something that speaks TLS.
	// +optional
	TLS *ServerTLS `json:"tls,omitempty"`
	// httpsPolicy says what becomes of requests that came over plain HTTP although url is https. Default: RefusePlain.
	// +optional
	HTTPSPolicy HTTPSPolicy `json:"httpsPolicy,omitempty"`
	// events to receive: normalised names such as payment.succeeded, groups such as payment.*, or the
	// provider's own names. Default: every event that has a normalised name.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=100
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[a-z][a-z0-9_]*([.][a-z0-9_]+)*([.][*])?$')",message="an event is a name such as payment.succeeded or invoice.paid, or a group such as payment.*"
	Events []string `json:"events,omitempty"`
	// registration says who registers the endpoint at the provider.
	// +required
	Registration Registration `json:"registration,omitzero"`
	// signatureTolerance is how far the time in a signature may be from the receiver's clock, in both
	// directions, between 5s and 1h. Default: 5m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('5s') && duration(self) <= duration('1h')",message="signatureTolerance is a duration between 5s and 1h, such as 5m"
	SignatureTolerance *metav1.Duration `json:"signatureTolerance,omitempty"`
	// delivery says where events go.
	// +optional
	Delivery *Delivery `json:"delivery,omitempty"`
	// dunning ends or pauses subscriptions that are not paid for. Default: only the provider's own settings do.
	// +optional
	Dunning *Dunning `json:"dunning,omitempty"`
	// ledger bounds the memory of events.
	// +optional
	Ledger *LedgerSettings `json:"ledger,omitempty"`
	// store keeps events, what is left to deliver, and records in a database. Default: events and what is left to
	// deliver are objects in Kubernetes, and there are no records.
	// +optional
	Store *ReceiverStore `json:"store,omitempty"`
	// recovery says how events are found that the receiver missed: they are read from the provider, and go the same way
	// as those that it sends.
	// +optional
	Recovery *Recovery `json:"recovery,omitempty"`
	// workload shapes the deployed server.
	// +optional
	Workload *Workload `json:"workload,omitempty"`
	// suspend stops Kassa from changing the deployed server and the registration. The server goes on; dunning waits.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// WebhookReceiver is a deployed server that takes the events of one PaymentProvider.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=whr,categories=kassa
// +kubebuilder:printcolumn:name="Provider",type=string,JSONPath=".spec.providerRef.name"
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=".spec.url"
// +kubebuilder:printcolumn:name="Received",type=integer,JSONPath=".status.events.received"
// +kubebuilder:printcolumn:name="Pending",type=integer,JSONPath=".status.pending.count"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].status"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=".status.conditions[?(@.type==\"Ready\")].reason"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=".status.conditions[?(@.type==\"Ready\")].message"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 40",message="a WebhookReceiver's name has at most 40 characters, because the names of its ledger and workload are made from it"
type WebhookReceiver struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec declares the receiver.
	// +required
	Spec WebhookReceiverSpec `json:"spec,omitzero"`
	// status is written by Kassa.
	// +optional
	Status WebhookReceiverStatus `json:"status,omitzero"`
}

// WebhookReceiverList is a list of WebhookReceivers.
// +kubebuilder:object:root=true
type WebhookReceiverList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WebhookReceiver `json:"items"`
}
