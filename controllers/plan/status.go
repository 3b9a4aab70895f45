package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/desired"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// Bounds of the lists in status. A Plan of 50 prices at eight providers that differs in everything stays below the 1.5
// MiB that etcd takes.
const (
	maxRetired = 100 // newest first
	maxDrift   = 32
	maxPending = 128
	maxDetail  = 256 // bytes of an operation's detail
)

// outcome is what came of one Plan at one provider.
type outcome struct {
	name     string
	known    v1alpha1.PlanProviderStatus // what status said before; with what was found since
	retiring bool                        // the Plan is no longer sold here
	gone     bool                        // and nothing is left to do
	kind     string                      // type and mode of the PaymentProvider, where it was found
	account  string                      // its accounts.Identity, where that is known
	onSale   bool                        // all of the plan can be bought here
	omitted  []string                    // fields that the provider has no place for
	drift    []catalog.Difference        // differences that are left alone
	steps    []catalog.Operation         // operations that wait for somebody
	err      error
}

func newOutcome(plan *v1alpha1.Plan, at *v1alpha1.PlanProvider) outcome {
	known := v1alpha1.PlanProviderStatus{Name: at.Name}
	if i := desired.StatusIndex(plan, at.Name); i >= 0 {
		known = plan.Status.Providers[i]
	}
	known.Namespace = at.Namespace
	return outcome{name: at.Name, known: known}
}

// failed leaves what is known as it was: nothing was found out.
func (o outcome) failed(err error) outcome { o.err = err; return o }

// partly records what is there, also when not everything is as wanted.
func (o outcome) partly(
	now time.Time, rules catalog.Rules, want billing.Plan, have billing.Observed, err error,
) outcome {
	o.err = err
	if err == nil {
		o.known.Pending = nil
	}
	o.known.Drift = driftStatus(now, o.known.Drift, o.drift)
	o.known.Pending = pendingStatus(o.known.Pending, o.steps)
	if have.Product == nil {
		return o
	}
	o.known.ProductID, o.known.Adopted = have.Product.ID, want.Adopt != nil
	o.onSale = have.Product.Active && len(rules.Current(want, have)) == len(want.Prices)
	o.sells(now, rules, want, have)
	return o
}

// sells records which prices can be bought, and which could be before.
func (o *outcome) sells(now time.Time, rules catalog.Rules, want billing.Plan, have billing.Observed) {
	before := o.known
	o.known.Prices = nil
	serving, onSale := rules.Current(want, have), rules.OnSale(want, have)
	for _, p := range want.Prices {
		have, ok := onSale[p.Name]
		if !ok {
			continue
		}
		state := v1alpha1.PriceOutdated
		if serving[p.Name].ID == have.ID {
			state = v1alpha1.PriceActive
		}
		o.known.Prices = append(o.known.Prices, v1alpha1.PlanPriceStatus{
			Name: p.Name, ID: have.ID, LookupKey: have.LookupKey, State: state,
		})
	}
	o.known.RetiredPrices = retired(now, before, rules.Former(want, have))
}

// driftStatus lists the differences. An entry keeps the time at which it was first listed.
func driftStatus(now time.Time, before []v1alpha1.Drift, drift []catalog.Difference) []v1alpha1.Drift {
	var list []v1alpha1.Drift
	for _, d := range drift[:min(len(drift), maxDrift)] {
		since := metav1.NewTime(now.Truncate(time.Second))
		entry := v1alpha1.Drift{
			Field: provider.Truncate(d.Field, 128), Want: provider.Truncate(d.Want, 256),
			Got: provider.Truncate(d.Got, 256), Since: &since,
		}
		i := slices.IndexFunc(before, func(b v1alpha1.Drift) bool { return b.Field == entry.Field })
		if i >= 0 {
			entry.Since = before[i].Since
		}
		if !slices.ContainsFunc(list, func(l v1alpha1.Drift) bool { return l.Field == entry.Field }) {
			list = append(list, entry)
		}
	}
	return list
}

