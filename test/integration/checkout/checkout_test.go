// Package checkout tests what the operator makes of CheckoutEndpoints, against a real API server and the sandbox.
package checkout

import (
	"context"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/storefront"
	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

const often = 20 * time.Millisecond

func TestMain(m *testing.M) { stack.Main(m, controlplane.Options{NoFsync: true}) }

// endpoint is a CheckoutEndpoint for the sandbox that sells those plans.
func endpoint(plans ...string) *v1alpha1.CheckoutEndpoint {
	e := &v1alpha1.CheckoutEndpoint{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: v1alpha1.CheckoutEndpointSpec{
			URL: "http://pay.example.com", AllowInsecureHTTP: true, SuccessURL: "http://app.example.com/done",
			Auth: v1alpha1.CheckoutAuth{BearerToken: &v1alpha1.BearerTokenAuth{
				SecretRef: v1alpha1.SigningSecretReference{Name: "shop-token"},
			}},
		},
	}
	for _, p := range plans {
		e.Spec.Plans = append(e.Spec.Plans, v1alpha1.CheckoutPlan{Name: p})
	}
	return e
}

// sold is what the servers are told, or nil.
func sold(s *stack.Stack) *storefront.Document {
	secret := &corev1.Secret{}
	if err := s.Client.Get(context.Background(), s.Key("shop-storefront"), secret); err != nil {
		return nil
	}
	d, err := storefront.Decode(string(secret.Data[storefront.DocumentKey]))
	if err != nil {
		return nil
	}
	return d
}

// price is one that the servers are told of, as "amount at id"; empty while there is none.
func price(s *stack.Stack, plan, name string) string {
	d := sold(s)
	if d == nil {
		return ""
	}
	_, p := d.Price(plan, name)
	if p == nil {
		return ""
	}
	return strconv.FormatInt(p.Amounts[0].Minor, 10) + " at " + p.At[0].PriceID
}

// has is the same of the Plan's status, at its first provider.
func has(s *stack.Stack, plan, amount string) string {
	p := &v1alpha1.Plan{}
	err := s.Client.Get(context.Background(), s.Key(plan), p)
	if err != nil || len(p.Status.Providers) == 0 || len(p.Status.Providers[0].Prices) == 0 {
		return "nothing"
	}
	return amount + " at " + p.Status.Providers[0].Prices[0].ID
}

func condition(s *stack.Stack, kind string) func() string {
	return func() string {
		e := &v1alpha1.CheckoutEndpoint{}
		if err := s.Client.Get(context.Background(), s.Key("shop"), e); err != nil {
			return err.Error()
		}
		c := meta.FindStatusCondition(e.Status.Conditions, kind)
		if c == nil {
			return ""
		}
		return string(c.Status) + " " + c.Reason + ": " + c.Message
	}
}

// runs says in the Deployment's status, as its controller would, that the replicas are ready.
func runs(s *stack.Stack) {
	s.T.Helper()
	d := &appsv1.Deployment{}
	NewWithT(s.T).Eventually(func() error {
		if err := s.Client.Get(context.Background(), s.Key("shop-checkout"), d); err != nil {
			return err
		}
		n := *d.Spec.Replicas
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n,
			Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue}},
		}
		return s.Client.Status().Update(context.Background(), d)
	}, stack.Patience, often).Should(Succeed())
}

