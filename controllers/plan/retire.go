package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/desired"
)

// superseded is desired.Superseded of the accounts that the names stand for.
func (r *Reconciler) superseded(
	ctx context.Context, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider,
) (former v1alpha1.PlanProvider, other bool, err error) {
	return desired.Superseded(plan, at, func(former *v1alpha1.PlanProvider) (bool, error) {
		before, err := r.identity(ctx, accounts.Find, plan, former)
		if err != nil {
			return false, err
		}
		after, err := r.identity(ctx, accounts.Resolve, plan, at)
		return before == after, err
	})
}

// identity is that of the account that a provider's name stands for.
func (r *Reconciler) identity(
	ctx context.Context, find finder, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider,
) (string, error) {
	account, _, err := r.open(ctx, find, plan, at)
	if err != nil {
		return "", err
	}
	return account.Identity, nil
}

// When a Plan is retired at a provider.
type retirement int

const (
	atOnce retirement = iota
	// onceSoldElsewhere: a Plan that moves stays on sale until it can be bought where it moves to.
	onceSoldElsewhere
)

// retire archives everything that the Plan has at one provider, if Kassa may write there. current are the providers
// that the spec names: what they have is not touched.
func (r *Reconciler) retire(
	ctx context.Context, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider, current []outcome, when retirement,
) outcome {
	out := newOutcome(plan, at)
	out.retiring = true
	leave := !enforced(plan)
	if plan.Spec.DeletionPolicy == v1alpha1.DeletionOrphan || !desired.MayExist(&out.known) ||
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
	if when == onceSoldElsewhere {
		if err := out.stays(current); err != nil {
			return out.failed(err)
		}
	}
	if _, err := s.account.Mirror.Refresh(ctx, forever); err != nil {
		return out.failed(s.noteRefused(err))
	}
	if leave {
		return s.leave(out, current)
	}
	executor, done := s.executor()
	have, err := s.observe(ctx)
	if err != nil {
		return out.failed(err)
	}
	if out.gone = out.isSoldBy(current, have.Product); out.gone {
		return out
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

// isSoldBy says whether what the Plan has here is also what it has at a provider that it is sold at now: a
// PaymentProvider was replaced by another one of the same account.
func (o outcome) isSoldBy(current []outcome, product *billing.Product) bool {
	return product != nil && slices.ContainsFunc(current, func(c outcome) bool {
		return !c.retiring && c.account != "" && c.account == o.account && c.known.ProductID == product.ID
	})
}

// stays says why a Plan that is not to be sold here any more still is: it cannot be bought anywhere else yet, or it is
// not known whether another name stands for this account.
func (o outcome) stays(current []outcome) error {
	sold, until := false, ""
	for i := range current {
		c := &current[i]
		switch {
		case c.retiring:
		case c.kind == o.kind && c.account == "":
			return staysError{c.name}
		case c.onSale || c.err != nil && c.known.Ready == metav1.ConditionTrue:
			sold = true
		default:
			until = cmp.Or(until, c.name)
		}
	}
	if sold || until == "" {
		return nil
	}
	return staysError{until}
}

// staysError says that a Plan stays on sale where its spec no longer names a provider.
type staysError struct{ until string }

func (e staysError) Error() string {
	return fmt.Sprintf("stays on sale here until the plan is on sale at %q", e.until)
}

// leave reports that the plan is on sale here although it should not be. It has no way to write to the provider.
func (s *sale) leave(out outcome, current []outcome) outcome {
	rules := catalog.NewRules(s.account.Conn.Catalog(), s.account.Adapter.Traits())
	rules.Record = s.record
	have := s.mirrored()
	steps, err := rules.RetireSteps(s.owner, have)
	another := catalog.OwnedByAnotherError{}
	if errors.As(err, &another) || err == nil && len(steps) == 0 || out.isSoldBy(current, have.Product) {
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
