package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SinkDunning is the name of a sink that no receiver sends to: what waits for it the operator looks at. No other sink
// may have this name.
const SinkDunning = "kassa-dunning"

// LabelDunning is on the WebhookEvents that wait, or waited, for SinkDunning.
const LabelDunning = "billing.kassa.dev/dunning"

// DunningAction is what is done about a subscription that is not paid for.
// +kubebuilder:validation:Enum=Cancel;CancelAtPeriodEnd;Pause;Notify
type DunningAction string

const (
	// DunningCancel ends the subscription at once. LemonSqueezy cannot do that.
	DunningCancel DunningAction = "Cancel"
	// DunningCancelAtPeriodEnd lets the subscription end with its period.
	DunningCancelAtPeriodEnd DunningAction = "CancelAtPeriodEnd"
	// DunningPause stops the collection until somebody takes it up again.
	DunningPause DunningAction = "Pause"
	// DunningNotify only tells the sinks.
	DunningNotify DunningAction = "Notify"
)

// Dunning says what becomes of a subscription whose invoice fails to be paid again and again.
type Dunning struct {
	// afterFailedPayments is how often the payment of one invoice has to fail before action is taken, between 1 and 10.
	// The provider's own count decides. LemonSqueezy tries a payment 5 times at most.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	AfterFailedPayments int32 `json:"afterFailedPayments,omitempty"`
	// action is taken once for each invoice. Cancel ends the subscription at once, CancelAtPeriodEnd with its period;
	// Pause stops the collection; Notify only tells the sinks. The sinks are told in any case, by an event of the type
	// dunning.canceled, dunning.cancel_scheduled, dunning.paused or dunning.notified.
	// +required
	Action DunningAction `json:"action,omitempty"`
}

// DunnedInvoice is an invoice about which action was, or is being, taken.
type DunnedInvoice struct {
	// id is the provider's id of the invoice; Paddle's of the transaction.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`
	// subscriptionID is the provider's id of the subscription.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	SubscriptionID string `json:"subscriptionID,omitempty"`
	// failedPayments is how many had failed when that began.
	// +required
	// +kubebuilder:validation:Minimum=1
	FailedPayments int32 `json:"failedPayments,omitempty"`
	// action that is taken.
	// +required
	Action DunningAction `json:"action,omitempty"`
	// begunAt is when it was decided on.
	// +required
	BegunAt *metav1.Time `json:"begunAt,omitempty"`
	// actedAt is when it was done, and the sinks' event was made. Until then it may be under way.
	// +optional
	ActedAt *metav1.Time `json:"actedAt,omitempty"`
}

// FailingInvoice is an invoice whose failures are counted, because its provider does not count them.
type FailingInvoice struct {
	// id is the provider's id of the invoice.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`
	// events are hashes of the ids of the events that told of a failure.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MaxLength=16
	Events []string `json:"events,omitempty"`
}

// DunningStatus is what dunning did, and remembers.
type DunningStatus struct {
	// actions is how many were taken.
	// +optional
	Actions int64 `json:"actions"`
	// invoices are those about which action was taken last, newest first. About an invoice that is there none is taken
	// again.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=256
	Invoices []DunnedInvoice `json:"invoices,omitempty"`
	// failing are the invoices whose failures are counted here, newest first. LemonSqueezy only.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=512
	Failing []FailingInvoice `json:"failing,omitempty"`
}
