package catalog

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// undisturbed reads the account anew, as each drift interval does, and expects that nothing comes of it: what a
// provider refused for good is neither asked for again nor written about again.
func undisturbed(s *stack.Stack, name string) {
	s.T.Helper()
	g := NewWithT(s.T)
	for range 2 {
		before, version := s.Quiet(), plan(s, name).ResourceVersion
		touch(s, account(s))
		g.Eventually(s.Sandbox.Counts, stack.Patience, often).ShouldNot(Equal(before))
		after := s.Quiet()
		g.Expect(after.Writes).To(Equal(before.Writes))
		g.Expect(callsBetween(before, after)).To(BeNumerically("<=", 3), "the pages of the catalogue alone")
		g.Expect(plan(s, name).ResourceVersion).To(Equal(version))
	}
}

// warnings are the Kubernetes Events about a Plan that cannot go on.
func warnings(s *stack.Stack, name string) (list []eventsv1.Event) {
	s.T.Helper()
	var all eventsv1.EventList
	NewWithT(s.T).Expect(s.Client.List(context.Background(), &all, client.InNamespace(s.Namespace))).To(Succeed())
	for i := range all.Items {
		if e := all.Items[i]; e.Type == corev1.EventTypeWarning && e.Regarding.Name == name {
			list = append(list, e)
		}
	}
	return list
}

// A key that may not do something is not tried again until there is another, which is seen at once.
func TestAKeyThatMayNotWritePrices(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	g := NewWithT(t)
	g.Expect(s.Sandbox.Faults().Add(traffic.Fault{Method: "POST", Path: "/v1/prices", Status: 403, Times: -1})).
		To(Succeed())
	s.Create(stack.Plan("pro"))
	eventually(s, planSays(s, "pro")).Should(Equal("Failed False " + v1alpha1.ReasonCredentialsInvalid))
	g.Expect(stack.Message(plan(s, "pro"))).To(ContainSubstring("HTTP 403"))
	g.Expect(accountSays(s)()).To(Equal(accountReady), "the key is good for other things")
	undisturbed(s, "pro")
	g.Expect(warnings(s, "pro")).To(ConsistOf(And(HaveField("Reason", v1alpha1.ReasonCredentialsInvalid),
		HaveField("Note", ContainSubstring("HTTP 403")))), "said once")

	s.Sandbox.Faults().Clear()
	secret := &corev1.Secret{}
	secret.Name = "stripe-api"
	change(s, secret, func(x *corev1.Secret) { x.Data["api-key"] = []byte(s.APIKey() + "\n") })
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	expectOneOfEach(s, "pro")
}

// What the provider refuses is said and left alone, until the spec says something else or the user asks. It holds up
// nothing that does not depend on it.
func TestAProductThatIsRefused(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	pro := stack.Plan("pro")
	s.Create(pro)
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	g := NewWithT(t)
	g.Expect(s.Sandbox.Faults().Add(traffic.Fault{Method: "POST", Path: "/v1/products/", Status: 400, Times: -1})).
		To(Succeed())
	change(s, pro, func(p *v1alpha1.Plan) { p.Spec.TaxCode, p.Spec.Prices[1].Amount = "txcd_10103001", "390.00" })
	eventually(s, planSays(s, "pro")).Should(Equal("Failed False " + v1alpha1.ReasonProviderError))
	g.Expect(stack.Message(plan(s, "pro"))).To(ContainSubstring("HTTP 400"))
	_, prices := there(s, "pro")
	g.Expect(*prices["yearly"].UnitAmountDecimal).To(Equal("39000"), "a price does not wait for the tax code")
	g.Expect(plan(s, "pro").Status.Providers[0].RetiredPrices).To(ConsistOf(HaveField("Amount", "290.00")))
	undisturbed(s, "pro")

	before := s.Sandbox.Counts().Writes
	touch(s, plan(s, "pro"))
	g.Eventually(func() int64 { return s.Sandbox.Counts().Writes }, stack.Patience, often).Should(Equal(before+1),
		"the user asked to try again")
	s.Quiet()
	s.Sandbox.Faults().Clear()
	change(s, pro, func(p *v1alpha1.Plan) { p.Spec.TaxCode = "saas" })
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
}
