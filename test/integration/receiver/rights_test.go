package receiver

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// right is verbs on a resource, for objects of that name or, without one, for any.
type right struct{ group, resource, name, verbs string }

// granted are the rights of a receiver, and all of them.
var granted = []right{
	{v1alpha1.GroupVersion.Group, "webhookreceivers", "hooks", "get list watch"},
	{v1alpha1.GroupVersion.Group, "webhookreceivers/status", "hooks", "patch"},
	{"", "secrets", "hooks-signing", "get list watch"},
	{v1alpha1.GroupVersion.Group, "plans", "", "list watch"},
	{v1alpha1.GroupVersion.Group, "webhookevents", "", "get list watch create delete"},
	{v1alpha1.GroupVersion.Group, "webhookevents/status", "", "patch"},
	{v1alpha1.GroupVersion.Group, "eventledgers", "", "get list watch create update delete"},
}

// A receiver, which the internet talks to, may do what it needs and nothing else. The replicas run with these rights:
// every other test of this package fails when one is missing.
func TestReceiverHasNoOtherRights(t *testing.T) {
	s, hooks, _ := stack.DeployReceiver(t)
	s.Create(stack.Secret("another", "key", "value"))
	account := "system:serviceaccount:" + s.Namespace + ":" + hooks.Workload()
	allowed := func(namespace string, r right, verb string) bool {
		resource, sub, _ := strings.Cut(r.resource, "/")
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:   account,
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + s.Namespace, "system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Group: r.group, Resource: resource, Subresource: sub, Name: r.name, Verb: verb,
			},
		}}
		NewWithT(t).Expect(s.Client.Create(t.Context(), review)).To(Succeed())
		return review.Status.Allowed
	}
	verbs := strings.Fields("get list watch create update patch delete deletecollection")
	kassa := v1alpha1.GroupVersion.Group
	for _, r := range append([]right{
		{"", "secrets", "another", ""},
		{"", "secrets", "stripe-api", ""},
		{"", "secrets", "", ""},
		{"", "configmaps", "", ""},
		{"", "pods", "", ""},
		{"apps", "deployments", hooks.Workload(), ""},
		{"rbac.authorization.k8s.io", "roles", hooks.Workload(), ""},
		{"rbac.authorization.k8s.io", "rolebindings", "", ""},
		{kassa, "webhookreceivers", "another", ""},
		{kassa, "webhookreceivers", "", ""},
		{kassa, "webhookreceivers/status", "another", ""},
		{kassa, "paymentproviders", "", ""},
		{kassa, "plans/status", "", ""},
	}, granted...) {
		for _, verb := range verbs {
			want := strings.Contains(" "+r.verbs+" ", " "+verb+" ")
			if got := allowed(s.Namespace, r, verb); got != want {
				t.Errorf("%s %s %q: allowed is %v, want %v", verb, r.resource, r.name, got, want)
			}
			if allowed("default", r, verb) {
				t.Errorf("%s %s %q is allowed in another namespace", verb, r.resource, r.name)
			}
		}
	}
}

// The API server lets nobody grant what he does not hold, so the operator's ClusterRole must have all that it gives.
func TestOperatorMayGrantWhatItGrants(t *testing.T) {
	s := stack.New(t, stack.Options{})
	g := NewWithT(t)
	operator, role := s.WithOperatorsRights()
	receiver := &v1alpha1.WebhookReceiver{}
	receiver.Namespace, receiver.Name, receiver.UID = s.Namespace, "hooks", "00000000-0000-0000-0000-000000000001"
	key := &v1alpha1.SecretKeyReference{Name: "app", Key: "token"}
	receiver.Spec = v1alpha1.WebhookReceiverSpec{
		URL: "https://hooks.example.com/stripe", TLS: &v1alpha1.ServerTLS{SecretName: "certificate"},
		Delivery: &v1alpha1.Delivery{Sinks: []v1alpha1.Sink{
			{Name: "app", HTTP: v1alpha1.HTTPSink{TokenSecretRef: key, SigningSecretRef: key}},
		}},
		Expose:   &v1alpha1.Exposure{Ingress: &v1alpha1.IngressExposure{}},
		Workload: &v1alpha1.Workload{Autoscaling: &v1alpha1.Autoscaling{MaxReplicas: 3}},
	}
	deployed := workload.Receiver{Object: receiver, Image: stack.Image, SigningSecret: "hooks-signing"}
	apply := workload.Applier{Client: operator, Live: operator}
	both := func(s workload.Server) error {
		if err := apply.Apply(t.Context(), s); err != nil {
			return err
		}
		if s.Expose != nil {
			if _, err := apply.Expose(t.Context(), s); err != nil {
				return err
			}
		}
		return apply.Conceal(t.Context(), s, false)
	}
	// The binding takes a moment to be known.
	g.Eventually(func() error { return both(deployed.Server()) }, stack.Patience, often).Should(Succeed())
	// And what it made it may take away.
	receiver.Spec.Expose, receiver.Spec.Workload = nil, &v1alpha1.Workload{
		NetworkPolicy: &v1alpha1.WorkloadNetworkPolicy{Mode: v1alpha1.NetworkPolicyDisabled},
	}
	g.Expect(both(deployed.Server())).To(Succeed())
	for _, kind := range []client.Object{
		&autoscalingv2.HorizontalPodAutoscaler{}, &networkingv1.NetworkPolicy{}, &networkingv1.Ingress{},
	} {
		err := s.Client.Get(t.Context(), s.Key(deployed.Name()), kind)
		g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%T: %v", kind, err)
	}
	g.Expect(rightsOn(role, workload.HTTPRoute.Group, "httproutes")).To(ContainElements("get", "list", "watch", "patch",
		"create", "delete"))
}

// rightsOn are the verbs that a role has on a resource.
func rightsOn(role *rbacv1.ClusterRole, group, resource string) []string {
	var verbs []string
	for _, rule := range role.Rules {
		if slices.Contains(rule.APIGroups, group) && slices.Contains(rule.Resources, resource) {
			verbs = append(verbs, rule.Verbs...)
		}
	}
	return verbs
}
