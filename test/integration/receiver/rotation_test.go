package receiver

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

const quietEvent = "test_helpers.test_clock.internal_failure"

// rotate asks for another signing secret.
func rotate(s *stack.Stack, r *stack.Receiver, value string) {
	s.T.Helper()
	annotate(s, r, v1alpha1.AnnotationRotateSecret, value)
}

func annotate(s *stack.Stack, r *stack.Receiver, key, value string) {
	s.T.Helper()
	before := r.Object()
	now := before.DeepCopy()
	if now.Annotations == nil {
		now.Annotations = map[string]string{}
	}
	now.Annotations[key] = value
	NewWithT(s.T).Expect(s.Client.Patch(s.T.Context(), now, client.MergeFrom(before))).To(Succeed())
}

// awaitServing waits until Stripe has one endpoint that is sent events, whose secret is in the Secret, and so many that
// retire.
func awaitServing(t *testing.T, s *stack.Stack, r *stack.Receiver, retiring int) stripe.WebhookEndpoint {
	t.Helper()
	var serving stripe.WebhookEndpoint
	NewWithT(t).Eventually(func(g Gomega) {
		all, now := endpoints(s), r.Object()
		g.Expect(all).To(HaveLen(1 + retiring))
		g.Expect(now.Status.RetiringEndpoints).To(HaveLen(retiring))
		for _, e := range all {
			if slices.Equal(e.EnabledEvents, []string{quietEvent}) {
				retires := func(x v1alpha1.RetiringEndpoint) bool { return x.ID == e.ID }
				g.Expect(slices.ContainsFunc(now.Status.RetiringEndpoints, retires)).To(BeTrue(), e.ID)
				continue
			}
			serving = e
			g.Expect(now.Status.EndpointID).To(Equal(e.ID))
			g.Expect(r.EndpointID()).To(Equal(e.ID))
			g.Expect(r.SigningSecret()).To(Equal(e.Secret))
		}
	}, stack.Patience, often).Should(Succeed())
	return serving
}
