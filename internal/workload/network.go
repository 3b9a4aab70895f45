package workload

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingac "k8s.io/client-go/applyconfigurations/networking/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

func (s Server) service() *coreac.ServiceApplyConfiguration {
	name, _, port := s.port()
	spec := coreac.ServiceSpec().WithSelector(s.selector()).WithPorts(
		coreac.ServicePort().WithName(name).WithPort(port).WithTargetPort(intstr.FromString(name)).
			WithProtocol(corev1.ProtocolTCP).
			// Proxies that look at it speak TLS to a server that does.
			WithAppProtocol(name))
	if s.Asked {
		spec.WithPorts(coreac.ServicePort().WithName("health").WithPort(PortHealth).
			WithTargetPort(intstr.FromString("health")).WithProtocol(corev1.ProtocolTCP).WithAppProtocol("http"))
	}
	return coreac.Service(s.Name(), s.Owner.Namespace).WithLabels(s.labels()).WithOwnerReferences(s.ownerReference()).
		WithSpec(spec)
}

func (s Server) hasNetworkPolicy() bool {
	p := s.Workload.NetworkPolicy
	return p == nil || p.Mode != v1alpha1.NetworkPolicyDisabled
}

// networkPolicy limits who connects to the pods. Kubelets may always probe the pods of their node. What the pods
// connect to is not limited: sinks and providers are wherever the spec says, and the API server has no label.
func (s Server) networkPolicy() *networkingac.NetworkPolicyApplyConfiguration {
	_, port, _ := s.port()
	events := networkingac.NetworkPolicyIngressRule().WithPorts(tcp(port))
	if p := s.Workload.NetworkPolicy; p != nil {
		for i := range p.From {
			events.WithFrom(peer(&p.From[i]))
		}
	}
	health := networkingac.NetworkPolicyIngressRule().WithPorts(tcp(PortHealth)).
		WithFrom(networkingac.NetworkPolicyPeer().WithNamespaceSelector(metaac.LabelSelector()))
	return networkingac.NetworkPolicy(s.Name(), s.Owner.Namespace).WithLabels(s.labels()).
		WithOwnerReferences(s.ownerReference()).
		WithSpec(networkingac.NetworkPolicySpec().WithPodSelector(s.pods()).
			WithPolicyTypes(networkingv1.PolicyTypeIngress).WithIngress(events, health))
}

func tcp(port int32) *networkingac.NetworkPolicyPortApplyConfiguration {
	return networkingac.NetworkPolicyPort().WithProtocol(corev1.ProtocolTCP).WithPort(intstr.FromInt32(port))
}

func peer(p *networkingv1.NetworkPolicyPeer) *networkingac.NetworkPolicyPeerApplyConfiguration {
	ac := networkingac.NetworkPolicyPeer()
	if p.PodSelector != nil {
		ac.WithPodSelector(labelSelector(p.PodSelector))
	}
	if p.NamespaceSelector != nil {
		ac.WithNamespaceSelector(labelSelector(p.NamespaceSelector))
	}
	if p.IPBlock != nil {
		ac.WithIPBlock(networkingac.IPBlock().WithCIDR(p.IPBlock.CIDR).WithExcept(p.IPBlock.Except...))
	}
	return ac
}

func labelSelector(l *metav1.LabelSelector) *metaac.LabelSelectorApplyConfiguration {
	ac := metaac.LabelSelector().WithMatchLabels(l.MatchLabels)
	for _, e := range l.MatchExpressions {
		ac.WithMatchExpressions(metaac.LabelSelectorRequirement().WithKey(e.Key).WithOperator(e.Operator).
			WithValues(e.Values...))
	}
	return ac
}
