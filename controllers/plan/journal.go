package plan

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/desired"
)

// journal keeps begun creates in the Plan's status, as pending operations with a time. It implements catalog.Journal.
type journal struct {
	write func(context.Context, *v1alpha1.Plan, *v1alpha1.PlanStatus) error
	plan  *v1alpha1.Plan
	name  string // of the provider
	now   func() time.Time
}

func (j *journal) Begun(op catalog.Operation) (time.Time, bool) {
	i := desired.StatusIndex(j.plan, j.name)
	if i < 0 {
		return time.Time{}, false
	}
	for _, p := range j.plan.Status.Providers[i].Pending {
		if p.StartedAt != nil && p.Operation == string(op.Kind) && p.Target == op.Price {
			return p.StartedAt.Time, true
		}
	}
	return time.Time{}, false
}

// Begin fails with a conflict when the Plan was written since this process read it: another process may have begun the
// same create.
func (j *journal) Begin(ctx context.Context, op catalog.Operation) error {
	started := metav1.NewMicroTime(j.now())
	return j.write(ctx, j.plan,
		j.with(op, &v1alpha1.PendingOperation{Operation: string(op.Kind), Target: op.Price, StartedAt: &started}))
}

func (j *journal) End(ctx context.Context, op catalog.Operation) error {
	return j.write(ctx, j.plan, j.with(op, nil))
}

// with is the status in which entry replaces what is noted of op.
func (j *journal) with(op catalog.Operation, entry *v1alpha1.PendingOperation) *v1alpha1.PlanStatus {
	next := j.plan.Status.DeepCopy()
	i := desired.StatusIndex(j.plan, j.name)
	if i < 0 {
		next.Providers = append(next.Providers, v1alpha1.PlanProviderStatus{Name: j.name, Ready: metav1.ConditionFalse})
		i = len(next.Providers) - 1
	}
	pending := slices.DeleteFunc(next.Providers[i].Pending, func(p v1alpha1.PendingOperation) bool {
		return p.Operation == string(op.Kind) && p.Target == op.Price
	})
	if entry != nil {
		pending = append(pending, *entry)
	}
	next.Providers[i].Pending = pending
	return next
}
