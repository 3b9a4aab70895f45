package checkoutendpoint

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

func endpointOf(name string, replicas int32, edit func(*v1alpha1.CheckoutEndpointSpec)) v1alpha1.CheckoutEndpoint {
	e := v1alpha1.CheckoutEndpoint{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	e.Spec.Workload = &v1alpha1.Workload{Replicas: ptr.To(replicas)}
	edit(&e.Spec)
	return e
}

func naming(providers ...string) func(*v1alpha1.CheckoutEndpointSpec) {
	return func(s *v1alpha1.CheckoutEndpointSpec) {
		for _, p := range providers {
			s.Providers = append(s.Providers, v1alpha1.WeightedProvider{Name: p})
		}
	}
}

func paddleAt(name string) *v1alpha1.PaymentProvider {
	pp := stripeAt(name, v1alpha1.ModeTest)
	pp.Spec.Stripe, pp.Spec.Paddle = nil, &v1alpha1.PaddleProvider{}
	return pp
}

// All servers of an account together have the half of its rate that is not the operator's, however they come to it.
func TestServersShareAnAccountsRate(t *testing.T) {
	t.Parallel()
	limited := stripeAt("stripe", v1alpha1.ModeTest)
	limited.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 24, Burst: 48}
	again := stripeAt("again", v1alpha1.ModeTest)
	again.Spec.RateLimit, again.Status.Account.ID = &v1alpha1.RateLimit{RequestsPerSecond: 100}, "acct_stripe"
	plan := planOf("pro", "stripe")
	plan.Labels = map[string]string{"sold": "yes"}
	all := everything{
		providers: []v1alpha1.PaymentProvider{*limited, *again, *paddleAt("paddle"), *paddleAt("other")},
		plans:     map[string][]*v1alpha1.Plan{"shop": {plan}},
		endpoints: []v1alpha1.CheckoutEndpoint{
			endpointOf("a", 2, naming("stripe", "paddle")),
			endpointOf("b", 1, naming("again", "stripe")), // of one account: counted once
			endpointOf("c", 1, func(s *v1alpha1.CheckoutEndpointSpec) { s.Plans = []v1alpha1.CheckoutPlan{{Name: "pro"}} }),
			endpointOf("d", 2, func(s *v1alpha1.CheckoutEndpointSpec) {
				s.PlanSelector = &metav1.LabelSelector{MatchLabels: plan.Labels}
			}),
			endpointOf("e", 1, naming("other")), // Paddle counts all accounts of a mode together
			endpointOf("f", 9, func(s *v1alpha1.CheckoutEndpointSpec) { s.Plans = []v1alpha1.CheckoutPlan{{Name: "basic"}} }),
		},
	}
	shares := all.shares(provider.NewRegistry(stripe.Adapter{}, paddle.Adapter{}))
	g := NewWithT(t)
	g.Expect(shares).To(HaveLen(4))
	g.Expect(shares["shop/stripe"]).To(Equal(accounts.Limit{PerSecond: 2, Burst: 4}), "12 and 24 for six replicas")
	g.Expect(shares["shop/again"]).To(Equal(shares["shop/stripe"]), "the smaller limit of the account")
	g.Expect(shares["shop/paddle"]).To(Equal(accounts.Limit{PerSecond: 0.5, Burst: 4}), "1.5 for three replicas")
	g.Expect(shares["shop/other"]).To(Equal(shares["shop/paddle"]))
}

func TestTheDocumentCarriesTheShare(t *testing.T) {
	t.Parallel()
	refs := world()
	refs.limits["shop/stripe"] = accounts.Limit{PerSecond: 2.5, Burst: 7}
	NewWithT(t).Expect(resolve(refs).document.Providers).To(ConsistOf(
		And(HaveField("RequestsPerSecond", 2.5), HaveField("Burst", 7)),
	))
}

// Whoever shares an account hears of others that come, go and change their part, and of nothing else.
func TestWhatChangesShares(t *testing.T) {
	t.Parallel()
	g, p := NewWithT(t), sharing()
	g.Expect(p.Create(event.CreateEvent{Object: planOf("pro"), IsInInitialList: true})).To(BeFalse())
	g.Expect(p.Create(event.CreateEvent{Object: planOf("pro")})).To(BeTrue())
	g.Expect(p.Delete(event.DeleteEvent{Object: planOf("pro")})).To(BeTrue())
	endpoint := endpointOf("a", 2, naming("stripe"))
	changed := func(edit func(*v1alpha1.CheckoutEndpoint)) bool {
		next := endpoint.DeepCopy()
		edit(next)
		return p.Update(event.UpdateEvent{ObjectOld: &endpoint, ObjectNew: next})
	}
	g.Expect(changed(func(e *v1alpha1.CheckoutEndpoint) { e.Status.ReadyReplicas = 1 })).To(BeFalse())
	g.Expect(changed(func(e *v1alpha1.CheckoutEndpoint) { e.Spec.Workload.Replicas = ptr.To[int32](3) })).To(BeTrue())
	g.Expect(changed(func(e *v1alpha1.CheckoutEndpoint) { e.Spec.Providers[0].Name = "paddle" })).To(BeTrue())
	plan := planOf("pro", "stripe")
	retired := plan.DeepCopy()
	retired.Spec.Providers = nil
	g.Expect(p.Update(event.UpdateEvent{ObjectOld: plan, ObjectNew: retired})).To(BeFalse(), "it still has subscriptions")
	retired.Status.Providers = nil
	g.Expect(p.Update(event.UpdateEvent{ObjectOld: plan, ObjectNew: retired})).To(BeTrue())
	pp := stripeAt("stripe", v1alpha1.ModeTest)
	limited := pp.DeepCopy()
	limited.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 1}
	g.Expect(p.Update(event.UpdateEvent{ObjectOld: pp, ObjectNew: limited})).To(BeTrue())
}
