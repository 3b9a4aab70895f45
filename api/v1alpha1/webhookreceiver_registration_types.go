package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ManagedRegistration lets Kassa register the receiver's URL at the provider and keep the signing secret in
// the Secret <receiver>-signing.
type ManagedRegistration struct {
	// adopt takes over an endpoint that exists at the provider, instead of registering another. Its id, events that
	// are under way and, where the provider can tell it or was told it, its signing secret stay.
	// +optional
	Adopt *EndpointAdoption `json:"adopt,omitempty"`
	// rotation replaces the signing secret from time to time. It is also replaced when the annotation
	// kassa.dev/rotate-secret gets a new value.
	// +optional
	Rotation *SecretRotation `json:"rotation,omitempty"`
}

// EndpointAdoption names an endpoint that exists at the provider.
type EndpointAdoption struct {
	// endpointID is the provider's id of the endpoint: we_… at Stripe, ntfset_… at Paddle, a number at LemonSqueezy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	EndpointID string `json:"endpointID,omitempty"`
	// signingSecretRef names the Secret with the endpoint's signing secret. Stripe tells a signing secret only when an
	// endpoint is created, so it is required there; elsewhere it is not needed.
	// +optional
	SigningSecretRef *SecretKeyReference `json:"signingSecretRef,omitempty"`
}

// SecretRotation says when the signing secret is replaced.
// +kubebuilder:validation:XValidation:rule="!has(self.interval) || !has(self.overlap) || duration(self.overlap) < duration(self.interval)",message="overlap must be shorter than interval",fieldPath=".overlap"
type SecretRotation struct {
	// interval between two rotations, between 1h and 8760h. Default: only when the annotation asks.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1h') && duration(self) <= duration('8760h')",message="interval is a duration between 1h and 8760h, such as 2160h"
	Interval *metav1.Duration `json:"interval,omitempty"`
	// overlap is how long the secret before, and the endpoint that it belongs to, stay good after a rotation, between
	// 0s and 168h. Providers repeat an event for up to three days, signed with the secret of the endpoint that it was
	// sent to first. Default: 72h, or half of interval if that is shorter.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('168h')",message="overlap is a duration between 0s and 168h, such as 72h"
	Overlap *metav1.Duration `json:"overlap,omitempty"`
}

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
