package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "billing.kassa.dev", Version: "v1alpha1"}

// SchemeBuilder collects the kinds of this package; AddToScheme puts them into a scheme.
var (
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	AddToScheme   = SchemeBuilder.AddToScheme
)

func addKnownTypes(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&PaymentProvider{}, &PaymentProviderList{},
		&Plan{}, &PlanList{},
		&CheckoutEndpoint{}, &CheckoutEndpointList{},
		&WebhookReceiver{}, &WebhookReceiverList{},
		&EventLedger{}, &EventLedgerList{},
		&WebhookEvent{}, &WebhookEventList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
