package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CloudEventFormat says how a CloudEvent is put into an HTTP request.
// +kubebuilder:validation:Enum=Structured;Binary
type CloudEventFormat string

const (
	// FormatStructured: the body is the whole event, as application/cloudevents+json.
	FormatStructured CloudEventFormat = "Structured"
	// FormatBinary: the body is the event's data; its attributes are in ce-… headers.
	FormatBinary CloudEventFormat = "Binary"
)

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
	// format of the request. Default: Structured.
	// +optional
	Format CloudEventFormat `json:"format,omitempty"`
	// tokenSecretRef names a Secret with a token that is sent as "Authorization: Bearer <token>".
	// +optional
	TokenSecretRef *SecretKeyReference `json:"tokenSecretRef,omitempty"`
	// signingSecretRef names a Secret with a key that signs each request as Standard Webhooks says, in the headers
	// webhook-id, webhook-timestamp and webhook-signature. The key is "whsec_" and 24 to 64 bytes in base64.
	// +optional
	SigningSecretRef *SecretKeyReference `json:"signingSecretRef,omitempty"`
	// caBundle are the certificates, in PEM, that an https sink's certificate is checked with. Default: those of the
	// system.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	CABundle []byte `json:"caBundle,omitempty"`
	// maxConcurrent is how many requests one replica makes at once at this sink. What comes on top waits, and goes to
	// the inbox when that takes too long. Default: 64.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	MaxConcurrent *int32 `json:"maxConcurrent,omitempty"`
}

// Sink takes the receiver's events.
type Sink struct {
	// name tells the sinks of a receiver apart.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="a sink name has lower-case letters, digits and dashes, and starts and ends with a letter or digit, such as app"
	// +kubebuilder:validation:XValidation:rule="self != 'kassa-dunning'",message="kassa-dunning is the name of a sink of Kassa's own; give this one another"
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
	// maxBackoff is the longest pause, between 1s and 24h. Default: 10m, or minBackoff if that is longer.
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
