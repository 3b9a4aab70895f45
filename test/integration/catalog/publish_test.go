package catalog

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// published is what a ConfigMap has for applications; nil where there is none.
func published(s *stack.Stack, name string) func() map[string]string {
	return func() map[string]string {
		cm := &corev1.ConfigMap{}
		if err := s.Client.Get(context.Background(), s.Key(name), cm); err != nil {
			return nil
		}
		return cm.Data
	}
}

// Applications find the ids of what can be bought, at every moment: also while a replacement waits for somebody, and
// while a plan stays on sale because it is not on sale elsewhere yet.
func TestPublishedIDs(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	g := NewWithT(t)
	pro := stack.Plan("pro")
	pro.Spec.PublishTo = &v1alpha1.PublishTo{ConfigMapName: "ids"}
	s.Create(pro)
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	ids := func() map[string]string {
		at := plan(s, "pro").Status.Providers[0]
		data := map[string]string{"stripe.productID": at.ProductID}
		for _, p := range at.Prices {
			data["stripe.prices."+p.Name] = p.ID
		}
		return data
	}
	first := ids()
	g.Expect(first).To(HaveLen(3))
	g.Eventually(published(s, "ids"), stack.Patience, often).Should(Equal(first))

	change(s, pro, func(p *v1alpha1.Plan) {
		p.Spec.Management, p.Spec.Prices[0].Amount = v1alpha1.ManagementObserve, "39.00"
	})
	eventually(s, planSays(s, "pro")).Should(Equal("Failed False " + v1alpha1.ReasonDrifted))
	at := plan(s, "pro").Status.Providers[0]
	g.Expect(at.Prices[0]).To(And(HaveField("ID", first["stripe.prices.monthly"]),
		HaveField("State", v1alpha1.PriceOutdated)))
	g.Expect(at.RetiredPrices).To(BeEmpty())
	g.Expect(published(s, "ids")()).To(Equal(first))

	change(s, pro, func(p *v1alpha1.Plan) { p.Spec.Management = v1alpha1.ManagementEnforce })
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	second := ids()
	g.Expect(second).NotTo(HaveKeyWithValue("stripe.prices.monthly", first["stripe.prices.monthly"]))
	g.Eventually(published(s, "ids"), stack.Patience, often).Should(Equal(second))

	change(s, pro, func(p *v1alpha1.Plan) { p.Spec.Providers = []v1alpha1.PlanProvider{{Name: "strpe"}} })
	eventually(s, planSays(s, "pro")).Should(Equal("Failed False " + v1alpha1.ReasonReferenceNotFound))
	g.Expect(published(s, "ids")()).To(Equal(second))
	change(s, pro, func(p *v1alpha1.Plan) { p.Spec.Providers = []v1alpha1.PlanProvider{{Name: "stripe"}} })
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))

	// Somebody takes the label off; then the Plan names another ConfigMap, which is somebody else's at first.
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "ids"}}
	change(s, cm, func(c *corev1.ConfigMap) { c.Labels, c.Data = nil, nil })
	touch(s, plan(s, "pro"))
	g.Eventually(published(s, "ids"), stack.Patience, often).Should(Equal(second))
	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}, Data: map[string]string{"a": "b"}}
	s.Create(theirs)
	change(s, pro, func(p *v1alpha1.Plan) { p.Spec.PublishTo.ConfigMapName = "theirs" })
	eventually(s, planSays(s, "pro")).Should(Equal("Failed False " + v1alpha1.ReasonPublishConflict))
	g.Expect(published(s, "theirs")()).To(Equal(theirs.Data))
	g.Expect(published(s, "ids")()).To(BeNil(), "it is named no more")
	g.Expect(s.Client.Delete(t.Context(), theirs)).To(Succeed())
	touch(s, plan(s, "pro"))
	g.Eventually(published(s, "theirs"), stack.Patience, often).Should(Equal(second))
}

// A suspended Plan is not archived when it is deleted, and says how to let it go.
func TestDeletionOfASuspendedPlan(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	for name, release := range map[string]func(*v1alpha1.Plan){
		"archived": func(p *v1alpha1.Plan) { p.Spec.Suspend = false },
		"orphaned": func(p *v1alpha1.Plan) { p.Spec.DeletionPolicy = v1alpha1.DeletionOrphan },
	} {
		g := NewWithT(t)
		p := stack.Plan(name)
		s.Create(p)
		eventually(s, planSays(s, name)).Should(Equal(planReady))
		g.Expect(plan(s, name).Generation).To(BeEquivalentTo(1), "the finalizer changes nothing of the spec")
		change(s, p, func(p *v1alpha1.Plan) { p.Spec.Suspend = true })
		eventually(s, planSays(s, name)).Should(Equal("Failed False " + v1alpha1.ReasonSuspended))
		writes := s.Quiet().Writes
		g.Expect(s.Client.Delete(t.Context(), p)).To(Succeed())
		g.Eventually(func() string { return stack.Message(plan(s, name)) }, stack.Patience, often).
			Should(ContainSubstring("set spec.deletionPolicy to Orphan"))
		g.Expect(s.Quiet().Writes).To(Equal(writes))
		change(s, p, release)
		g.Eventually(func() error {
			return client.IgnoreNotFound(s.Client.Get(t.Context(), s.Key(name), &v1alpha1.Plan{}))
		}, stack.Patience, often).Should(Succeed())
		g.Eventually(func() bool { return products(s, name)[0].Active }, stack.Patience, often).
			Should(Equal(name == "orphaned"))
	}
}
