package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// EventPhase is the state of an event in the inbox.
// +kubebuilder:validation:Enum=Pending;Delivered;Dead
type EventPhase string

const (
	// EventPending: a sink still has to take the event.
	EventPending EventPhase = "Pending"
	// EventDelivered: every sink took the event; the object is deleted next.
	EventDelivered EventPhase = "Delivered"
	// EventDead: the event was given up. It stays until it is replayed or deleted.
	EventDead EventPhase = "Dead"
)

// WebhookEventSpec is an event that a sink could not take when it arrived, that dunning has to look at, or that is
// Kassa's own.
// payload is not compared: the API server's CEL reads a byte field as URL-safe base64 and refuses any other.
// +kubebuilder:validation:XValidation:rule="self.receiver == oldSelf.receiver && self.eventID == oldSelf.eventID && self.receivedAt == oldSelf.receivedAt && self.sinks == oldSelf.sinks && (has(self.type) ? self.type : \"\") == (has(oldSelf.type) ? oldSelf.type : \"\") && (has(self.nativeType) ? self.nativeType : \"\") == (has(oldSelf.nativeType) ? oldSelf.nativeType : \"\") && (has(self.orderKey) ? self.orderKey : \"\") == (has(oldSelf.orderKey) ? oldSelf.orderKey : \"\") && has(self.occurredAt) == has(oldSelf.occurredAt) && (!has(self.occurredAt) || self.occurredAt == oldSelf.occurredAt)",message="a WebhookEvent's spec never changes; annotate the object with kassa.dev/replay to deliver it again"
type WebhookEventSpec struct {
	// receiver is the name of the WebhookReceiver.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Receiver string `json:"receiver,omitempty"`
	// eventID is the provider's id of the event.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	EventID string `json:"eventID,omitempty"`
	// type is the normalised name, or native.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Type string `json:"type,omitempty"`
	// nativeType is the provider's name of the event.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	NativeType string `json:"nativeType,omitempty"`
	// receivedAt is when the event arrived.
	// +required
	ReceivedAt metav1.Time `json:"receivedAt,omitzero"`
	// occurredAt is when the event happened, by the provider's clock.
	// +optional
	OccurredAt *metav1.MicroTime `json:"occurredAt,omitempty"`
	// orderKey stands for the subscription, or else the customer, that the event is about: a hash of the id. Of events
	// with the same key that wait for a sink, the one that happened first goes first.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	OrderKey string `json:"orderKey,omitempty"`
	// payload is the request's body, or an event of Kassa's own with it, gzip-compressed. Limited so that the object
	// fits into etcd.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1468006
	Payload []byte `json:"payload,omitempty"`
	// sinks that still have to take the event. kassa-dunning is none of the receiver's: what waits for it the operator
	// looks at, as spec.dunning of the receiver says.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=9
	// +kubebuilder:validation:items:MaxLength=63
	Sinks []string `json:"sinks,omitempty"`
}

// SinkDelivery is the state of an event at one sink.
type SinkDelivery struct {
	// name of the sink.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// phase of the event at this sink.
	// +required
	Phase EventPhase `json:"phase,omitempty"`
	// attempts so far.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// lastError is why the last attempt failed.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	LastError string `json:"lastError,omitempty"`
	// nextAttempt is when this sink is tried again.
	// +optional
	NextAttempt *metav1.MicroTime `json:"nextAttempt,omitempty"`
}

// WebhookEventStatus is how far the delivery got.
type WebhookEventStatus struct {
	// phase of the event: Delivered when every sink took it, Dead when one was given up.
	// +optional
	Phase EventPhase `json:"phase,omitempty"`
	// sinks has the state at each sink.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=9
	Sinks []SinkDelivery `json:"sinks,omitempty"`
	// nextAttempt is when the event is tried again at the first of its sinks.
	// +optional
	NextAttempt *metav1.MicroTime `json:"nextAttempt,omitempty"`
	// claimedBy is the replica that is delivering the event now.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	ClaimedBy string `json:"claimedBy,omitempty"`
	// claimedUntil is when another replica may take over.
	// +optional
	ClaimedUntil *metav1.MicroTime `json:"claimedUntil,omitempty"`
	// replayed is the value of the kassa.dev/replay annotation that was acted on last.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Replayed string `json:"replayed,omitempty"`
	// retryUntil is when the event is given up.
	// +optional
	RetryUntil *metav1.MicroTime `json:"retryUntil,omitempty"`
}

// WebhookEvent is an event in the inbox: a sink could not take it when it arrived. It is deleted once every
// sink has it, so the list shows what needs attention and nothing else.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=whe,categories=kassa
// +kubebuilder:printcolumn:name="Receiver",type=string,JSONPath=".spec.receiver"
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=".spec.type"
// +kubebuilder:printcolumn:name="Event",type=string,JSONPath=".spec.eventID"
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=".status.phase"
// +kubebuilder:printcolumn:name="Attempts",type=string,JSONPath=".status.sinks[*].attempts"
// +kubebuilder:printcolumn:name="Next",type=string,JSONPath=".status.nextAttempt"
// +kubebuilder:printcolumn:name="Error",type=string,priority=1,JSONPath=".status.sinks[*].lastError"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type WebhookEvent struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the event.
	// +required
	Spec WebhookEventSpec `json:"spec,omitzero"`
	// status is written by the receiver's replicas, and by the operator for kassa-dunning.
	// +optional
	Status WebhookEventStatus `json:"status,omitzero"`
}

// WebhookEventList is a list of WebhookEvents.
// +kubebuilder:object:root=true
type WebhookEventList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WebhookEvent `json:"items"`
}
