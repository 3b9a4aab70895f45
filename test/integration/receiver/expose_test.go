package receiver

import (
	"context"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// contextOf is one that outlives the test for its cleanup.
func contextOf(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }

// exposedAs is the condition Exposed as "<status> <reason>", or "" without it.
func exposedAs(s *stack.Stack, name string) string {
	hooks := &v1alpha1.WebhookReceiver{}
	if err := s.Client.Get(s.T.Context(), s.Key(name), hooks); err != nil {
		return err.Error()
	}
	c := meta.FindStatusCondition(hooks.Status.Conditions, v1alpha1.ConditionExposed)
	if c == nil {
		return ""
	}
	return string(c.Status) + " " + c.Reason
}

func ingressOf(s *stack.Stack, name string) (*networkingv1.Ingress, error) {
	i := &networkingv1.Ingress{}
	return i, s.Client.Get(s.T.Context(), s.Key(name+"-receiver"), i)
}

func routeOf(s *stack.Stack, name string) (*unstructured.Unstructured, error) {
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(workload.HTTPRoute)
	return route, s.Client.Get(s.T.Context(), s.Key(name+"-receiver"), route)
}

// gatewaySays writes what a Gateway's controller would.
func gatewaySays(s *stack.Stack, accepted metav1.ConditionStatus, reason, message string) {
	s.T.Helper()
	g := NewWithT(s.T)
	route, err := routeOf(s, "hooks")
	g.Expect(err).NotTo(HaveOccurred())
	condition := func(kind string, is metav1.ConditionStatus, reason, message string) any {
		return map[string]any{
			"type": kind, "status": string(is), "reason": reason, "message": message,
			"observedGeneration": route.GetGeneration(), "lastTransitionTime": time.Now().UTC().Format(time.RFC3339),
		}
	}
	parents, _, err := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(parents).To(HaveLen(1))
	route.Object["status"] = map[string]any{"parents": []any{map[string]any{
		"parentRef": parents[0], "controllerName": "example.com/gateway", "conditions": []any{
			condition("Accepted", accepted, reason, message),
			condition("ResolvedRefs", metav1.ConditionTrue, "ResolvedRefs", ""),
		},
	}}}
	g.Expect(s.Client.Status().Update(s.T.Context(), route)).To(Succeed())
}

// A receiver is exposed by an Ingress; then by an HTTPRoute, which waits for the Gateway API to be installed and keeps
// the Ingress until it is; then not at all. The server goes on all the time.
func TestExposure(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	g := NewWithT(t)
	hooks := r.Object()
	expose := func(e *v1alpha1.Exposure) { s.Change(hooks, func() { hooks.Spec.Expose = e }) }

	expose(&v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{
		ClassName: "nginx", Annotations: map[string]string{"example.com/a": "b"}, TLSSecretName: "hooks-tls",
	}})
	g.Eventually(exposedAs, stack.Patience, often).WithArguments(s, "hooks").Should(Equal("Unknown AddressPending"))
	s.AwaitState(hooks, "Current True Succeeded") // many Ingress controllers never tell an address
	ingress, err := ingressOf(s, "hooks")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ingress.Annotations).To(HaveKeyWithValue("example.com/a", "b"))
	rule := ingress.Spec.Rules[0]
	g.Expect(rule.Host).To(Equal(r.Workload() + "." + s.Namespace + ".svc"))
	g.Expect(*rule.HTTP.Paths[0].PathType).To(Equal(networkingv1.PathTypeExact))
	g.Expect(rule.HTTP.Paths[0].Path).To(Equal("/stripe"))
	ingress.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.7"}}
	g.Expect(s.Client.Status().Update(t.Context(), ingress)).To(Succeed())
	g.Eventually(exposedAs, stack.Patience, often).WithArguments(s, "hooks").Should(Equal("True Succeeded"))

	// What somebody deletes comes back.
	g.Expect(s.Client.Delete(t.Context(), ingress)).To(Succeed())
	g.Eventually(func(g Gomega) {
		again, err := ingressOf(s, "hooks")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(again.UID).NotTo(Equal(ingress.UID))
	}, stack.Patience, often).Should(Succeed())

	expose(&v1alpha1.Exposure{HTTPRoute: &v1alpha1.HTTPRouteExposure{
		ParentRefs: []v1alpha1.GatewayReference{{Name: "public", Namespace: "infra"}},
	}})
	s.AwaitState(hooks, "InProgress False GatewayAPIMissing")
	g.Expect(stack.Message(hooks)).To(ContainSubstring("install the Gateway API, or use spec.expose.ingress"))
	_, err = ingressOf(s, "hooks")
	g.Expect(err).NotTo(HaveOccurred(), "the way in went before there was another")

	remove := installGatewayAPI(t, s)
	s.AwaitState(hooks, "InProgress False Progressing") // without a restart
	g.Expect(stack.Message(hooks)).To(ContainSubstring("Gateway infra/public has not taken up HTTPRoute"))
	g.Eventually(func() bool {
		_, err := ingressOf(s, "hooks")
		return apierrors.IsNotFound(err)
	}, stack.Patience, often).Should(BeTrue())
	gatewaySays(s, metav1.ConditionFalse, "NotAllowedByListeners", "no listener admits this namespace")
	s.AwaitState(hooks, "Failed False NotAllowedByListeners")
	g.Expect(exposedAs(s, "hooks")).To(Equal("False NotAllowedByListeners"))
	gatewaySays(s, metav1.ConditionTrue, "Accepted", "")
	s.AwaitState(hooks, "Current True Succeeded")
	g.Expect(exposedAs(s, "hooks")).To(Equal("True Succeeded"))
	answer, err := r.Send(r.URL(), stack.Event("evt_1"), r.SigningSecret())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Status).To(Equal(http.StatusOK))
	g.Expect(sink.Taken()).To(Equal(s.Once("evt_1")))

	expose(nil)
	g.Eventually(func() bool {
		_, err := routeOf(s, "hooks")
		return apierrors.IsNotFound(err)
	}, stack.Patience, often).Should(BeTrue())
	g.Eventually(exposedAs, stack.Patience, often).WithArguments(s, "hooks").Should(BeEmpty())
	s.AwaitState(hooks, "Current True Succeeded")

	// The Gateway API goes while a route is asked for, and comes back.
	expose(&v1alpha1.Exposure{HTTPRoute: &v1alpha1.HTTPRouteExposure{
		ParentRefs: []v1alpha1.GatewayReference{{Name: "own"}},
	}})
	s.AwaitState(hooks, "InProgress False Progressing")
	remove()
	s.Change(hooks, func() {
		metav1.SetMetaDataAnnotation(&hooks.ObjectMeta, v1alpha1.AnnotationReconcileAt, "now")
	})
	s.AwaitState(hooks, "InProgress False GatewayAPIMissing")
	installGatewayAPI(t, s)
	g.Eventually(func() error { _, err := routeOf(s, "hooks"); return err }, stack.Patience, often).Should(Succeed())
}

