package plan

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/desired"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// forever is a maximum age that only a mirror without any snapshot fails.
const forever = time.Duration(1<<63 - 1)

// sale is a Plan at one of its providers.
type sale struct {
	*Reconciler
	plan     *v1alpha1.Plan
	at       *v1alpha1.PlanProvider
	provider *v1alpha1.PaymentProvider
	account  *accounts.Account
	owner    billing.Owner
	known    provider.Known
	record   catalog.Record
	asked    bool // the user wants Kassa to look now, or a receiver was told of a change
	budget   int  // replacements within an hour; negative means no bound
}

// converge brings one provider's catalogue and the Plan together, as far as spec.management and the provider allow.
func (r *Reconciler) converge(
	ctx context.Context, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider, asked bool,
) outcome {
	out := newOutcome(plan, at)
	s, err := r.sell(ctx, accounts.Resolve, plan, at, &out)
	if err != nil {
		return out.failed(err)
	}
	s.asked = asked
	want, err := desired.Plan(s.owner, &plan.Spec, at)
	if err == nil {
		want, out.omitted, err = provider.Fit(s.account.Adapter, want)
	}
	if err != nil {
		return out.failed(unsupported(err))
	}
	if _, err := s.account.Mirror.Refresh(ctx, forever); err != nil {
		return out.failed(s.noteRefused(err))
	}
	if s.told(ctx) {
		s.asked = true
	}
	if !enforced(plan) || s.account.Adapter.Traits().ReadOnly {
		return s.compare(ctx, out, want)
	}
	return s.enforce(ctx, out, want)
}

// sell opens the account that a Plan is, or was, sold at.
func (r *Reconciler) sell(
	ctx context.Context, find finder, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider, out *outcome,
) (*sale, error) {
	account, pp, err := r.open(ctx, find, plan, at)
	if pp != nil {
		out.kind, out.account = kindOf(pp), accounts.Identity(pp)
	}
	if err != nil {
		return nil, err
	}
	out.account = account.Identity
	return &sale{
		Reconciler: r, plan: plan, at: at, provider: pp, account: account, owner: r.owner(plan),
		known: desired.Known(out.known, at), record: desired.Record(out.known, at), budget: accounts.ReplacementBudget(pp),
	}, nil
}

// enforce makes the catalogue equal to the Plan. When the account's mirror already is, as far as the provider lets it
// be, nothing is asked of the provider, unless the user asked to look.
func (s *sale) enforce(ctx context.Context, out outcome, want billing.Plan) outcome {
	executor, done := s.executor()
	executor.Refusals = s.refusals.at(s)
	mirrored := s.mirrored()
	idle, err := executor.Idle(want, mirrored)
	if !s.asked && (idle || s.reported(out, err)) {
		s.settle(ctx, &out, mirrored)
		return out.partly(s.Now(), executor.Rules, want, mirrored, err)
	}
	if err := s.claim(ctx); err != nil {
		return out.failed(err)
	}
	if err := s.enlist(ctx, &out); err != nil {
		return out.failed(err)
	}
	have, err := s.observe(ctx)
	if err != nil {
		return out.failed(err)
	}
	steps, err := executor.Rules.Steps(want, have)
	if err != nil {
		return out.partly(s.Now(), executor.Rules, want, have, err)
	}
	if n := catalog.Replacements(steps); n > 0 && s.budget >= 0 {
		if err := s.account.Mirror.Spend(s.owner, n, s.budget); err != nil {
			out.steps = steps
			return out.partly(s.Now(), executor.Rules, want, have, err)
		}
		defer func() { s.account.Mirror.Done(s.owner, *done) }()
	}
	executor.Archiving = s.foretell(&out, executor.Rules, want)
	have, err = executor.Converge(ctx, want, have)
	s.account.Mirror.Put(have)
	s.announce(*done)
	s.settle(ctx, &out, have)
	return out.partly(s.Now(), executor.Rules, want, have, s.noteRefused(err))
}

