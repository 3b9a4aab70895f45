package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// maxRetired bounds the retired prices that are kept in status, newest first.
const maxRetired = 100

// outcome is what came of one Plan at one provider.
type outcome struct {
	name     string
	known    v1alpha1.PlanProviderStatus // what status said before; with what was found since
	retiring bool                        // the Plan is no longer sold here
	gone     bool                        // and nothing is left to do
	err      error
}

func (o outcome) failed(err error) outcome { o.err = err; return o }

func (o outcome) inSync(now time.Time, want billing.Plan, have billing.Observed) outcome {
	o = o.partly(now, want, have, nil)
	o.known.Pending = nil
	return o
}

// partly records what is there, also when not everything is as wanted.
func (o outcome) partly(now time.Time, want billing.Plan, have billing.Observed, err error) outcome {
	o.err = err
	if have.Product == nil {
		return o
	}
	o.known.ProductID = have.Product.ID
	o.known.Prices = nil
	current := map[string]bool{}
	for _, p := range want.Prices {
		i := slices.IndexFunc(have.Prices, func(h billing.Price) bool {
			return h.Active && h.Owner.Same(want.Owner) && h.Name == p.Name && h.Spec.Terms.Equal(p.Spec.Terms)
		})
		if i < 0 {
			continue
		}
		current[have.Prices[i].ID] = true
		o.known.Prices = append(o.known.Prices, v1alpha1.PlanPriceStatus{
			Name: p.Name, ID: have.Prices[i].ID, LookupKey: have.Prices[i].LookupKey, State: v1alpha1.PriceActive,
		})
	}
	o.known.RetiredPrices = retired(now, o.known.RetiredPrices, want.Owner, have.Prices, current)
	return o
}

// retired lists the owner's prices that are not current any more. An entry keeps the time at which it was first listed.
func retired(
	now time.Time, before []v1alpha1.RetiredPrice, owner billing.Owner, prices []billing.Price, current map[string]bool,
) []v1alpha1.RetiredPrice {
	var list []v1alpha1.RetiredPrice
	for i := range prices {
		p := &prices[i]
		if !p.Owner.Same(owner) || p.Name == "" || p.Active || current[p.ID] {
			continue
		}
		at := metav1.NewTime(now.Truncate(time.Second))
		entry := v1alpha1.RetiredPrice{
			ID: p.ID, Name: p.Name, Amount: p.Spec.Terms.Money.Major(), Currency: string(p.Spec.Terms.Money.Currency),
			RetiredAt: &at,
		}
		if i := slices.IndexFunc(before, func(b v1alpha1.RetiredPrice) bool { return b.ID == p.ID }); i >= 0 {
			entry.RetiredAt = before[i].RetiredAt
		}
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b v1alpha1.RetiredPrice) int {
		return cmp.Or(b.RetiredAt.Compare(a.RetiredAt.Time), cmp.Compare(a.ID, b.ID))
	})
	return list[:min(len(list), maxRetired)]
}

// verdict says how the Plan is at this provider, and how long to wait at least before the next try.
func (o outcome) verdict() (status.Verdict, time.Duration) {
	var problem *accounts.Error
	var another catalog.OwnedByAnotherError
	var await catalog.AwaitError
	switch err := o.err; {
	case err == nil && o.retiring:
		return status.Waiting(v1alpha1.ReasonDeleting, "retiring the plan"), 0
	case err == nil:
		return status.Ready(v1alpha1.ReasonInSync, fmt.Sprintf("product %s with %d prices", o.known.ProductID,
			len(o.known.Prices))), 0
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

// wait is Unknown for a plan that was in sync and may still be, False for one that was not.
func (o outcome) wait(reason, message string) status.Verdict {
	if o.known.Ready == metav1.ConditionTrue || o.known.Ready == metav1.ConditionUnknown {
		return status.Unknown(reason, message)
	}
	return status.Waiting(reason, message)
}

// report writes the status and says when to try again.
func (r *Reconciler) report(ctx context.Context, plan *v1alpha1.Plan, outcomes []outcome) (ctrl.Result, error) {
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
		if !plan.DeletionTimestamp.IsZero() {
			v.Message += "; set spec.deletionPolicy to Orphan to let the Plan go without archiving it"
		}
		entry := o.known
		if o.err != nil {
			entry.Pending = knownStatus(plan, o.name).Pending // the journal may have written since
		}
		entry.Ready, entry.Reason, entry.Message = v.Ready, v.Reason, provider.Truncate(v.Message, 1024)
		next.Providers = append(next.Providers, entry)
		v.Message = o.name + ": " + v.Message
		overall = append(overall, v)
		switch {
		case wait > 0 && (result.RequeueAfter == 0 || wait < result.RequeueAfter):
			result.RequeueAfter = wait
		case wait <= 0 && !v.Stalled && v.Ready != metav1.ConditionTrue && o.err != nil:
			retry = errors.Join(retry, o.err)
		}
	}
	summarize(overall).Set(&next.Conditions, plan.Generation)
	err := status.Apply(ctx, r.Client, v1alpha1.GroupVersion.WithKind("Plan"), plan, &plan.Status, next)
	if err != nil {
		return ctrl.Result{}, err
	}
	if retry != nil {
		return ctrl.Result{}, retry
	}
	return result, nil
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