// pendingStatus lists the operations that wait for somebody, after those whose outcome is not known: these stay until
// the catalogue is as wanted, whatever the spec says meanwhile.
func pendingStatus(before []v1alpha1.PendingOperation, steps []catalog.Operation) []v1alpha1.PendingOperation {
	list := slices.DeleteFunc(slices.Clone(before), func(p v1alpha1.PendingOperation) bool { return p.StartedAt == nil })
	for _, op := range steps[:min(len(steps), maxPending-len(list))] {
		list = append(list, v1alpha1.PendingOperation{
			Operation: string(op.Kind), Target: provider.Truncate(op.Price, 128),
			Detail: provider.Truncate(op.Detail(), maxDetail),
		})
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// retired lists prices that are not current any more. An entry keeps the time at which it was first listed. When the
// list is full, only a price that was current until now is new to it: others were dropped for being too old.
func retired(now time.Time, status v1alpha1.PlanProviderStatus, former []billing.Price) []v1alpha1.RetiredPrice {
	before := status.RetiredPrices
	var list []v1alpha1.RetiredPrice
	for i := range former {
		p := &former[i]
		at := metav1.NewTime(now.Truncate(time.Second))
		entry := v1alpha1.RetiredPrice{
			ID: p.ID, Name: provider.Truncate(p.Name, 63), Amount: p.Spec.Terms.Money.Major(),
			Currency: string(p.Spec.Terms.Money.Currency), RetiredAt: &at,
		}
		if i := slices.IndexFunc(before, func(b v1alpha1.RetiredPrice) bool { return b.ID == p.ID }); i >= 0 {
			entry.RetiredAt = before[i].RetiredAt
		} else if len(before) >= maxRetired && !isCurrent(status.Prices, p.ID) {
			continue
		}
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b v1alpha1.RetiredPrice) int {
		return cmp.Or(b.RetiredAt.Compare(a.RetiredAt.Time), cmp.Compare(a.ID, b.ID))
	})
	return list[:min(len(list), maxRetired)]
}

func isCurrent(prices []v1alpha1.PlanPriceStatus, id string) bool {
	return slices.ContainsFunc(prices, func(p v1alpha1.PlanPriceStatus) bool { return p.ID == id })
}

// verdict says how the Plan is at this provider, and how long to wait at least before the next try.
func (o outcome) verdict() (status.Verdict, time.Duration) {
	var problem *accounts.Error
	var another catalog.OwnedByAnotherError
	var await catalog.AwaitError
	var missing catalog.MissingError
	var budget catalog.BudgetError
	var differs differsError
	var stays staysError
	switch err := o.err; {
	case err == nil && o.retiring:
		return status.Waiting(v1alpha1.ReasonDeleting, "retiring the plan"), 0
	case err == nil:
		return status.Ready(v1alpha1.ReasonInSync, o.summary()), 0
	case errors.As(err, &stays):
		return status.Waiting(v1alpha1.ReasonProgressing, err.Error()), 0
	case errors.As(err, &differs):
		reason := v1alpha1.ReasonDrifted
		if len(o.steps) > 0 {
			reason = v1alpha1.ReasonPendingChanges
		}
		return status.Stalled(reason, err.Error()), 0
	case errors.As(err, &missing):
		return status.Stalled(v1alpha1.ReasonMissing, err.Error()), 0
	case errors.As(err, &budget):
		return status.Stalled(v1alpha1.ReasonBudgetExhausted, err.Error()), max(0, time.Until(budget.Until))
	case errors.As(err, &another):
		return status.Stalled(v1alpha1.ReasonOwnedByAnother, err.Error()), 0
	case errors.As(err, &await):
		return status.Waiting(v1alpha1.ReasonAwaitingConsistency, err.Error()), time.Until(await.Until)
	case errors.Is(err, catalog.ErrNoProgress):
		return o.wait(v1alpha1.ReasonProviderError, err.Error()), 0
	case errors.As(err, &problem):
		if problem.Stalled {
			return status.Stalled(problem.Reason, problem.Message), 0
		}
		return o.wait(problem.Reason, problem.Message), problem.RetryAfter
	}
	problem = accounts.ErrorOf(o.err)
	switch {
	case provider.ClassOf(o.err) == provider.ClassNotFound:
		// An object went away between looking and writing: look again.
		return o.wait(v1alpha1.ReasonProgressing, problem.Message), 0
	case problem.Stalled:
		return status.Stalled(problem.Reason, problem.Message), 0
	default:
		return o.wait(problem.Reason, problem.Message), problem.RetryAfter
	}
}

// unsettled says that Kassa tries again by itself.
func (o outcome) unsettled() bool {
	if o.err == nil {
		return false
	}
	v, _ := o.verdict()
	return !v.Stalled && !errors.As(o.err, new(staysError))
}

// summary says what is there.
func (o outcome) summary() string {
	prices := "1 price"
	if n := len(o.known.Prices); n != 1 {
		prices = fmt.Sprintf("%d prices", n)
	}
	id := o.known.ProductID
	text := fmt.Sprintf("product %s with %s", id, prices)
	if len(o.omitted) > 0 {
		text += "; the provider has no place for " + strings.Join(o.omitted, ", ")
	}
	return text
}

// wait is Unknown for a plan that was in sync and may still be, False for one that was not.
func (o outcome) wait(reason, message string) status.Verdict {
	if o.known.Ready == metav1.ConditionTrue || o.known.Ready == metav1.ConditionUnknown {
		return status.Unknown(reason, message)
	}
	return status.Waiting(reason, message)
}

// report writes the status and says when to try again. conflict, which may be nil, is why ids cannot be published.
func (r *Reconciler) report(
	ctx context.Context, plan *v1alpha1.Plan, outcomes []outcome, conflict *status.Verdict,
) (ctrl.Result, error) {
	next := plan.Status.DeepCopy()
	next.ObservedGeneration = plan.Generation
	next.Providers = nil
	var overall []status.Verdict
	var result ctrl.Result
	var retry error
	for _, o := range outcomes {
		if o.gone {
			continue
		}
		v, wait := o.verdict()
		switch {
		case !plan.DeletionTimestamp.IsZero():
			v.Message += "; set spec.deletionPolicy to Orphan to let the Plan go without archiving it"
		case o.retiring && v.Stalled && enforced(plan):
			v.Message += "; set spec.deletionPolicy to Orphan to leave what is there"
		}
		entry := o.known
		if i := desired.StatusIndex(plan, o.name); i >= 0 && o.err != nil {
			entry.Pending = pendingStatus(plan.Status.Providers[i].Pending, o.steps) // the journal may have written since
		}
		entry.Ready, entry.Reason, entry.Message = v.Ready, v.Reason, provider.Truncate(v.Message, 1024)
		next.Providers = append(next.Providers, entry)
		v.Message = o.name + ": " + v.Message
		overall = append(overall, v)
		switch {
		case wait > 0 && (result.RequeueAfter == 0 || wait < result.RequeueAfter):
			result.RequeueAfter = wait
		case wait <= 0 && o.unsettled():
			retry = errors.Join(retry, o.err)
		}
	}
	if conflict != nil {
		overall = append(overall, *conflict)
	}
	next.Summary = summary(next.Providers)
	sum := summarize(overall)
	sum.Set(&next.Conditions, plan.Generation)
	news := stalledAnew(plan.Status.Conditions, sum)
	if err := r.writeStatus(ctx, plan, next); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err) // somebody took the finalizer off
	}
	if news {
		r.Events.Eventf(plan, nil, corev1.EventTypeWarning, sum.Reason, "Converge", "%s",
			provider.Truncate(sum.Message, 900))
	}
	if retry != nil {
		return ctrl.Result{}, retry
	}
	if result.RequeueAfter > 0 {
		// All Plans of an account wait for the same moment.
		result.RequeueAfter += rand.N(min(result.RequeueAfter, time.Minute)/4 + 1)
	}
	return result, nil
}

