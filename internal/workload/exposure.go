package workload

import (
	"net/netip"
	"net/url"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	networkingac "k8s.io/client-go/applyconfigurations/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// HTTPRoute is the kind of the Gateway API's routes, which a cluster has if somebody installed it.
var HTTPRoute = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}

// Place is where clients call a server: what a proxy routes by. Two servers cannot have the same.
type Place struct {
	// Host in lower case, without a port.
	Host string
	// Path as it stands in a request.
	Path string
}

// PlaceOf reads a spec's url. A url that cannot be read, which the API server does not admit, is the zero Place.
func PlaceOf(text string) Place {
	u, err := url.Parse(text)
	if err != nil {
		return Place{}
	}
	p := Place{Host: strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), Path: u.EscapedPath()}
	if p.Path == "" {
		p.Path = "/"
	}
	return p
}

func (p Place) String() string { return p.Host + p.Path }

// name is the host for a rule. An address can be no rule's: its rules are for every host.
func (p Place) name() string {
	if _, err := netip.ParseAddr(p.Host); err == nil {
		return ""
	}
	return p.Host
}

// Exposure is the Ingress or HTTPRoute that the spec asks for, or nil. Both lead to the paths that the server answers,
// and to nothing else.
func (s Server) Exposure() runtime.ApplyConfiguration {
	switch {
	case s.Expose == nil:
		return nil
	case s.Expose.Ingress != nil:
		return s.ingress(s.Expose.Ingress)
	case s.Expose.HTTPRoute != nil:
		return client.ApplyConfigurationFromUnstructured(s.httpRoute(s.Expose.HTTPRoute))
	default:
		return nil
	}
}

func (s Server) ingress(e *v1alpha1.IngressExposure) *networkingac.IngressApplyConfiguration {
	place := PlaceOf(s.URL)
	name, _, _ := s.port()
	match := networkingv1.PathTypeExact
	if s.Below {
		match = networkingv1.PathTypePrefix
	}
	rule := networkingac.IngressRule().WithHTTP(networkingac.HTTPIngressRuleValue().WithPaths(
		networkingac.HTTPIngressPath().WithPath(place.Path).WithPathType(match).
			WithBackend(networkingac.IngressBackend().WithService(networkingac.IngressServiceBackend().
				WithName(s.Name()).WithPort(networkingac.ServiceBackendPort().WithName(name))))))
	if host := place.name(); host != "" {
		rule.WithHost(host)
	}
	spec := networkingac.IngressSpec().WithRules(rule)
	if e.ClassName != "" {
		spec.WithIngressClassName(e.ClassName)
	}
	if e.TLSSecretName != "" {
		tls := networkingac.IngressTLS().WithSecretName(e.TLSSecretName)
		if host := place.name(); host != "" {
			tls.WithHosts(host)
		}
		spec.WithTLS(tls)
	}
	return networkingac.Ingress(s.Name(), s.Owner.Namespace).WithLabels(s.labels()).WithAnnotations(e.Annotations).
		WithOwnerReferences(s.ownerReference()).WithSpec(spec)
}

func (s Server) httpRoute(e *v1alpha1.HTTPRouteExposure) *unstructured.Unstructured {
	place := PlaceOf(s.URL)
	_, _, port := s.port()
	parents := make([]any, 0, len(e.ParentRefs))
	for _, ref := range e.ParentRefs {
		parent := map[string]any{"group": HTTPRoute.Group, "kind": "Gateway", "name": ref.Name}
		if ref.Namespace != "" {
			parent["namespace"] = ref.Namespace
		}
		if ref.SectionName != "" {
			parent["sectionName"] = ref.SectionName
		}
		parents = append(parents, parent)
	}
	match := "Exact"
	if s.Below {
		match = "PathPrefix"
	}
	spec := map[string]any{
		"parentRefs": parents,
		"rules": []any{map[string]any{
			"matches":     []any{map[string]any{"path": map[string]any{"type": match, "value": place.Path}}},
			"backendRefs": []any{map[string]any{"kind": "Service", "name": s.Name(), "port": int64(port)}},
		}},
	}
	if host := place.name(); host != "" {
		spec["hostnames"] = []any{host}
	}
	yes := true
	u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	u.SetGroupVersionKind(HTTPRoute)
	u.SetNamespace(s.Owner.Namespace)
	u.SetName(s.Name())
	u.SetLabels(s.labels())
	if len(e.Annotations) > 0 {
		u.SetAnnotations(e.Annotations)
	}
	u.SetOwnerReferences([]metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: s.Owner.Kind, Name: s.Owner.Name, UID: s.Owner.UID,
		Controller: &yes, BlockOwnerDeletion: &yes,
	}})
	return u
}
