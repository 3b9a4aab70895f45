package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ManagedRegistration lets Kassa register the receiver's URL at the provider and keep the signing secret in
// the Secret <receiver>-signing.
type ManagedRegistration struct{}

// ManualRegistration takes the signing secret from a Secret; the endpoint at the provider is the user's.
type ManualRegistration struct {
	// signingSecretRef names the Secret. Without a key, every key of the Secret is a live signing secret,
	// which allows a rotation with overlap.
	// +required
	SigningSecretRef SigningSecretReference `json:"signingSecretRef,omitzero"`
}

// SigningSecretReference names a Secret with one or several signing secrets.
type SigningSecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// key inside the Secret's data. Default: every key.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// Registration says who registers the endpoint at the provider.
// +kubebuilder:validation:XValidation:rule="[has(self.managed), has(self.manual)].exists_one(x, x)",message="set exactly one of managed and manual: managed: {} lets Kassa register the endpoint, manual takes the signing secret from a Secret"
type Registration struct {
	// managed lets Kassa register the endpoint.
	// +optional
	Managed *ManagedRegistration `json:"managed,omitempty"`
	// manual takes the signing secret from a Secret.
	// +optional
	Manual *ManualRegistration `json:"manual,omitempty"`
}

// HTTPSink is an HTTP endpoint that takes CloudEvents.
type HTTPSink struct {
	// uri is where events are posted.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",message="uri is an absolute http or https URL, such as http://app.shop.svc:8080/billing"
	URI string `json:"uri,omitempty"`
	// timeout of one delivery, between 100ms and 30s. Default: 3s. The provider waits meanwhile, so a
	// first delivery never takes longer than 3s; retries from the inbox use the whole timeout.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('100ms') && duration(self) <= duration('30s')",message="timeout is a duration between 100ms and 30s, such as 3s"
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

// Sink takes the receiver's events.
type Sink struct {
	// name tells the sinks of a receiver apart.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="a sink name has lower-case letters, digits and dashes, and starts and ends with a letter or digit, such as app"
	Name string `json:"name,omitempty"`
	// http is the endpoint.
	// +required
	HTTP HTTPSink `json:"http,omitzero"`
	// events limits the sink to these events: normalised names such as payment.succeeded, groups such as
	// payment.*, or the provider's own names. Default: every normalised event.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=100
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[a-z][a-z0-9_]*([.][a-z0-9_]+)*([.][*])?$')",message="an event is a name such as payment.succeeded or invoice.paid, or a group such as payment.*"
	Events []string `json:"events,omitempty"`
}

// DeliveryRetry bounds the retries of events that wait in the inbox.
// +kubebuilder:validation:XValidation:rule="!has(self.minBackoff) || !has(self.maxBackoff) || duration(self.minBackoff) <= duration(self.maxBackoff)",message="minBackoff must not be longer than maxBackoff",fieldPath=".minBackoff"
type DeliveryRetry struct {
	// maxAge is how long an event is retried before it is given up, between 1m and 720h. Default: 72h.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('720h')",message="maxAge is a duration between 1m and 720h, such as 72h"
	MaxAge *metav1.Duration `json:"maxAge,omitempty"`
	// minBackoff is the first pause, between 100ms and 1h; each later pause is up to twice as long. Default: 1s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('100ms') && duration(self) <= duration('1h')",message="minBackoff is a duration between 100ms and 1h, such as 1s"
	MinBackoff *metav1.Duration `json:"minBackoff,omitempty"`
	// maxBackoff is the longest pause, between 1s and 24h. Default: 10m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="maxBackoff is a duration between 1s and 24h, such as 10m"
	MaxBackoff *metav1.Duration `json:"maxBackoff,omitempty"`
}

// Delivery says where events go.
type Delivery struct {
	// sinks take the events. Every sink gets every event that its filter admits.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	Sinks []Sink `json:"sinks,omitempty"`
	// retry bounds the retries of events that a sink could not take.
	// +optional
	Retry *DeliveryRetry `json:"retry,omitempty"`
}

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

// Workload shapes the Deployment of a receiver.
type Workload struct {
	// replicas of the server. Default: 2.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=32
	Replicas *int32 `json:"replicas,omitempty"`
	// resources of the server's container. Default: 50m CPU and 64Mi requested, 256Mi limit.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// nodeSelector of the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// tolerations of the pods.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// podLabels are added to the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	PodLabels map[string]string `json:"podLabels,omitempty"`
	// podAnnotations are added to the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	PodAnnotations map[string]string `json:"podAnnotations,omitempty"`
}

// WebhookReceiverSpec declares a receiver of one provider's events.
type WebhookReceiverSpec struct {
	// providerRef names the PaymentProvider whose events are received.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.name == oldSelf.name",message="providerRef cannot change, because the ledger belongs to one account; create another WebhookReceiver"
	ProviderRef LocalReference `json:"providerRef,omitzero"`
	// url is what the provider calls; https in Live mode.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",message="url is an absolute URL that the provider can reach, such as https://hooks.example.com/stripe"
	URL string `json:"url,omitempty"`
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
	// ledger bounds the memory of events.
	// +optional
	Ledger *LedgerSettings `json:"ledger,omitempty"`
	// workload shapes the deployed server.
	// +optional
	Workload *Workload `json:"workload,omitempty"`
	// suspend stops Kassa from changing the deployed server and the registration. The server goes on.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// ReceiverProvider is the account whose events a receiver takes.
type ReceiverProvider struct {
	// type is the provider.
	// +required
	Type ProviderType `json:"type,omitempty"`
	// accountID is the provider's id of the account.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	AccountID string `json:"accountID,omitempty"`
	// mode of the account.
	// +required
	Mode Mode `json:"mode,omitempty"`
}

// EventTotals counts requests and events since the receiver was created. Replicas add to it about once a
// second; a replica that is killed takes what it had not added yet with it. The ledger is exact.
type EventTotals struct {
	// received counts events whose signature was right.
	// +optional
	Received int64 `json:"received"`
	// processed counts events that every sink took at once.
	// +optional
	Processed int64 `json:"processed"`
	// duplicate counts repeated deliveries of events that were known.
	// +optional
	Duplicate int64 `json:"duplicate"`
	// rejected counts requests that were refused: signature, size, form.
	// +optional
	Rejected int64 `json:"rejected"`
	// deferred counts events that went to the inbox because a sink could not take them.
	// +optional
	Deferred int64 `json:"deferred"`
	// dead counts events that were given up.
	// +optional
	Dead int64 `json:"dead"`
	// unknown counts events without a normalised name. They are acknowledged.
	// +optional
	Unknown int64 `json:"unknown"`
}

// PendingEvents sums up the inbox.
type PendingEvents struct {
	// count of events that wait for a sink.
	// +optional
	Count int32 `json:"count"`
	// dead counts events that were given up and are still there.
	// +optional
	Dead int32 `json:"dead"`
	// oldest is when the oldest waiting event was received.
	// +optional
	Oldest *metav1.Time `json:"oldest,omitempty"`
}

// EventOutcome says what became of an event.
// +kubebuilder:validation:Enum=Processed;Deferred;Dead
type EventOutcome string

const (
	// OutcomeProcessed: every sink took the event.
	OutcomeProcessed EventOutcome = "Processed"
	// OutcomeDeferred: the event waits in the inbox for a sink.
	OutcomeDeferred EventOutcome = "Deferred"
	// OutcomeDead: the event was given up.
	OutcomeDead EventOutcome = "Dead"
)

// RecentEvent is one of the last events.
type RecentEvent struct {
	// id is the provider's id of the event.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`
	// type is the normalised name, or native.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Type string `json:"type,omitempty"`
	// nativeType is the provider's name of the event.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	NativeType string `json:"nativeType,omitempty"`
	// receivedAt is when the event first arrived.
	// +required
	ReceivedAt metav1.Time `json:"receivedAt,omitzero"`
	// outcome says what became of the event.
	// +required
	Outcome EventOutcome `json:"outcome,omitempty"`
	// attempts is how often the event was offered to sinks.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
}

// WebhookReceiverStatus is what became of the receiver and its events.
type WebhookReceiverStatus struct {
	// conditions are Ready, EndpointRegistered, WorkloadAvailable, DeliveryHealthy, and while true Reconciling,
	// Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// provider is the account whose events are received.
	// +optional
	Provider *ReceiverProvider `json:"provider,omitempty"`
	// url that is registered.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url,omitempty"`
	// endpointID is the provider's id of the registered endpoint.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	EndpointID string `json:"endpointID,omitempty"`
	// signingSecretName is the Secret with the signing secret.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SigningSecretName string `json:"signingSecretName,omitempty"`
	// readyReplicas of the deployed server.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas"`
	// events counts what arrived.
	// +optional
	Events *EventTotals `json:"events,omitempty"`
	// pending sums up the inbox.
	// +optional
	Pending *PendingEvents `json:"pending,omitempty"`
	// recentEvents are the last events, newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	RecentEvents []RecentEvent `json:"recentEvents,omitempty"`
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
