package checkout

import (
	"testing"

	. "github.com/onsi/gomega"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// Nobody takes an endpoint's place over, also not by another kind, and a place that becomes free is taken at once.
func TestOnePlaceForOne(t *testing.T) {
	g := NewWithT(t)
	s := stack.New(t, stack.Options{})
	s.Operator()
	s.CreateProvider()
	out := &v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{}}
	url := "http://" + s.Namespace + ".example.com/shop"
	hooks := &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Name: "hooks"},
		Spec: v1alpha1.WebhookReceiverSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "stripe"}, URL: url, Expose: out,
			Registration: v1alpha1.Registration{Managed: &v1alpha1.ManagedRegistration{}},
		},
	}
	s.Create(hooks)
	shop := endpoint("pro")
	shop.Spec.URL, shop.Spec.Expose = url+"/", out
	s.Create(stack.Secret("shop-token", "token", "a token"), stack.Plan("pro"), shop)
	runs(s)
	s.AwaitState(shop, "Failed False "+v1alpha1.ReasonURLInUse)
	g.Expect(stack.Message(shop)).To(ContainSubstring("WebhookReceiver hooks is exposed at"))
	ingress := &networkingv1.Ingress{}
	g.Expect(s.Client.Get(t.Context(), s.Key("shop-checkout"), ingress)).NotTo(Succeed())

	g.Expect(s.Client.Delete(t.Context(), hooks)).To(Succeed())
	s.AwaitState(shop, "Current True "+v1alpha1.ReasonSucceeded)
	g.Expect(s.Client.Get(t.Context(), s.Key("shop-checkout"), ingress)).To(Succeed())
	g.Expect(*ingress.Spec.Rules[0].HTTP.Paths[0].PathType).To(Equal(networkingv1.PathTypePrefix))
}
