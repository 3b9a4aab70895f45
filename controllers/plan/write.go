package plan

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/status"
)

// maxRewrites bounds how often one status is written again because of others' writes.
const maxRewrites = 5

// writeStatus makes next the Plan's status. It is refused with a conflict when the Plan's spec or status is not what it
// was when it was read: what was decided then may be wrong, and what another process noted of a create would be lost.
// Labels and annotations that somebody writes in the meantime hold nothing up.
func (r *Reconciler) writeStatus(ctx context.Context, plan *v1alpha1.Plan, next *v1alpha1.PlanStatus) error {
	var err error
	for range maxRewrites {
		err = status.ApplyIfUnchanged(ctx, r.Client, v1alpha1.GroupVersion.WithKind("Plan"), plan, &plan.Status, next)
		if !apierrors.IsConflict(err) || !r.same(ctx, plan) {
			break
		}
	}
	if err == nil {
		plan.Status = *next
	}
	return err
}

// same says whether the Plan, apart from its metadata, is still what was read, and if so goes on with its version.
func (r *Reconciler) same(ctx context.Context, plan *v1alpha1.Plan) bool {
	now := &v1alpha1.Plan{}
	if err := r.Accounts.Live.Get(ctx, client.ObjectKeyFromObject(plan), now); err != nil {
		return false
	}
	if now.UID != plan.UID || now.Generation != plan.Generation ||
		now.DeletionTimestamp.IsZero() != plan.DeletionTimestamp.IsZero() ||
		!equality.Semantic.DeepEqual(now.Status, plan.Status) {
		return false
	}
	plan.SetResourceVersion(now.ResourceVersion)
	return true
}

// again looks at a Plan anew that somebody wrote meanwhile.
func again(result ctrl.Result, err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	}
	return result, err
}
