package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// forever is a maximum age that only a mirror without any snapshot fails.
const forever = time.Duration(1<<63 - 1)

// sale is a Plan at one of its providers.
type sale struct {
	*Reconciler
	plan    *v1alpha1.Plan
	at      *v1alpha1.PlanProvider
	account *accounts.Account
	owner   billing.Owner
	known   provider.Known
	record  catalog.Record
	asked   bool // the user wants Kassa to look now
	budget  int  // replacements within an hour; negative means no bound
}

// converge brings one provider's catalogue and the Plan together, as far as spec.management and the provider allow.
func (r *Reconciler) converge(
	ctx context.Context, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider, asked bool,
) outcome {
	out := newOutcome(plan, at)
	account, pp, err := r.open(ctx, accounts.Resolve, plan, at)
	if err != nil {
		return out.failed(err)
	}
	s := &sale{
		Reconciler: r, plan: plan, at: at, account: account, owner: r.owner(plan), asked: asked,
		known: knownIDs(out.known, at), record: recordOf(out.known, at), budget: replacementBudget(pp),
	}
	if out.known.Adopted && at.Adopt == nil {
		// The provider was taken out of the spec and put back as one that Kassa creates a product at.
		s.known, s.record = provider.Known{}, catalog.Record{}
	}
	want, err := desired(s.owner, &plan.Spec, at)
	if err == nil {
		want, out.omitted, err = provider.Fit(account.Adapter, want)
	}
	if err != nil {
		return out.failed(unsupported(err))
	}
	if _, err := account.Mirror.Refresh(ctx, forever); err != nil {
		return out.failed(s.noteRefused(err))
	}
	if !enforced(plan) || account.Adapter.Traits().ReadOnly {
		return s.compare(ctx, out, want)
	}
	return s.enforce(ctx, out, want)
}

// enforce makes the catalogue equal to the Plan. When the account's mirror already is, nothing is asked of the
// provider, unless the user asked to look.
func (s *sale) enforce(ctx context.Context, out outcome, want billing.Plan) outcome {
	executor, done := s.executor()
	mirrored := s.account.Mirror.Get(s.owner, s.known)
	if op, err := executor.Rules.Next(want, mirrored); err == nil && op == nil && !s.asked {
		return out.inSync(s.Now(), executor.Rules, want, mirrored)
	}
	if err := s.enlist(ctx); err != nil {
		return out.failed(err)
	}
	have, err := s.observe(ctx)
	if err != nil {
		return out.failed(err)
	}
	steps, err := executor.Rules.Steps(want, have)
	if err != nil && !errors.Is(err, catalog.ErrNoProgress) {
		return out.partly(s.Now(), executor.Rules, want, have, err)
	}
	if n := catalog.Replacements(steps); n > 0 && s.budget >= 0 {
		if err := s.account.Mirror.Spend(s.owner, n, s.budget); err != nil {
			out.steps = steps
			return out.partly(s.Now(), executor.Rules, want, have, err)
		}
		defer func() { s.account.Mirror.Done(s.owner, *done) }()
	}
	have, err = executor.Converge(ctx, want, have)
	s.account.Mirror.Put(have)
	s.announce(*done)
	s.settle(*done)
	if err != nil {
		return out.partly(s.Now(), executor.Rules, want, have, s.noteRefused(err))
	}
	return out.inSync(s.Now(), executor.Rules, want, have)
}

