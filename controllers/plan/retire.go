package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/catalog"
)

// formerProviders are those where the Plan may have objects although its spec no longer names them.
func formerProviders(plan *v1alpha1.Plan) []v1alpha1.PlanProvider {
	var former []v1alpha1.PlanProvider
	for i := range plan.Status.Providers {
		s := &plan.Status.Providers[i]
		if !slices.ContainsFunc(plan.Spec.Providers, func(p v1alpha1.PlanProvider) bool { return p.Name == s.Name }) {
			former = append(former, madeAt(plan, s))
		}
	}
	return former
}

// madeAt is how the spec named, or names, the provider that a status speaks of.
func madeAt(plan *v1alpha1.Plan, s *v1alpha1.PlanProviderStatus) v1alpha1.PlanProvider {
	at := v1alpha1.PlanProvider{Name: s.Name, Namespace: s.Namespace}
	for i := range plan.Spec.Providers {
		if p := &plan.Spec.Providers[i]; p.Name == s.Name && sameObjects(s, p) {
			at.Adopt = p.Adopt
		}
	}
	return at
}

// sameObjects says whether the spec means the same product as a status.
func sameObjects(s *v1alpha1.PlanProviderStatus, at *v1alpha1.PlanProvider) bool {
	if at.Adopt == nil {
		return !s.Adopted
	}
	return s.ProductID == at.Adopt.ProductID || s.ProductID == "" && !s.Written
}

// superseded says whether a provider's name means another account, or another product, than it did when the Plan was
// made there: somebody took it out of the spec and put it back before Kassa saw it gone. What is there is retired
// first.
func (r *Reconciler) superseded(
	ctx context.Context, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider,
) (v1alpha1.PlanProvider, bool) {
	i := statusIndex(plan, at.Name)
	if i < 0 || !mayExist(&plan.Status.Providers[i]) {
		return v1alpha1.PlanProvider{}, false
	}
	s := &plan.Status.Providers[i]
	moved := s.Namespace != at.Namespace
	if moved {
		made := v1alpha1.PlanProvider{Name: s.Name, Namespace: s.Namespace}
		before, err1 := accounts.Find(ctx, r.Client, plan.Namespace, &made)
		after, err2 := accounts.Find(ctx, r.Client, plan.Namespace, at)
		if errors.Join(err1, err2) == nil {
			same := accounts.Identity(before)
			moved = same == "" || same != accounts.Identity(after)
		}
	}
	return madeAt(plan, s), moved || !sameObjects(s, at)
}

// forget drops what the status has of a provider.
func forget(plan *v1alpha1.Plan, name string) {
	plan.Status.Providers = slices.DeleteFunc(plan.Status.Providers,
		func(s v1alpha1.PlanProviderStatus) bool { return s.Name == name })
}

// mayExist says whether something of the Plan may be at a provider.
func mayExist(s *v1alpha1.PlanProviderStatus) bool { return s.Written || s.ProductID != "" }

// retire archives everything that the Plan has at one provider, if Kassa may write there. current are the providers
// that the spec names: what they need stays, and so does what is on sale until it is on sale there.
func (r *Reconciler) retire(
	ctx context.Context, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider, current []outcome,
) outcome {
	out := newOutcome(plan, at)
	out.retiring = true
	leave := !enforced(plan)
	if plan.Spec.DeletionPolicy == v1alpha1.DeletionOrphan || !mayExist(&out.known) ||
		leave && !plan.DeletionTimestamp.IsZero() {
		out.gone = true
		return out
	}
	s, err := r.sell(ctx, accounts.Find, plan, at, &out)
	if err != nil {
		return out.failed(err)
	}
	if s.account.Adapter.Traits().ReadOnly {
		out.gone = true
		return out
	}
	if out.gone, err = out.needed(current); out.gone || err != nil {
		return out.failed(err)
	}
	if leave {
		return s.leave(ctx, out)
	}
	executor, done := s.executor()
	have, err := s.observe(ctx)
	if err != nil {
		return out.failed(err)
	}
	have, err = executor.Retire(ctx, s.owner, have)
	s.account.Mirror.Put(have)
	s.announce(*done)
	if another := (catalog.OwnedByAnotherError{}); err != nil && !errors.As(err, &another) {
		return out.failed(s.noteRefused(err))
	}
	out.gone = true
	return out
}

// needed says whether what the Plan has here is also what it has at a provider that it is sold at now: then nothing is
// archived. The error says why that is not known, or that there is nothing to buy elsewhere yet.
func (o outcome) needed(current []outcome) (bool, error) {
	for i := range current {
		c := &current[i]
		switch {
		case c.retiring:
		case c.known.ProductID == "" || c.account == "":
			return false, staysError{c.name}
		case c.account == o.account && c.known.ProductID == o.known.ProductID:
			return true, nil
		}
	}
	return false, nil
}

// staysError says that a Plan stays on sale where its spec no longer names a provider.
type staysError struct{ until string }

func (e staysError) Error() string {
	return fmt.Sprintf("stays on sale here until the plan is on sale at %q", e.until)
}

// leave reports that the plan is on sale here although it should not be. It has no way to write to the provider.
func (s *sale) leave(ctx context.Context, out outcome) outcome {
	if _, err := s.account.Mirror.Refresh(ctx, forever); err != nil {
		return out.failed(s.noteRefused(err))
	}
	rules := catalog.NewRules(s.account.Conn.Catalog(), s.account.Adapter.Traits())
	rules.Record = s.record
	steps, err := rules.RetireSteps(s.owner, s.account.Mirror.Get(s.owner, s.known))
	if another := (catalog.OwnedByAnotherError{}); errors.As(err, &another) || err == nil && len(steps) == 0 {
		out.gone = true
		return out
	}
	if err != nil {
		return out.failed(err)
	}
	out.drift = []catalog.Difference{{Field: "providers[" + s.at.Name + "]", Got: "on sale"}}
	if s.plan.Spec.Management == v1alpha1.ManagementPreview {
		out.steps = steps
	}
	out.known.Drift = driftStatus(s.Now(), out.known.Drift, out.drift)
	out.known.Pending = pendingStatus(out.known.Pending, out.steps)
	return out.failed(differsError{
		management: s.plan.Spec.Management, retiring: true, drift: out.drift, steps: len(out.steps),
	})
}
