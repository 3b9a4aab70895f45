package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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
	// deferred counts events that went to the inbox because a sink could not take them, or for dunning.
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

// RetiringEndpoint is an endpoint, or a secret of the endpoint, that was replaced.
type RetiringEndpoint struct {
	// id is the provider's id of the endpoint, or of the secret where the endpoint stays the same.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`
	// until is when it is removed.
	// +required
	Until *metav1.Time `json:"until,omitempty"`
}

// CatalogChange is a product that changed at the provider, or whose prices did.
type CatalogChange struct {
	// productID is the provider's id of the product.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ProductID string `json:"productID,omitempty"`
	// seenAt is when the receiver saw the latest event of it.
	// +required
	SeenAt *metav1.MicroTime `json:"seenAt,omitempty"`
}

// WebhookReceiverStatus is what became of the receiver and its events.
type WebhookReceiverStatus struct {
	// conditions are Ready, EndpointRegistered, WorkloadAvailable, DeliveryHealthy, Exposed with spec.expose, and while
	// true Reconciling, Stalled.
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
	// lastRotation is when the signing secret was last replaced.
	// +optional
	LastRotation *metav1.Time `json:"lastRotation,omitempty"`
	// rotated is the value of the kassa.dev/rotate-secret annotation that was acted on last.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Rotated string `json:"rotated,omitempty"`
	// retiringEndpoints are the endpoints of secrets that were replaced and are still good.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=8
	RetiringEndpoints []RetiringEndpoint `json:"retiringEndpoints,omitempty"`
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
	// catalogChanges are the products that events last told a change of, newest first. The Plans that have them are
	// checked at once.
	// +optional
	// +listType=map
	// +listMapKey=productID
	// +kubebuilder:validation:MaxItems=64
	CatalogChanges []CatalogChange `json:"catalogChanges,omitempty"`
	// recovery says how far missed events were looked for.
	// +optional
	Recovery *RecoveryStatus `json:"recovery,omitempty"`
	// dunning is what was done about invoices that were not paid.
	// +optional
	Dunning *DunningStatus `json:"dunning,omitempty"`
}
