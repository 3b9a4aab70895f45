package catalog

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

func remove(s *stack.Stack, object client.Object) {
	s.T.Helper()
	if err := s.Client.Delete(context.Background(), object); err != nil {
		s.T.Fatal(err)
	}
}

func gone(s *stack.Stack, object client.Object) func() bool {
	return func() bool {
		return apierrors.IsNotFound(s.Client.Get(context.Background(), s.Key(object.GetName()), object))
	}
}

// A deleted Plan leaves nothing that can be bought; one that is orphaned leaves everything.
func TestDeletion(t *testing.T) {
	s := stack.New(t, stack.Options{})
	operator := s.Operator()
	s.CreateProvider()
	kept := stack.Plan("kept")
	kept.Spec.DeletionPolicy = v1alpha1.DeletionOrphan
	s.Create(stack.Plan("pro"), kept)
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	eventually(s, planSays(s, "kept")).Should(Equal(planReady))
	s.Quiet()
	g := NewWithT(t)

	writes := s.Sandbox.Counts().Writes
	remove(s, plan(s, "kept"))
	g.Eventually(gone(s, kept), stack.Patience, often).Should(BeTrue())
	g.Expect(s.Quiet().Writes).To(Equal(writes))
	expectOneOfEach(s, "kept")

	pro, pp := plan(s, "pro"), account(s)
	remove(s, pp)
	eventually(s, accountSays(s)).Should(Equal("Terminating False " + v1alpha1.ReasonInUse))
	g.Expect(stack.Message(account(s))).To(Equal("still referred to by Plan pro"))

	// The Secret is kept as long, also for an operator that has not read it yet.
	secret := &corev1.Secret{}
	g.Expect(s.Client.Get(t.Context(), s.Key("stripe-api"), secret)).To(Succeed())
	remove(s, secret)
	operator.Kill()
	s.Operator()

	remove(s, pro)
	g.Eventually(gone(s, pro), stack.Patience, often).Should(BeTrue())
	g.Expect(products(s, "pro")[0].Active).To(BeFalse())
	for _, p := range s.Sandbox.Stripe().Account(s.APIKey()).Prices() {
		if p.Product == products(s, "pro")[0].ID && p.Active {
			g.Expect(products(s, "pro")[0].DefaultPrice).To(HaveValue(Equal(p.ID)),
				"only a default price may stay, under its archived product")
		}
	}
	g.Eventually(gone(s, pp), stack.Patience, often).Should(BeTrue())
	g.Eventually(gone(s, secret), stack.Patience, often).Should(BeTrue())
}

// A Plan whose provider was replaced before its first status is still retired at the one where it was made.
func TestAProviderThatIsReplacedAtOnce(t *testing.T) {
	s := stack.New(t, stack.Options{})
	operator := s.Operator()
	s.CreateProvider()
	second := s.Provider()
	second.Name, second.Spec.Stripe.APIKeySecretRef.Name = "second", "second-api"
	s.Create(stack.Secret("second-api", "api-key", "sk_test_"+"second"), second)
	eventually(s, accountSays(s)).Should(Equal(accountReady))
	killed := make(chan struct{})
	s.Sandbox.OnRequest(func(p traffic.Phase, r traffic.Request) {
		if p == traffic.AfterCommit && r.Write() {
			s.Sandbox.OnRequest(nil)
			operator.Kill()
			close(killed)
		}
	})
	s.Create(stack.Plan("pro"))
	<-killed
	g := NewWithT(t)
	g.Expect(products(s, "pro")).To(HaveLen(1))
	g.Expect(products(s, "pro")[0].Active).To(BeTrue())
	change(s, plan(s, "pro"), func(p *v1alpha1.Plan) { p.Spec.Providers[0].Name = "second" })
	s.Operator()
	g.Eventually(func() bool { return products(s, "pro")[0].Active }, stack.Patience, often).Should(BeFalse())
}
