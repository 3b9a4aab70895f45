package workload

import (
	corev1 "k8s.io/api/core/v1"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// Checkout is the server of one CheckoutEndpoint.
type Checkout struct {
	Object      *v1alpha1.CheckoutEndpoint
	Image       string
	PullSecrets []string
	Env         []corev1.EnvVar // added to the server's container
	Secrets     []string        // names of the Secrets of its namespace that the server reads, besides its storefront
}

// Server describes the endpoint's. As a receiver does, it follows its own object, and what is sold, without a restart.
func (c Checkout) Server() Server {
	spec := &c.Object.Spec
	s := Server{
		Owner: Owner{
			Kind: "CheckoutEndpoint", Namespace: c.Object.Namespace, Name: c.Object.Name, UID: c.Object.UID,
		},
		Command: "checkout",
		Args:    []string{"--namespace=" + c.Object.Namespace, "--name=" + c.Object.Name},
		Image:   c.Image, PullSecrets: c.PullSecrets,
		Labels: map[string]string{v1alpha1.LabelCheckoutEndpoint: c.Object.Name},
		Env:    c.Env,
		Rules:  c.rules(),
		TLS:    spec.TLS != nil,
		URL:    spec.URL,
		Below:  true,
		Expose: spec.Expose,
	}
	if spec.Workload != nil {
		s.Workload = *spec.Workload
	}
	return s
}

// rules are what the server may do, and no more: read its own endpoint, what is sold, and Secrets by name.
func (c Checkout) rules() []*rbacac.PolicyRuleApplyConfiguration {
	return []*rbacac.PolicyRuleApplyConfiguration{
		reading(v1alpha1.GroupVersion.Group, "checkoutendpoints", c.Object.Name),
		// A rule without names would be for all of them: there is always one.
		reading("", "secrets", append([]string{storefront.SecretName(c.Object.Name)}, c.Secrets...)...),
	}
}

// reading lets a server follow objects by their names.
func reading(group, resource string, names ...string) *rbacac.PolicyRuleApplyConfiguration {
	return rbacac.PolicyRule().WithAPIGroups(group).WithResources(resource).WithVerbs("get", "list", "watch").
		WithResourceNames(names...)
}

// Replicas is how many replicas of the server there are at most.
func (s Server) Replicas() int32 {
	if s.Workload.Autoscaling != nil {
		_, maximum := s.scale()
		return maximum
	}
	return s.replicas()
}
