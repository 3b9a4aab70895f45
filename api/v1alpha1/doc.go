// Package v1alpha1 is the first version of the billing.kassa.dev API: PaymentProvider, Plan,
// WebhookReceiver and the two kinds that receivers write, EventLedger and WebhookEvent.
//
// +kubebuilder:object:generate=true
// +groupName=billing.kassa.dev
package v1alpha1