// compare reports what differs. It has no way to write to the provider. The mirror is believed, except when the Plan
// changed since the last report, or the user asked, or something is missing that may be younger than the mirror.
func (s *sale) compare(ctx context.Context, out outcome, want billing.Plan) outcome {
	traits := s.account.Adapter.Traits()
	rules := catalog.NewRules(s.account.Conn.Catalog(), traits)
	rules.Record = s.record
	have := s.account.Mirror.Get(s.owner, s.known)
	drift, err := rules.Compare(want, have)
	news := s.asked || s.plan.Status.ObservedGeneration != s.plan.Generation || errors.As(err, new(catalog.MissingError))
	if (err != nil || len(drift) > 0) && news || s.asked {
		if have, err = s.observe(ctx); err != nil {
			return out.failed(err)
		}
		s.account.Mirror.Put(have)
		drift, err = rules.Compare(want, have)
	}
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

// observe reads the plan's objects afresh. Twins are known only to the mirror, which reads the whole account.
func (s *sale) observe(ctx context.Context) (billing.Observed, error) {
	have, err := s.account.Conn.Catalog().Observe(ctx, s.owner, s.known)
	if err != nil {
		return have, s.noteRefused(err)
	}
	if len(have.Twins) == 0 {
		have.Twins = slices.DeleteFunc(s.account.Mirror.Get(s.owner, s.known).Twins, func(t billing.Product) bool {
			return have.Product == nil || t.ID == have.Product.ID
		})
	}
	return have, nil
}

// replacementBudget is how many prices may be replaced within an hour; negative means no bound.
func replacementBudget(pp *v1alpha1.PaymentProvider) int {
	const inLiveMode = 20
	switch limit := pp.Spec.Guardrails.MaxReplacementsPerHour; {
	case limit != nil:
		return int(*limit)
	case pp.Spec.Mode == v1alpha1.ModeLive:
		return inLiveMode
	default:
		return -1
	}
}

// enlist puts the provider into the status before the first object is made there: should the spec name another by the
// time of the next status, what was made is still retired.
func (s *sale) enlist(ctx context.Context) error {
	if i := statusIndex(s.plan, s.at.Name); i >= 0 {
		return nil
	}
	next := s.plan.Status.DeepCopy()
	v := status.Waiting(v1alpha1.ReasonProgressing, "creating the product and its prices")
	next.Providers = append(next.Providers, v1alpha1.PlanProviderStatus{
		Name: s.at.Name, Namespace: s.at.Namespace, Ready: v.Ready, Reason: v.Reason, Message: v.Message,
	})
	err := status.Apply(ctx, s.Client, v1alpha1.GroupVersion.WithKind("Plan"), s.plan, &s.plan.Status, next)
	if err == nil {
		s.plan.Status = *next
	}
	return err
}

// retire archives everything that the Plan has at one provider, if Kassa may write there.
func (r *Reconciler) retire(ctx context.Context, plan *v1alpha1.Plan, at *v1alpha1.PlanProvider) outcome {
	out := newOutcome(plan, at)
	out.retiring = true
	if plan.Spec.DeletionPolicy == v1alpha1.DeletionOrphan || !enforced(plan) {
		out.gone = true
		return out
	}
	account, _, err := r.open(ctx, accounts.Find, plan, at)
	if err != nil {
		return out.failed(err)
	}
	s := &sale{
		Reconciler: r, plan: plan, at: at, account: account, owner: r.owner(plan), known: knownIDs(out.known, at),
		record: recordOf(out.known, at),
	}
	if account.Adapter.Traits().ReadOnly {
		out.gone = true
		return out
	}
	executor, done := s.executor()
	have, err := s.observe(ctx)
	if err != nil {
		return out.failed(err)
	}
	have, err = executor.Retire(ctx, s.owner, have)
	account.Mirror.Put(have)
	s.announce(*done)
	if another := (catalog.OwnedByAnotherError{}); err != nil && !errors.As(err, &another) {
		return out.failed(s.noteRefused(err))
	}
	out.gone = true
	return out
}

func enforced(plan *v1alpha1.Plan) bool {
	return plan.Spec.Management == "" || plan.Spec.Management == v1alpha1.ManagementEnforce
}

func unsupported(err error) error {
	message := strings.ReplaceAll(err.Error(), "\n", "; ")
	return &accounts.Error{Reason: v1alpha1.ReasonUnsupported, Stalled: true, Message: message, Err: err}
}

// knownIDs are the ids that a status has, or, of what is adopted, the spec.
func knownIDs(s v1alpha1.PlanProviderStatus, at *v1alpha1.PlanProvider) provider.Known {
	known := provider.Known{ProductID: s.ProductID}
	for _, p := range s.Prices {
		known.PriceIDs = append(known.PriceIDs, p.ID)
	}
	if at.Adopt != nil {
		known.ProductID, known.Only = at.Adopt.ProductID, true
		for _, p := range at.Adopt.Prices {
			if !slices.Contains(known.PriceIDs, p.ID) {
				known.PriceIDs = append(known.PriceIDs, p.ID)
			}
		}
	}
	return known
}

// recordOf is what a status says to be the Plan's own. What is adopted is not before it is marked, and after that its
// marks say so.
func recordOf(s v1alpha1.PlanProviderStatus, at *v1alpha1.PlanProvider) catalog.Record {
	if s.Adopted && at.Adopt == nil {
		return catalog.Record{}
	}
	record := catalog.Record{Prices: map[string]string{}}
	for _, p := range s.RetiredPrices {
		record.Prices[p.ID] = p.Name
	}
	for _, p := range s.Prices {
		record.Prices[p.ID] = p.Name
	}
	if at.Adopt == nil {
		record.ProductID = s.ProductID
		return record
	}
	for _, p := range at.Adopt.Prices {
		delete(record.Prices, p.ID)
	}
	return record
}

// differsError says that a catalogue differs and Kassa leaves it so.
type differsError struct {
	management v1alpha1.Management
	readOnly   string // name of the provider if its catalogue can only be read
	drift      []catalog.Difference
	steps      int
}

func (e differsError) Error() string {
	const named = 5
	var fields []string
	for _, d := range e.drift[:min(named, len(e.drift))] {
		fields = append(fields, d.Field)
	}
	text := "differs in " + strings.Join(fields, ", ")
	if more := len(e.drift) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(e.drift) == 0 {
		text = "equals the spec, but not all of it is marked as the Plan's own"
	}
	switch {
	case e.readOnly != "":
		return fmt.Sprintf("%s; no API changes %s's catalogue: change it in the dashboard, or change the Plan", text,
			e.readOnly)
	case e.management == v1alpha1.ManagementPreview:
		return fmt.Sprintf("%s; spec.management Enforce would carry out %d operations, see status.providers[].pending", text,
			e.steps)
	default:
		return text + "; spec.management is Observe, so it is left as it is"
	}
}