// stalledAnew says that the Plan cannot go on by itself any more, or for another reason than before.
func stalledAnew(conditions []metav1.Condition, v status.Verdict) bool {
	before := meta.FindStatusCondition(conditions, v1alpha1.ConditionStalled)
	return v.Stalled && (before == nil || before.Reason != v.Reason)
}

// summary is the plan at each of its providers in one line.
func summary(providers []v1alpha1.PlanProviderStatus) string {
	texts := make([]string, len(providers))
	for i, p := range providers {
		texts[i] = p.Name + ": " + p.Reason
	}
	return strings.Join(texts, ", ")
}

// summarize is the Plan's verdict: the worst of its providers', with every message that is not good news.
func summarize(verdicts []status.Verdict) status.Verdict {
	worst := func(v status.Verdict) int {
		switch {
		case v.Ready == metav1.ConditionTrue:
			return 0
		case v.Ready == metav1.ConditionUnknown:
			return 1
		case !v.Stalled:
			return 2
		default:
			return 3
		}
	}
	if len(verdicts) == 0 {
		return status.Waiting(v1alpha1.ReasonProgressing, "nothing was done yet")
	}
	sum := slices.MaxFunc(verdicts, func(a, b status.Verdict) int { return cmp.Compare(worst(a), worst(b)) })
	var messages []string
	for _, v := range verdicts {
		if (v.Ready == metav1.ConditionTrue) == (sum.Ready == metav1.ConditionTrue) {
			messages = append(messages, v.Message)
		}
	}
	sum.Message = strings.Join(messages, "; ")
	return sum
}