// An endpoint is ready when its servers are and everything can be bought; a replaced price is told to them at once, and
// at every moment there is one, with the terms of its id. Nothing is written while nothing changes.
func TestPricesAreToldToTheServers(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	s.Create(stack.Secret("shop-token", "token", "a token"), stack.Plan("pro"), endpoint("pro"))
	runs(s)
	shop := &v1alpha1.CheckoutEndpoint{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	g.Expect(shop.Status).To(And(HaveField("PlansServed", int32(1)), HaveField("URL", "http://pay.example.com"),
		HaveField("ReadyReplicas", int32(2)), HaveField("ObservedGeneration", shop.Generation)))
	g.Expect(shop.Status.Providers).To(Equal([]v1alpha1.ServedProvider{{
		Name: "stripe", Namespace: s.Namespace, Type: v1alpha1.ProviderStripe, Weight: 1, Prices: 2,
	}}))
	first := price(s, "pro", "monthly")
	g.Expect(first).To(Equal(has(s, "pro", "2900")))
	g.Expect(sold(s).Providers).To(ConsistOf(And(HaveField("Ready", true),
		HaveField("RequestsPerSecond", 250.0), HaveField("Burst", 500),
		HaveField("APIKey", storefront.SecretKey{Name: "stripe-api", Key: "api-key"}),
		HaveField("AccountID", s.Sandbox.Stripe().Account(s.APIKey()).ID()))))
	role := &rbacv1.Role{}
	g.Expect(s.Client.Get(t.Context(), s.Key("shop-checkout"), role)).To(Succeed())
	reading := []string{"get", "list", "watch"}
	g.Expect(role.Rules).To(ConsistOf(
		rbacv1.PolicyRule{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"checkoutendpoints"},
			Verbs: reading, ResourceNames: []string{"shop"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: reading,
			ResourceNames: []string{"shop-storefront", "shop-token", "stripe-api"}},
	))

	pro := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: "pro"}}
	s.Change(pro, func() { pro.Spec.Prices[0].Amount = "39.00" })
	told := map[string]bool{}
	g.Eventually(func() string {
		now := price(s, "pro", "monthly")
		told[now] = true
		return now
	}, stack.Patience, time.Millisecond).Should(HavePrefix("3900 at "))
	g.Expect(told).To(Equal(map[string]bool{first: true, price(s, "pro", "monthly"): true}))
	g.Expect(price(s, "pro", "monthly")).NotTo(HaveSuffix(first[len("2900"):]))
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	g.Expect(price(s, "pro", "monthly")).To(Equal(has(s, "pro", "3900")))

	versions := func() [4]string {
		var out [4]string
		for i, o := range []client.Object{
			shop, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "shop-storefront"}},
			&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "shop-checkout"}},
			&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "shop-checkout"}},
		} {
			g.Expect(s.Client.Get(t.Context(), s.Key(o.GetName()), o)).To(Succeed())
			out[i] = o.GetResourceVersion()
		}
		return out
	}
	before := versions()
	s.Change(pro, func() { pro.Labels = map[string]string{"team": "growth"} })
	g.Consistently(versions, time.Second, often).Should(Equal(before))
	sharesTheRate(s)
}

// sharesTheRate has another endpoint come to the account and go: what one server may ask follows.
func sharesTheRate(s *stack.Stack) {
	g := NewWithT(s.T)
	limit := func() [2]float64 {
		p := sold(s).Providers[0]
		return [2]float64{p.RequestsPerSecond, float64(p.Burst)}
	}
	other := endpoint("pro")
	other.Name, other.Spec.URL = "other", "http://other.example.com"
	other.Spec.Workload = &v1alpha1.Workload{Replicas: ptr.To[int32](3)}
	s.Create(other)
	g.Eventually(limit, stack.Patience, often).Should(Equal([2]float64{100, 200}), "a fifth each")
	s.Change(other, func() { other.Spec.Workload.Replicas = ptr.To[int32](2) })
	g.Eventually(limit, stack.Patience, often).Should(Equal([2]float64{125, 250}))
	g.Expect(s.Client.Delete(context.Background(), other)).To(Succeed())
	g.Eventually(limit, stack.Patience, often).Should(Equal([2]float64{250, 500}))
}

// What is missing is said, and what is there is sold.
func TestMissingPlan(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	shop := endpoint("pro", "team")
	shop.Spec.Plans[0].Prices = []string{"yearly", "weekly"}
	s.Create(stack.Secret("shop-token", "token", "a token"), stack.Plan("pro"), shop)
	runs(s)
	g.Eventually(condition(s, v1alpha1.ConditionPlansResolved), stack.Patience, often).Should(Equal(
		`False PriceNotFound: Plan "pro" has no price "weekly"; Plan "team" does not exist`))
	g.Eventually(func() string { return price(s, "pro", "yearly") }, stack.Patience, often).Should(HavePrefix("29000 at"))
	g.Expect(price(s, "pro", "monthly")).To(BeEmpty(), "it is not among the endpoint's prices")
	s.AwaitState(shop, "Failed False "+v1alpha1.ReasonPriceNotFound)

	s.Create(stack.Plan("team"))
	s.Change(shop, func() { shop.Spec.Plans[0].Prices = nil })
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	g.Expect(price(s, "team", "monthly")).To(HavePrefix("2900 at"))

	// A Plan that goes is not sold any more. The token is missed when it goes, too.
	g.Expect(s.Client.Delete(t.Context(), &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "team"},
	})).To(Succeed())
	s.AwaitState(shop, "Failed False "+v1alpha1.ReasonReferenceNotFound)
	g.Expect(price(s, "team", "monthly")).To(BeEmpty())
	s.Change(shop, func() { shop.Spec.Plans = shop.Spec.Plans[:1] })
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	g.Expect(s.Client.Delete(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "shop-token"},
	})).To(Succeed())
	s.AwaitState(shop, "Failed False "+v1alpha1.ReasonSecretMissing)
}

