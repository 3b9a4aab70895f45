package workload

import (
	"cmp"
	"fmt"
	"regexp"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// maxForeign bounds what is taken over of another controller's words, in bytes.
const maxForeign = 512

// IngressVerdict says whether an Ingress was taken up. An Ingress without an address may well work: its status is no
// duty of its controller, and several leave it empty.
func IngressVerdict(i *networkingv1.Ingress) status.Verdict {
	for _, at := range i.Status.LoadBalancer.Ingress {
		if address := cmp.Or(at.Hostname, at.IP); address != "" {
			return status.Ready(v1alpha1.ReasonSucceeded, fmt.Sprintf("Ingress %s has the address %s", i.Name, address))
		}
	}
	return status.Unknown(v1alpha1.ReasonAddressPending, fmt.Sprintf(
		"Ingress %s is made; its controller has told no address yet", i.Name))
}

// routeStatus is the part of an HTTPRoute's status that is read here. Gateway API's RouteParentStatus says that each
// controller writes one entry for each parentRef that it recognises.
type routeStatus struct {
	Parents []struct {
		ParentRef struct {
			Namespace   string `json:"namespace"`
			Name        string `json:"name"`
			SectionName string `json:"sectionName"`
		} `json:"parentRef"`
		Conditions []metav1.Condition `json:"conditions"`
	} `json:"parents"`
}

// Conditions and a reason of a route at its parent, from the Gateway API's RouteConditionType and RouteConditionReason.
const (
	routeAccepted     = "Accepted"
	routeResolvedRefs = "ResolvedRefs"
	reasonPending     = "Pending"
)

// RouteVerdict says whether every parent accepted an HTTPRoute as it is now.
func RouteVerdict(route *unstructured.Unstructured, parents []v1alpha1.GatewayReference) status.Verdict {
	content, _, _ := unstructured.NestedMap(route.Object, "status")
	var s routeStatus
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &s); err != nil {
		return status.Waiting(v1alpha1.ReasonProgressing, "the HTTPRoute's status cannot be read: "+err.Error())
	}
	for _, ref := range parents {
		if v := s.at(route, ref); v.Ready != metav1.ConditionTrue {
			return v
		}
	}
	return status.Ready(v1alpha1.ReasonSucceeded, fmt.Sprintf("HTTPRoute %s is accepted by every Gateway that it names",
		route.GetName()))
}

// at is the verdict of one parent. Of several controllers that speak for it, the least content one counts.
func (s *routeStatus) at(route *unstructured.Unstructured, ref v1alpha1.GatewayReference) status.Verdict {
	namespace := cmp.Or(ref.Namespace, route.GetNamespace())
	gateway := "Gateway " + namespace + "/" + ref.Name
	verdict := status.Waiting(v1alpha1.ReasonProgressing, gateway+" has not taken up HTTPRoute "+route.GetName()+
		" yet; does it exist, and does its controller run?")
	for i := range s.Parents {
		p := &s.Parents[i]
		if cmp.Or(p.ParentRef.Namespace, route.GetNamespace()) != namespace || p.ParentRef.Name != ref.Name ||
			p.ParentRef.SectionName != ref.SectionName {
			continue
		}
		for _, kind := range []string{routeAccepted, routeResolvedRefs} {
			c := meta.FindStatusCondition(p.Conditions, kind)
			switch {
			case c == nil || c.ObservedGeneration < route.GetGeneration() || c.Status == metav1.ConditionUnknown:
				return verdict
			case c.Status == metav1.ConditionFalse:
				return refused(gateway, c)
			}
		}
		verdict = status.Ready(v1alpha1.ReasonSucceeded, "")
	}
	return verdict
}

var reasonForm = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)

// refused takes over another controller's words. What a Gateway refuses it goes on refusing until somebody changes the
// Gateway or the spec, and the status that says so is watched.
func refused(gateway string, c *metav1.Condition) status.Verdict {
	reason := v1alpha1.ReasonExposureRefused
	if len(c.Reason) <= 64 && reasonForm.MatchString(c.Reason) {
		reason = c.Reason
	}
	text := fmt.Sprintf("%s: %s is False (%s): %s", gateway, c.Type, reason, provider.Truncate(c.Message, maxForeign))
	if c.Reason == reasonPending || c.Type == routeResolvedRefs {
		return status.Waiting(reason, text)
	}
	return status.Stalled(reason, text)
}
