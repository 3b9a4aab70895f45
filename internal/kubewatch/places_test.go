package kubewatch_test

import (
	"testing"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
)

// A receiver has exactly its path, an endpoint all that is below.
func TestPlace(t *testing.T) {
	g := NewWithT(t)
	out := &v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{}}
	for url, want := range map[string][2]string{ // of a receiver, of an endpoint
		"https://Pay.example.com":       {"pay.example.com/", "pay.example.com/"},
		"https://pay.example.com/shop":  {"pay.example.com/shop", "pay.example.com/shop"},
		"https://pay.example.com/shop/": {"pay.example.com/shop/", "pay.example.com/shop"},
	} {
		receiver := &v1alpha1.WebhookReceiver{Spec: v1alpha1.WebhookReceiverSpec{URL: url, Expose: out}}
		endpoint := &v1alpha1.CheckoutEndpoint{Spec: v1alpha1.CheckoutEndpointSpec{URL: url, Expose: out}}
		g.Expect([2]string{kubewatch.Place(receiver), kubewatch.Place(endpoint)}).To(Equal(want))
		endpoint.Spec.Expose = nil
		g.Expect(kubewatch.Place(endpoint)).To(BeEmpty(), "it is not exposed")
	}
}
