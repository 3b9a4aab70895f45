package workload

import (
	rbacv1 "k8s.io/api/rbac/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"
)

// serviceAccount gives its token to no pod that does not ask for it; the server's pods do.
func (s Server) serviceAccount() *coreac.ServiceAccountApplyConfiguration {
	return coreac.ServiceAccount(s.Name(), s.Owner.Namespace).WithLabels(s.labels()).
		WithOwnerReferences(s.ownerReference()).WithAutomountServiceAccountToken(false)
}

func (s Server) role() *rbacac.RoleApplyConfiguration {
	return rbacac.Role(s.Name(), s.Owner.Namespace).WithLabels(s.labels()).WithOwnerReferences(s.ownerReference()).
		WithRules(s.Rules...)
}

func (s Server) roleBinding() *rbacac.RoleBindingApplyConfiguration {
	return rbacac.RoleBinding(s.Name(), s.Owner.Namespace).WithLabels(s.labels()).
		WithOwnerReferences(s.ownerReference()).
		WithRoleRef(rbacac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName(s.Name())).
		WithSubjects(rbacac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(s.Name()).
			WithNamespace(s.Owner.Namespace))
}
