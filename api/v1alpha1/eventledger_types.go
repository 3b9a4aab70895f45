package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// EntryState is the state of one event in the ledger.
// +kubebuilder:validation:Enum=Claimed;Processed;Deferred;Dead
type EntryState string

const (
	// EntryClaimed: a replica took the event in hand and has not settled it yet.
	EntryClaimed EntryState = "Claimed"
	// EntryProcessed: every sink took the event.
	EntryProcessed EntryState = "Processed"
	// EntryDeferred: the event's payload is in a WebhookEvent and waits for a sink.
	EntryDeferred EntryState = "Deferred"
	// EntryDead: the event was given up.
	EntryDead EntryState = "Dead"
)

// LedgerEntry is one event. Field names are short because the API server stores them for every event.
type LedgerEntry struct {
	// id is the provider's id of the event.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`
	// type is the provider's name of the event.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	Type string `json:"type,omitempty"`
	// receivedAt is when the event was first claimed.
	// +required
	ReceivedAt metav1.Time `json:"receivedAt,omitzero"`
	// state of the event.
	// +required
	State EntryState `json:"state,omitempty"`
	// claimedBy is the replica that holds a claim. Empty once settled.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	ClaimedBy string `json:"claimedBy,omitempty"`
	// claimedAt is when the present claim was made. Empty once settled.
	// +optional
	ClaimedAt *metav1.MicroTime `json:"claimedAt,omitempty"`
}

// EventLedgerStatus holds the entries of a segment.
type EventLedgerStatus struct {
	// entries that were claimed together, and those of earlier segments that were merged into this one.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	Entries []LedgerEntry `json:"entries,omitempty"`
}

// EventLedger is one segment of a receiver's ledger, written by its replicas with compare-and-swap. It has
// no status subresource: a create would drop the status, and a segment would cost two writes.
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=evl
// +kubebuilder:printcolumn:name="Receiver",type=string,JSONPath=".metadata.labels.billing\\.kassa\\.dev/receiver"
// +kubebuilder:printcolumn:name="First",type=date,JSONPath=".status.entries[0].receivedAt"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type EventLedger struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// status holds the entries.
	// +optional
	Status EventLedgerStatus `json:"status,omitzero"`
}

// EventLedgerList is a list of EventLedgers.
// +kubebuilder:object:root=true
type EventLedgerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EventLedger `json:"items"`
}
