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

// LedgerEntry is one event. It is kept as one line of text, `id type receivedAt state`, and while the event is claimed
// also `claimedBy claimedAt`, because an API server needs about half as long for a segment of lines as for one of
// objects. A type that is not known is `-`.
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:Pattern=`^[!-~]+ [!-~]+ \d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])(:[0-5]\d){2}Z (Claimed|Processed|Deferred|Dead)( [!-~]+ \d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])(:[0-5]\d){2}\.\d{6}Z)?$`
type LedgerEntry struct {
	// ID is the provider's id of the event, at most 128 bytes.
	ID string `json:"-"`
	// Type is the provider's name of the event, at most 100 bytes.
	Type string `json:"-"`
	// ReceivedAt is when the event was first claimed, in whole seconds.
	ReceivedAt metav1.Time `json:"-"`
	// State of the event.
	State EntryState `json:"-"`
	// ClaimedBy is the replica that holds a claim. It and ClaimedAt are empty once settled.
	ClaimedBy string `json:"-"`
	// ClaimedAt is when the present claim was made, in whole microseconds.
	ClaimedAt *metav1.MicroTime `json:"-"`
}

// EventLedgerStatus holds the entries of a segment.
type EventLedgerStatus struct {
	// entries are events that were claimed together, and those of earlier segments that were merged into this one. Each
	// is a line of `id type receivedAt state`, and while the event is claimed also `claimedBy claimedAt`.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	Entries []LedgerEntry `json:"entries,omitempty"` //nolint:kubeapilinter // an entry is text, and no field of it is YAML
}

// EventLedger is one segment of a receiver's ledger, written by its replicas with compare-and-swap. It has
// no status subresource: a create would drop the status, and a segment would cost two writes.
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=evl
// +kubebuilder:printcolumn:name="Receiver",type=string,JSONPath=".metadata.labels.billing\\.kassa\\.dev/receiver"
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
