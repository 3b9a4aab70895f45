package preview

import (
	"context"
	"errors"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/desired"
)

// retire says what becomes of what the Plan has at a provider where it is not to be sold any more.
func (s *sale) retire(ctx context.Context) error {
	plan := s.plan.Wanted
	if status := s.status(); !desired.MayExist(&status) {
		return nil
	}
	if plan.Spec.DeletionPolicy == v1alpha1.DeletionOrphan {
		s.noticef("deletionPolicy Orphan leaves everything there as it is")
		return nil
	}
	if err := s.open(ctx, retiring); err != nil {
		return err
	}
	if s.have.Product != nil && s.comparer.sold[s.product()] {
		return nil // another name of the same account
	}
	if s.account.Adapter.Traits().ReadOnly {
		s.noticef("no API takes anything off sale there")
		return nil
	}
	steps, err := s.rules.RetireSteps(s.owner, s.have)
	if another := (catalog.OwnedByAnotherError{}); errors.As(err, &another) {
		s.noticef("%s, so it stays as it is", another.Error())
		return nil
	}
	if err != nil || len(steps) == 0 {
		return err
	}
	switch plan.Spec.Management {
	case v1alpha1.ManagementObserve, v1alpha1.ManagementPreview:
		s.Differences = []Difference{{Field: "providers[" + s.at.Name + "]", Have: "on sale"}}
		s.noticef("management %s leaves the plan on sale there",
			plan.Spec.Management)
	default:
		s.Operations = operations(steps, true)
		s.have = catalog.After(s.have, steps)
	}
	return nil
}

// gone says that after a retirement nothing keeps the Plan on sale there.
func (s *sale) gone() bool { return s.Refused == nil && s.Failed == "" && len(s.Differences) == 0 }
