package catalog

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// A Plan of another namespace is sold as soon as the PaymentProvider admits it, and not before.
func TestAllowedNamespaces(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	abroad := s.Plane.Namespace(t)
	p := stack.Plan("pro")
	p.Namespace = abroad
	p.Spec.Providers[0].Namespace = s.Namespace
	g.Expect(s.Client.Create(t.Context(), p)).To(Succeed())
	says := func() string { return s.State(p) }
	refused := "Failed False " + v1alpha1.ReasonReferenceNotPermitted
	eventually(s, says).Should(Equal("Failed False " + v1alpha1.ReasonReferenceNotFound))
	g.Expect(stack.Message(p)).To(ContainSubstring(s.Namespace))

	s.CreateProvider()
	eventually(s, says).Should(Equal(refused))
	g.Expect(stack.Message(p)).To(ContainSubstring("spec.allowedNamespaces"))
	eventually(s, accountSays(s)).Should(Equal(accountReady))
	g.Expect(s.Quiet().Writes).To(BeZero())

	pp := account(s)
	change(s, pp, func(pp *v1alpha1.PaymentProvider) {
		pp.Spec.AllowedNamespaces = v1alpha1.AllowedNamespaces{
			From: v1alpha1.NamespacesSelector, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}},
		}
	})
	eventually(s, accountSays(s)).Should(Equal(accountReady))
	s.Quiet()
	g.Expect(says()).To(Equal(refused))

	ns := &corev1.Namespace{}
	g.Expect(s.Client.Get(t.Context(), types.NamespacedName{Name: abroad}, ns)).To(Succeed())
	patched := ns.DeepCopy()
	patched.Labels["team"] = "a"
	g.Expect(s.Client.Patch(t.Context(), patched, client.MergeFrom(ns))).To(Succeed())
	eventually(s, says).Should(Equal(planReady))
	g.Expect(s.Sandbox.Stripe().Account(s.APIKey()).Products()).To(HaveLen(1))

	// A deleted PaymentProvider waits for it, and says for whom.
	remove(s, pp)
	eventually(s, func() string { return stack.Message(account(s)) }).Should(ContainSubstring("Plan " + abroad + "/pro"))

	// What is no longer admitted is still taken off sale.
	delete(patched.Labels, "team")
	g.Expect(s.Client.Update(t.Context(), patched)).To(Succeed())
	eventually(s, says).Should(Equal(refused))
	g.Expect(s.Client.Delete(t.Context(), p)).To(Succeed())
	g.Eventually(gone(s, pp), stack.Patience, often).Should(BeTrue())
	for _, product := range s.Sandbox.Stripe().Account(s.APIKey()).Products() {
		g.Expect(product.Active).To(BeFalse())
	}
}
