package desired

import (
	"slices"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Former are the providers where the Plan may have objects although its spec no longer names them.
func Former(plan *v1alpha1.Plan) []v1alpha1.PlanProvider {
	var former []v1alpha1.PlanProvider
	for i := range plan.Status.Providers {
		s := &plan.Status.Providers[i]
		if !slices.ContainsFunc(plan.Spec.Providers, func(p v1alpha1.PlanProvider) bool { return p.Name == s.Name }) {
			former = append(former, MadeAt(plan, s))
		}
	}
	return former
}

// MadeAt is how the spec named, or names, the provider that a status speaks of.
func MadeAt(plan *v1alpha1.Plan, s *v1alpha1.PlanProviderStatus) v1alpha1.PlanProvider {
	at := v1alpha1.PlanProvider{Name: s.Name, Namespace: s.Namespace}
	for i := range plan.Spec.Providers {
		if p := &plan.Spec.Providers[i]; p.Name == s.Name && SameObjects(s, p) {
			at.Adopt = p.Adopt
		}
	}
	return at
}

// SameObjects says whether the spec means the same product as a status.
func SameObjects(s *v1alpha1.PlanProviderStatus, at *v1alpha1.PlanProvider) bool {
	if at.Adopt == nil {
		return !s.Adopted
	}
	return s.ProductID == at.Adopt.ProductID
}

// MayExist says whether something of the Plan may be at a provider.
func MayExist(s *v1alpha1.PlanProviderStatus) bool {
	begun := func(p v1alpha1.PendingOperation) bool { return p.StartedAt != nil }
	return s.Written || s.ProductID != "" || slices.ContainsFunc(s.Pending, begun)
}
