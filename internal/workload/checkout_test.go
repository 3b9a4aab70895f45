package workload

import (
	"testing"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

func checkout(edit ...func(*v1alpha1.CheckoutEndpointSpec)) Checkout {
	object := &v1alpha1.CheckoutEndpoint{
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "shop", UID: "uid"},
		Spec:       v1alpha1.CheckoutEndpointSpec{URL: "https://pay.example.com/shop"},
	}
	for _, e := range edit {
		e(&object.Spec)
	}
	return Checkout{Object: object, Image: "kassa"}
}

// An endpoint answers below its url, too.
func TestExposureOfAnEndpoint(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := checkout(func(s *v1alpha1.CheckoutEndpointSpec) {
		s.Expose = &v1alpha1.Exposure{
			Ingress: &v1alpha1.IngressExposure{}, HTTPRoute: &v1alpha1.HTTPRouteExposure{},
		}
	}).Server()
	g.Expect(text(t, s.ingress(s.Expose.Ingress).Spec)).To(Equal(`{"rules":[{"host":"pay.example.com","http":{"paths":[` +
		`{"path":"/shop","pathType":"Prefix","backend":{"service":{"name":"shop-checkout","port":{"name":"http"}}}}]}}]}`))
	g.Expect(text(t, s.httpRoute(s.Expose.HTTPRoute).Object["spec"])).To(
		ContainSubstring(`"matches":[{"path":{"type":"PathPrefix","value":"/shop"}}]`))
}

// A rule that names no Secrets would be for all of them.
func TestRightsOfAnEndpoint(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := checkout()
	g.Expect(text(t, c.Server().Rules)).To(Equal(`[` +
		`{"verbs":["get","list","watch"],"apiGroups":["billing.kassa.dev"],"resources":["checkoutendpoints"],` +
		`"resourceNames":["shop"]},` +
		`{"verbs":["get","list","watch"],"apiGroups":[""],"resources":["secrets"],` +
		`"resourceNames":["shop-storefront"]}]`))
	c.Secrets = []string{"stripe-api"}
	g.Expect(text(t, c.Server().Rules)).To(ContainSubstring(`"secrets"],"resourceNames":["shop-storefront","stripe-api"]`))
	g.Expect(text(t, c.Server().deployment().Spec.Template.Spec.Containers[0].Args)).To(
		Equal(`["checkout","--namespace=web","--name=shop"]`))
}

func TestRightsAbroad(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := checkout().Server()
	g.Expect(s.nameAbroad()).To(Equal("web.shop-checkout"))
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Labels: s.labelsAbroad()}}
	owner, ok := OwnerAbroad(role, v1alpha1.LabelCheckoutEndpoint)
	g.Expect(ok).To(BeTrue())
	g.Expect(owner).To(Equal(types.NamespacedName{Namespace: "web", Name: "shop"}))
	role.Labels = s.labels()
	_, ok = OwnerAbroad(role, v1alpha1.LabelCheckoutEndpoint)
	g.Expect(ok).To(BeFalse(), "it is of the server's own namespace")
}

func TestReplicasAtMost(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	g.Expect(checkout().Server().Replicas()).To(BeEquivalentTo(DefaultReplicas))
	g.Expect(checkout(func(s *v1alpha1.CheckoutEndpointSpec) {
		s.Workload = &v1alpha1.Workload{Autoscaling: &v1alpha1.Autoscaling{MinReplicas: ptr.To[int32](1), MaxReplicas: 7}}
	}).Server().Replicas()).To(BeEquivalentTo(7))
}
