package catalog

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// A cluster is lost, and another one goes on with its catalogue: not by itself, but with the lost one's id.
func TestAnotherClusterGoesOn(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.Operator("--cluster-id=lost")
	s.CreateProvider()
	s.Create(stack.Plan("pro"))
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	before := providerStatus(s)
	s.KillOperators()
	change(s, plan(s, "pro"), func(p *v1alpha1.Plan) { p.Finalizers = nil })
	NewWithT(t).Expect(s.Client.Delete(context.Background(), plan(s, "pro"))).To(Succeed())

	restored := stack.Plan("pro")
	restored.Spec.Providers[0].Adopt = &v1alpha1.Adopt{ProductID: before.ProductID}
	s.Create(restored)
	s.Operator()
	eventually(s, planSays(s, "pro")).Should(ContainSubstring(v1alpha1.ReasonOwnedByAnother))
	s.KillOperators()

	s.Operator("--cluster-id=lost")
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	expectOneOfEach(s, "pro")
	after := providerStatus(s)
	NewWithT(t).Expect(after.ProductID).To(Equal(before.ProductID))
	NewWithT(t).Expect(after.Prices).To(HaveLen(len(before.Prices)))
	for i := range before.Prices {
		NewWithT(t).Expect(after.Prices[i].ID).To(Equal(before.Prices[i].ID))
	}
}

func providerStatus(s *stack.Stack) v1alpha1.PlanProviderStatus {
	s.T.Helper()
	p := plan(s, "pro")
	NewWithT(s.T).Expect(p.Status.Providers).To(HaveLen(1))
	return p.Status.Providers[0]
}