// Of two receivers at one host and path the older is exposed, in whatever namespace, until it goes.
func TestOnePlaceHasOneReceiver(t *testing.T) {
	at := "https://shared.example.com/stripe"
	expose := func(r *v1alpha1.WebhookReceiver) {
		r.Spec.URL, r.Spec.Expose = at, &v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{}}
	}
	s, older := deployed(t, expose)
	g := NewWithT(t)
	g.Eventually(func() error { _, err := ingressOf(s, "hooks"); return err }, stack.Patience, often).Should(Succeed())
	younger := older.DeepCopy()
	younger.ObjectMeta = metav1.ObjectMeta{Name: "younger"} // in the same second the name decides
	younger.Spec.URL = "https://SHARED.example.com:443/stripe"
	s.Create(younger)
	g.Eventually(exposedAs, stack.Patience, often).WithArguments(s, "younger").Should(Equal("False URLInUse"))
	s.AwaitState(older, "InProgress False WorkloadUnavailable")
	g.Expect(exposedAs(s, "hooks")).To(Equal("Unknown AddressPending"))
	_, err := ingressOf(s, "younger")
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue())

	s.Change(older, func() { older.Spec.URL = "https://shared.example.com/elsewhere" })
	g.Eventually(func() error { _, err := ingressOf(s, "younger"); return err }, stack.Patience, often).Should(Succeed())
	g.Eventually(exposedAs, stack.Patience, often).WithArguments(s, "younger").Should(Equal("Unknown AddressPending"))

	// The older one comes back to its place.
	s.Change(older, func() { older.Spec.URL = at })
	g.Eventually(exposedAs, stack.Patience, often).WithArguments(s, "younger").Should(Equal("False URLInUse"))
	g.Eventually(func() bool {
		_, err := ingressOf(s, "younger")
		return apierrors.IsNotFound(err)
	}, stack.Patience, often).Should(BeTrue())
	g.Expect(s.Client.Delete(t.Context(), older)).To(Succeed())
	g.Eventually(exposedAs, stack.Patience, often).WithArguments(s, "younger").Should(Equal("Unknown AddressPending"))
}
