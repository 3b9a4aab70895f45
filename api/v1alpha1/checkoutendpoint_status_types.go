package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ServedProvider is what a CheckoutEndpoint sells at one provider.
type ServedProvider struct {
	// name of the PaymentProvider.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// namespace of the PaymentProvider.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// type is the provider.
	// +required
	Type ProviderType `json:"type,omitempty"`
	// weight is the provider's share of the users.
	// +optional
	Weight int32 `json:"weight"`
	// prices counts the prices that can be bought there now.
	// +optional
	Prices int32 `json:"prices"`
}

// CheckoutEndpointStatus is what Kassa saw last.
type CheckoutEndpointStatus struct {
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// lastHandledReconcileAt is the last value of the annotation kassa.dev/reconcile-at that was acted on.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
	// url of the server.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url,omitempty"`
	// readyReplicas counts the server's ready replicas.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas"`
	// plansServed counts the plans of which something can be bought.
	// +optional
	PlansServed int32 `json:"plansServed"`
	// providers that something can be bought at.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Providers []ServedProvider `json:"providers,omitempty"`
	// conditions are Ready, PlansResolved, WorkloadAvailable and Exposed; Reconciling and Stalled while true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