// The server gets a right in a PaymentProvider's namespace while it needs it there, and an object of somebody else's is
// left alone.
func TestProviderOfAnotherNamespace(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	abroad := s.Plane.Namespace(t)
	pp, secret := s.Provider(), stack.Secret("stripe-api", "api-key", s.APIKey())
	pp.Namespace, secret.Namespace = abroad, abroad
	g.Expect(s.Client.Create(t.Context(), secret)).To(Succeed())
	g.Expect(s.Client.Create(t.Context(), pp)).To(Succeed())
	t.Cleanup(func() {
		_ = s.Client.Delete(context.Background(), pp)
		_ = s.Client.Patch(context.Background(), pp, client.RawPatch("application/merge-patch+json",
			[]byte(`{"metadata":{"finalizers":null}}`)))
	})
	pro, shop := stack.Plan("pro"), endpoint("pro")
	pro.Spec.Providers[0].Namespace = abroad
	shop.Spec.Providers = []v1alpha1.WeightedProvider{{Name: "stripe", Namespace: abroad, Weight: ptr.To[int32](3)}}
	s.Create(stack.Secret("shop-token", "token", "a token"), pro, shop)
	runs(s)
	s.AwaitState(shop, "Failed False "+v1alpha1.ReasonReferenceNotPermitted)
	role, binding := &rbacv1.Role{}, &rbacv1.RoleBinding{}
	key := client.ObjectKey{Namespace: abroad, Name: s.Namespace + ".shop-checkout"}
	g.Expect(client.IgnoreNotFound(s.Client.Get(t.Context(), key, role))).To(Succeed())
	g.Expect(role.Name).To(BeEmpty())

	admit := func(from v1alpha1.NamespacesFrom) {
		s.Change(pp, func() { pp.Spec.AllowedNamespaces.From = from })
	}
	admit(v1alpha1.NamespacesAll)
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	g.Expect(s.Client.Get(t.Context(), key, role)).To(Succeed())
	g.Expect(role.Rules).To(HaveLen(1))
	g.Expect(role.Rules[0]).To(And(HaveField("Resources", []string{"secrets"}),
		HaveField("ResourceNames", []string{"stripe-api"}), HaveField("Verbs", []string{"get", "list", "watch"})))
	g.Expect(s.Client.Get(t.Context(), key, binding)).To(Succeed())
	g.Expect(binding.Subjects).To(Equal([]rbacv1.Subject{{
		Kind: "ServiceAccount", Name: "shop-checkout", Namespace: s.Namespace,
	}}))
	there := func(o client.Object) func() bool {
		return func() bool { return s.Client.Get(context.Background(), key, o) == nil }
	}
	g.Expect(s.Client.Delete(t.Context(), binding)).To(Succeed())
	g.Eventually(there(binding), stack.Patience, often).Should(BeTrue(), "what somebody deletes is put back")

	admit(v1alpha1.NamespacesSame)
	s.AwaitState(shop, "Failed False "+v1alpha1.ReasonReferenceNotPermitted)
	g.Eventually(there(role), stack.Patience, often).Should(BeFalse())
	g.Eventually(there(binding), stack.Patience, often).Should(BeFalse())
	admit(v1alpha1.NamespacesAll)
	g.Eventually(there(role), stack.Patience, often).Should(BeTrue())

	// The PaymentProvider waits for the endpoint, which takes its rights along.
	g.Expect(s.Client.Delete(t.Context(), pp)).To(Succeed())
	g.Eventually(func() string { s.State(pp); return stack.Message(pp) }, stack.Patience, often).
		Should(ContainSubstring("CheckoutEndpoint " + s.Namespace + "/shop"))
	g.Expect(s.Client.Delete(t.Context(), shop)).To(Succeed())
	g.Eventually(func() string { return s.State(shop) }, stack.Patience, often).Should(Equal("NotFound"))
	g.Expect(there(role)()).To(BeFalse())
	g.Expect(there(binding)()).To(BeFalse())
}