// compare reports what differs. It has no way to write to the provider. The mirror is believed, except when the Plan
// changed since the last report, or the user asked, or something is missing that may be younger than the mirror.
func (s *sale) compare(ctx context.Context, out outcome, want billing.Plan) outcome {
	traits := s.account.Adapter.Traits()
	rules := catalog.NewRules(s.account.Conn.Catalog(), traits)
	rules.Record = s.record
	have := s.mirrored()
	drift, err := rules.Compare(want, have)
	news := s.asked || s.plan.Status.ObservedGeneration != s.plan.Generation || errors.As(err, new(catalog.MissingError))
	if (err != nil || len(drift) > 0) && news || s.asked {
		if have, err = s.observe(ctx); err != nil {
			return out.failed(err)
		}
		drift, err = rules.Compare(want, have)
	}
	s.settle(ctx, &out, have)
	out.drift = drift
	if err == nil && s.plan.Spec.Management == v1alpha1.ManagementPreview && !traits.ReadOnly {
		out.steps, err = rules.Steps(want, have)
	}
	if err == nil && len(drift)+len(out.steps) > 0 {
		err = differsError{
			management: s.plan.Spec.Management, readOnly: readOnlyName(s.account.Adapter), drift: drift, steps: len(out.steps),
		}
	}
	return out.partly(s.Now(), rules, want, have, err)
}

func readOnlyName(a provider.Adapter) string {
	if a.Traits().ReadOnly {
		return string(a.Type())
	}
	return ""
}

// reported says whether the status already says that an object is missing, or another owner's, for this spec: the
// account's snapshots show when that ends.
func (s *sale) reported(out outcome, err error) bool {
	if s.plan.Status.ObservedGeneration != s.plan.Generation {
		return false
	}
	switch out.known.Reason {
	case v1alpha1.ReasonMissing:
		return errors.As(err, new(catalog.MissingError))
	case v1alpha1.ReasonOwnedByAnother:
		return errors.As(err, new(catalog.OwnedByAnotherError))
	}
	return false
}

// observe reads the plan's objects afresh, and shows the mirror what is there. Twins are known only to the mirror,
// which reads the whole account.
func (s *sale) observe(ctx context.Context) (billing.Observed, error) {
	began := s.Now()
	have, err := s.account.Conn.Catalog().Observe(ctx, s.owner, s.known)
	if err != nil {
		return have, s.noteRefused(err)
	}
	s.account.Mirror.Observed(s.known, have, began)
	if len(have.Twins) == 0 {
		have.Twins = s.mirrored().Twins
	}
	have.Twins = slices.DeleteFunc(have.Twins, func(t billing.Product) bool {
		return have.Product == nil || t.ID == have.Product.ID
	})
	return have, nil
}

// mirrored is the plan's part of the account's mirror.
func (s *sale) mirrored() billing.Observed {
	return desired.OwnTwins(s.plan, s.at.Name, s.account.Mirror.Get(s.owner, s.known))
}

func kindOf(pp *v1alpha1.PaymentProvider) string {
	return string(accounts.TypeOf(&pp.Spec)) + " " + string(pp.Spec.Mode)
}

// enlist notes in the status that the plan is made here, and of what, before the first object is written: should the
// spec name another provider, or another product, by the time of the next status, what was made is still retired.
func (s *sale) enlist(ctx context.Context, out *outcome) error {
	i := desired.StatusIndex(s.plan, s.at.Name)
	if i >= 0 && s.plan.Status.Providers[i].Written {
		return nil
	}
	next := s.plan.Status.DeepCopy()
	if i < 0 {
		i = len(next.Providers)
		v := status.Waiting(v1alpha1.ReasonProgressing, "creating the product and its prices")
		next.Providers = append(next.Providers, v1alpha1.PlanProviderStatus{
			Name: s.at.Name, Namespace: s.at.Namespace, Ready: v.Ready, Reason: v.Reason, Message: v.Message,
		})
	}
	entry := &next.Providers[i]
	entry.Written, entry.Namespace = true, s.at.Namespace
	if s.at.Adopt != nil {
		entry.Adopted, entry.ProductID = true, s.at.Adopt.ProductID
	}
	if err := s.writeStatus(ctx, s.plan, next); err != nil {
		return err
	}
	out.known.Written, out.known.Adopted, out.known.ProductID = true, entry.Adopted, entry.ProductID
	return nil
}

func enforced(plan *v1alpha1.Plan) bool {
	return plan.Spec.Management == "" || plan.Spec.Management == v1alpha1.ManagementEnforce
}

func unsupported(err error) error {
	message := strings.ReplaceAll(err.Error(), "\n", "; ")
	return &accounts.Error{Reason: v1alpha1.ReasonUnsupported, Stalled: true, Message: message, Err: err}
}
