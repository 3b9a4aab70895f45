package checkout

import (
	"testing"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// A URL that the API server takes and the servers do not is said in the conditions, and put right without a restart.
func TestURLThatTheServersRefuse(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	shop := endpoint("pro")
	shop.Spec.CancelURL = "http://[::ffff:192.0.2.1]/pricing"
	s.Create(stack.Secret("shop-token", "token", "a token"), stack.Plan("pro"), shop)
	runs(s)
	s.AwaitState(shop, "Failed False "+v1alpha1.ReasonInvalidURL)
	g.Eventually(condition(s, v1alpha1.ConditionReady), stack.Patience, often).Should(ContainSubstring("spec.cancelURL: "))
	g.Eventually(condition(s, v1alpha1.ConditionPlansResolved), stack.Patience, often).Should(HavePrefix("True "))
	g.Expect(shop.Status.PlansServed).To(BeZero())
	s.Change(shop, func() { shop.Spec.CancelURL = "http://192.0.2.1/pricing" })
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	g.Expect(shop.Status.PlansServed).To(Equal(int32(1)))
}
