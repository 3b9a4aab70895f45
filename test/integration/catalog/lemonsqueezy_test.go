package catalog

import (
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/test/stack"
)

// A Plan at LemonSqueezy adopts variants, is compared with them, and reports what differs. Nothing is ever written.
func TestLemonSqueezy(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	shop := s.Sandbox.LemonSqueezy()
	store := shop.AddStore(lemonsqueezy.Store{Name: "Shop"})
	unit, once, amount := "month", int64(1), int64(2900)
	price := lemonsqueezy.Price{UnitPrice: &amount, IntervalUnit: &unit, IntervalCount: &once}
	product, variants, err := shop.AddProduct(lemonsqueezy.Draft{
		StoreID: store, Name: "Plan pro", Variants: []lemonsqueezy.DraftVariant{{Name: "Monthly", Price: price}},
	})
	g.Expect(err).NotTo(HaveOccurred())

	s.CreateProvider()
	s.Create(stack.Secret("lemon", "api-key", "eyJ0"+"ZXN0a2V5MTIz"), &v1alpha1.PaymentProvider{
		ObjectMeta: metav1.ObjectMeta{Name: "lemon"},
		Spec: v1alpha1.PaymentProviderSpec{
			Mode: v1alpha1.ModeTest, BaseURL: s.SandboxURL + "/lemonsqueezy",
			LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
				APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "lemon", Key: "api-key"},
				StoreID:         strconv.FormatInt(store, 10),
			},
			RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000},
		},
	})
	p := stack.Plan("pro")
	p.Spec.Prices = p.Spec.Prices[:1]
	p.Spec.Description = "For teams"
	p.Spec.Providers = append(p.Spec.Providers, v1alpha1.PlanProvider{Name: "lemon", Adopt: &v1alpha1.Adopt{
		ProductID: strconv.FormatInt(product, 10),
		Prices:    []v1alpha1.AdoptPrice{{Name: "monthly", ID: strconv.FormatInt(variants[0], 10)}},
	}})
	s.Create(p)
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))
	at := plan(s, "pro").Status.Providers[1]
	g.Expect(at.ProductID).To(Equal(strconv.FormatInt(product, 10)))
	g.Expect(at.Prices).To(HaveLen(1))
	g.Expect(at.Prices[0].ID).To(Equal(strconv.FormatInt(variants[0], 10)))
	g.Expect(at.Message).To(ContainSubstring("no place for description"))

	// The seller changes the amount in the dashboard.
	raised := int64(3900)
	price.UnitPrice = &raised
	g.Expect(shop.SetPrice(variants[0], price)).To(Succeed())
	lemon := &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Name: "lemon"}}
	touch(s, lemon)
	eventually(s, planSays(s, "pro")).Should(Equal("Failed False " + v1alpha1.ReasonDrifted))
	at = plan(s, "pro").Status.Providers[1]
	g.Expect(at.Drift).To(HaveLen(1))
	g.Expect(at.Drift[0].Field).To(Equal("prices[monthly].amount"))
	g.Expect(at.Drift[0].Got).To(Equal("39.00 USD"))
	g.Expect(at.Prices).To(HaveEach(HaveField("State", v1alpha1.PriceOutdated)),
		"a price with another amount is not offered as the plan's")
	g.Expect(stack.Message(plan(s, "pro"))).To(ContainSubstring("no API changes LemonSqueezy's catalogue"))

	// The Plan follows.
	change(s, p, func(p *v1alpha1.Plan) { p.Spec.Prices[0].Amount = "39.00" })
	eventually(s, planSays(s, "pro")).Should(Equal(planReady))

	// What LemonSqueezy cannot do, or does not have, is said.
	change(s, p, func(p *v1alpha1.Plan) { p.Spec.Prices[0].TaxBehavior = v1alpha1.TaxInclusive })
	eventually(s, planSays(s, "pro")).Should(Equal("Failed False " + v1alpha1.ReasonUnsupported))
	g.Expect(stack.Message(plan(s, "pro"))).To(ContainSubstring("LemonSqueezy"))
	q := stack.Plan("team")
	q.Spec.Providers = []v1alpha1.PlanProvider{{Name: "lemon", Adopt: &v1alpha1.Adopt{ProductID: "424242"}}}
	s.Create(q)
	eventually(s, planSays(s, "team")).Should(Equal("Failed False " + v1alpha1.ReasonUnsupported))
	g.Expect(stack.Message(plan(s, "team"))).To(ContainSubstring(`names no id for the price "monthly"`))
	change(s, q, func(p *v1alpha1.Plan) {
		p.Spec.Prices = p.Spec.Prices[:1]
		p.Spec.Providers[0].Adopt.Prices = []v1alpha1.AdoptPrice{{Name: "monthly", ID: "5"}}
	})
	eventually(s, planSays(s, "team")).Should(Equal("Failed False " + v1alpha1.ReasonMissing))

	remove(s, q)
	g.Eventually(gone(s, q), stack.Patience, often).Should(BeTrue())
	for _, r := range s.Sandbox.Requests() {
		if r.Provider == "lemonsqueezy" {
			g.Expect(r.Method).To(Equal("GET"))
		}
	}
}
