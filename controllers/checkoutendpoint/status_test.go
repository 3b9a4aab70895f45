package checkoutendpoint

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/origins"
	"github.com/kassa-dev/kassa/internal/status"
)

// What the API server lets pass and the servers do not take is said before all that follows from it.
func TestAURLThatTheServersRefuse(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://app.example.com": "",
		"https://[2001:db8::1]":   "",
		"https://[1:2:3]":         "spec.cancelURL: the URL's host is no IPv6 address",
		"https://[::ffff:192.0.2.1]/back": "spec.cancelURL: the URL's host is an IPv4 address in the writing of an IPv6 " +
			"address",
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			endpoint := &v1alpha1.CheckoutEndpoint{Spec: v1alpha1.CheckoutEndpointSpec{
				URL: "https://pay.example.com", SuccessURL: "https://app.example.com/done", CancelURL: url,
			}}
			var s state
			_, s.url = origins.Of(&endpoint.Spec)
			v := s.overall(endpoint, status.Ready(v1alpha1.ReasonPlansResolved, "1 plan can be bought"),
				status.Waiting(v1alpha1.ReasonWorkloadUnavailable, "no replica is ready"))
			if want == "" {
				g.Expect(v.Reason).To(Equal(v1alpha1.ReasonWorkloadUnavailable))
				return
			}
			g.Expect(v).To(Equal(status.Verdict{
				Ready: metav1.ConditionFalse, Reason: v1alpha1.ReasonInvalidURL, Message: want, Stalled: true,
			}))
		})
	}
}

// Without the Secret nobody is served: that is said before what cannot be bought, and both are.
func TestAMissingTokenIsTheWorse(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := state{missing: `Secret "shop-token" does not exist`}
	server := status.Ready(v1alpha1.ReasonSucceeded, "2 replicas are ready")
	for _, plans := range []status.Verdict{
		status.Stalled(v1alpha1.ReasonReferenceNotFound, `Plan "team" does not exist`),
		status.Waiting(v1alpha1.ReasonPlanNotReady, `Plan "team" does not exist`),
	} {
		g.Expect(s.overall(&v1alpha1.CheckoutEndpoint{}, plans, server)).To(Equal(status.Stalled(
			v1alpha1.ReasonSecretMissing, `Secret "shop-token" does not exist; Plan "team" does not exist`)))
	}
	g.Expect(s.overall(&v1alpha1.CheckoutEndpoint{}, status.Ready(v1alpha1.ReasonPlansResolved, "1 plan can be bought"),
		server)).To(Equal(status.Stalled(v1alpha1.ReasonSecretMissing, s.missing)))
	s.missing = ""
	plans := status.Stalled(v1alpha1.ReasonReferenceNotFound, `Plan "team" does not exist`)
	g.Expect(s.overall(&v1alpha1.CheckoutEndpoint{}, plans, server)).To(Equal(plans))
}
