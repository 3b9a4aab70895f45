package workload

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

func TestPlaceOf(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]Place{
		"https://hooks.example.com/stripe":        {"hooks.example.com", "/stripe"},
		"https://Hooks.Example.COM:8443/a?b=c#d":  {"hooks.example.com", "/a"},
		"http://hooks.example.com.":               {"hooks.example.com", "/"},
		"https://hooks.example.com/a%20b/stripe/": {"hooks.example.com", "/a%20b/stripe/"},
		"https://[2001:db8::1]/x":                 {"2001:db8::1", "/x"},
		"https://a b/":                            {},
	} {
		if got := PlaceOf(url); got != want {
			t.Errorf("%s: got %+v, want %+v", url, got, want)
		}
	}
}

func exposed(url string, e v1alpha1.Exposure, tls bool) Server {
	return receiver(func(s *v1alpha1.WebhookReceiverSpec) {
		s.URL, s.Expose = url, &e
		if tls {
			s.TLS = &v1alpha1.ServerTLS{SecretName: "tls"}
		}
	}).Server()
}

func TestIngress(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	e := v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{
		ClassName: "nginx", Annotations: map[string]string{"a": "b"}, TLSSecretName: "cert",
	}}
	s := exposed("https://hooks.example.com/stripe", e, false)
	i := s.ingress(e.Ingress)
	g.Expect(i.Annotations).To(HaveKeyWithValue("a", "b"))
	g.Expect(text(t, i.Spec)).To(Equal(`{"ingressClassName":"nginx","tls":[{"hosts":["hooks.example.com"],` +
		`"secretName":"cert"}],"rules":[{"host":"hooks.example.com","http":{"paths":[{"path":"/stripe","pathType":"Exact",` +
		`"backend":{"service":{"name":"hooks-receiver","port":{"name":"http"}}}}]}}]}`))
	bare := exposed("https://192.0.2.1/", v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{}}, true)
	g.Expect(text(t, bare.ingress(bare.Expose.Ingress).Spec)).To(Equal(`{"rules":[{"http":{"paths":[{"path":"/",`+
		`"pathType":"Exact","backend":{"service":{"name":"hooks-receiver","port":{"name":"https"}}}}]}}]}`),
		"an address is no host of a rule; a server that speaks TLS has another port")
	g.Expect(receiver().Server().Exposure()).To(BeNil())
}

func TestHTTPRoute(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := exposed("https://hooks.example.com/stripe", v1alpha1.Exposure{HTTPRoute: &v1alpha1.HTTPRouteExposure{
		ParentRefs:  []v1alpha1.GatewayReference{{Name: "public", Namespace: "infra", SectionName: "https"}, {Name: "own"}},
		Annotations: map[string]string{"a": "b"},
	}}, true)
	route := s.httpRoute(s.Expose.HTTPRoute)
	g.Expect(route.GetAnnotations()).To(HaveKeyWithValue("a", "b"))
	g.Expect(route.GetOwnerReferences()).To(HaveLen(1))
	g.Expect(text(t, route.Object["spec"])).To(MatchJSON(`{"hostnames":["hooks.example.com"],"parentRefs":[
		{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"public","namespace":"infra","sectionName":"https"},
		{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"own"}],
		"rules":[{"matches":[{"path":{"type":"Exact","value":"/stripe"}}],
		"backendRefs":[{"kind":"Service","name":"hooks-receiver","port":443}]}]}`))
}

func TestIngressVerdict(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	i := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: "hooks-receiver"}}
	v := IngressVerdict(i)
	g.Expect([]string{string(v.Ready), v.Reason}).To(Equal([]string{"Unknown", v1alpha1.ReasonAddressPending}))
	i.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{}, {IP: "192.0.2.1"}}
	v = IngressVerdict(i)
	g.Expect([]string{string(v.Ready), v.Reason}).To(Equal([]string{"True", v1alpha1.ReasonSucceeded}))
	g.Expect(v.Message).To(Equal("Ingress hooks-receiver has the address 192.0.2.1"))
}

func TestRouteVerdict(t *testing.T) {
	t.Parallel()
	condition := func(kind, is, reason, message string, generation int64) any {
		return map[string]any{
			"type": kind, "status": is, "reason": reason, "message": message, "observedGeneration": generation,
		}
	}
	fine := []any{
		condition("Accepted", "True", "Accepted", "", 2), condition("ResolvedRefs", "True", "ResolvedRefs", "", 2),
	}
	parent := func(ref map[string]any, conditions ...any) any {
		return map[string]any{"parentRef": ref, "controllerName": "example.com/gateway", "conditions": conditions}
	}
	one := map[string]any{"name": "one"}
	two := map[string]any{"name": "two", "namespace": "infra", "sectionName": "https"}
	refs := []v1alpha1.GatewayReference{{Name: "one"}, {Name: "two", Namespace: "infra", SectionName: "https"}}
	for _, c := range []struct {
		reason  string
		parents []any
		want    string // status, reason, stalled
		says    string
	}{
		{"nobody answered", nil, "False Progressing", "Gateway shop/one has not taken up"},
		{"every Gateway accepted", []any{parent(one, fine...), parent(two, fine...)}, "True Succeeded", "accepted by every"},
		{"one of two answered", []any{parent(one, fine...)}, "False Progressing", "Gateway infra/two has not"},
		{"another listener's answer is not the one's", []any{parent(one, fine...),
			parent(map[string]any{"name": "two", "namespace": "infra"}, fine...)}, "False Progressing", "infra/two"},
		{"an answer to an older generation counts for nothing",
			[]any{parent(one, condition("Accepted", "False", "NotAllowedByListeners", "old", 1)), parent(two, fine...)},
			"False Progressing", "shop/one"},
		{"refused for good", []any{parent(one, fine...),
			parent(two, condition("Accepted", "False", "NotAllowedByListeners", "no listener admits namespace shop", 2))},
			"False NotAllowedByListeners stalled", "Gateway infra/two: Accepted is False (NotAllowedByListeners): no listener"},
		{"refused for now", []any{parent(one, condition("Accepted", "False", "Pending", "wait", 2))},
			"False Pending", "wait"},
		{"the Service is not seen yet", []any{parent(one, fine[0],
			condition("ResolvedRefs", "False", "BackendNotFound", "no Service", 2))},
			"False BackendNotFound", "no Service"},
		{"a reason that no condition may have", []any{parent(one, condition("Accepted", "False", "no way!", "x", 2))},
			"False ExposureRefused stalled", "x"},
		{"a long message", []any{parent(one, condition("Accepted", "False", "No", strings.Repeat("x", 5000), 2))},
			"False No stalled", "xxx"},
		{"a second controller refuses what the first accepts", []any{parent(one, fine...),
			parent(one, condition("Accepted", "False", "No", "other", 2)), parent(two, fine...)},
			"False No stalled", "other"},
	} {
		route := &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "hooks-receiver", "namespace": "shop", "generation": int64(2)},
			"status":   map[string]any{"parents": c.parents},
		}}
		v := RouteVerdict(route, refs)
		got := string(v.Ready) + " " + v.Reason
		if v.Stalled {
			got += " stalled"
		}
		if got != c.want || !strings.Contains(v.Message, c.says) || len(v.Message) > 700 {
			t.Errorf("%s: got %q, %q", c.reason, got, v.Message)
		}
	}
	if v := RouteVerdict(&unstructured.Unstructured{Object: map[string]any{}}, refs); v.Ready != metav1.ConditionFalse {
		t.Errorf("no status at all: %+v", v)
	}
}
