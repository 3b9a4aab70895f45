package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RecoveryMode says whether missed events are looked for.
// +kubebuilder:validation:Enum=Enabled;Disabled
type RecoveryMode string

const (
	// RecoveryEnabled: from time to time.
	RecoveryEnabled RecoveryMode = "Enabled"
	// RecoveryDisabled: only when the annotation kassa.dev/recover asks.
	RecoveryDisabled RecoveryMode = "Disabled"
)

// Recovery says how events are found that the receiver missed.
type Recovery struct {
	// mode says whether missed events are looked for by themselves. Default: Enabled at Stripe and Paddle; Disabled at
	// LemonSqueezy, which keeps no events, so that an app may be told a fact twice.
	// +optional
	Mode RecoveryMode `json:"mode,omitempty"`
	// interval between two looks at the provider's events, between 1m and 24h. Default: 5m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('24h')",message="interval is a duration between 1m and 24h, such as 5m"
	Interval *metav1.Duration `json:"interval,omitempty"`
}

// RecoveryPass is a look at the provider's events that takes more calls than one sweep makes, and goes on.
type RecoveryPass struct {
	// from is the time of the earliest event that is looked for.
	// +required
	From *metav1.Time `json:"from,omitempty"`
	// to is that of the latest, where there is one.
	// +optional
	To *metav1.Time `json:"to,omitempty"`
	// startedAt is when the pass began.
	// +required
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// cursor is the provider's page that comes next.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Cursor string `json:"cursor,omitempty"`
	// asked is the value of the annotation kassa.dev/recover that the pass is for, if it is for one.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Asked string `json:"asked,omitempty"`
	// recovered counts the events that it has found so far.
	// +optional
	Recovered int64 `json:"recovered"`
}

// RecoveryStatus says how far the provider's events were compared with those that the receiver knows. It is written
// when something was found or went wrong, and otherwise once an hour.
type RecoveryStatus struct {
	// sweptUntil is the time up to which every event was received, as far as the provider tells.
	// +optional
	SweptUntil *metav1.Time `json:"sweptUntil,omitempty"`
	// lastSweep is when the sweep ended that this status tells of.
	// +optional
	LastSweep *metav1.Time `json:"lastSweep,omitempty"`
	// calls is how many requests that sweep made to the provider.
	// +optional
	Calls int32 `json:"calls"`
	// recovered counts the events that were missed and found, since the receiver was created.
	// +optional
	Recovered int64 `json:"recovered"`
	// reason is empty, or says in a word why not everything was looked at.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
	// message says it in a sentence.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// pass is under way.
	// +optional
	Pass *RecoveryPass `json:"pass,omitempty"`
	// asked is the value of the annotation kassa.dev/recover that was acted on last.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Asked string `json:"asked,omitempty"`
	// askedResult says what came of it.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	AskedResult string `json:"askedResult,omitempty"`
}
