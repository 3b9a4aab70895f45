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

// Superseded says whether a provider's name means another account, or another product, than it did when the Plan was
// made there: somebody took it out of the spec and put it back before Kassa saw it gone. former is what it meant.
// sameAccount says whether former stands for the account of at; it is asked only where that is in doubt. Its error says
// why it is not known what the name means now: then nothing may be taken off sale.
func Superseded(
	plan *v1alpha1.Plan, at *v1alpha1.PlanProvider, sameAccount func(former *v1alpha1.PlanProvider) (bool, error),
) (former v1alpha1.PlanProvider, other bool, err error) {
	i := StatusIndex(plan, at.Name)
	if i < 0 || !MayExist(&plan.Status.Providers[i]) {
		return *at, false, nil
	}
	s := &plan.Status.Providers[i]
	former = MadeAt(plan, s)
	if s.Namespace != at.Namespace && plan.Spec.DeletionPolicy != v1alpha1.DeletionOrphan {
		if same, err := sameAccount(&former); err != nil || !same {
			return former, err == nil, err
		}
	}
	return former, !SameObjects(s, at), nil
}

// Forget drops what the status has of a provider.
func Forget(plan *v1alpha1.Plan, name string) {
	plan.Status.Providers = slices.DeleteFunc(plan.Status.Providers,
		func(s v1alpha1.PlanProviderStatus) bool { return s.Name == name })
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
