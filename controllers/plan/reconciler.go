// Package plan makes the catalogues of payment providers equal to Plans.
package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/desired"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/status"
)

// Reconciler reconciles Plans.
type Reconciler struct {
	Client   client.Client
	Accounts *accounts.Pool
	Events   events.EventRecorder
	Cluster  string // UID of the kube-system namespace
	Now      func() time.Time
	// Refused is told of a PaymentProvider whose credentials the provider refused. It must be drained.
	Refused func(types.NamespacedName)
	// Reread has a PaymentProvider's account read anew, and its Plans compared with it, because Mirror.DoubtAll was
	// called. It must be drained.
	Reread func(types.NamespacedName)

	asked    kubewatch.Asked
	refusals refusals
	claims   claims
}

// +kubebuilder:rbac:groups=billing.kassa.dev,resources=plans,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=plans/status,verbs=patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=plans/finalizers,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch

// conflictDelay gives the cache time to show who wrote the Plan.
const conflictDelay = 100 * time.Millisecond

// Reconcile makes each provider of the Plan equal to the spec, retires the Plan where it is no longer sold, and says in
// status what came of it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	plan := &v1alpha1.Plan{}
	if err := r.Client.Get(ctx, req.NamespacedName, plan); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !plan.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, plan)
	}
	if plan.Spec.Suspend {
		return r.suspended(ctx, plan, "")
	}
	// The finalizer is durable before the first object is made at a provider.
	if err := status.Hold(ctx, r.Client, plan); err != nil {
		return again(ctrl.Result{}, fmt.Errorf("adding the finalizer: %w", err))
	}
	asked := r.asked.Anew(plan)
	outcomes := r.convergeAll(ctx, plan, asked)
	current := slices.Clone(outcomes)
	for _, former := range desired.Former(plan) {
		outcomes = append(outcomes, r.retire(ctx, plan, &former, current, onceSoldElsewhere))
	}
	if slices.ContainsFunc(outcomes, func(o outcome) bool { return apierrors.IsConflict(o.err) }) {
		// Somebody wrote the Plan meanwhile, and the decision was made from what it was before.
		return ctrl.Result{RequeueAfter: conflictDelay}, nil
	}
	if !slices.ContainsFunc(outcomes, outcome.unsettled) {
		r.asked.Follow(plan)
	}
	conflict, err := r.publish(ctx, plan, outcomes)
	if err != nil {
		return again(ctrl.Result{}, err) // the cache may not show yet what foretell wrote
	}
	return again(r.report(ctx, plan, outcomes, conflict))
}

// convergeAll converges at each provider of the spec. What a name stood for before is retired first.
func (r *Reconciler) convergeAll(ctx context.Context, plan *v1alpha1.Plan, asked bool) []outcome {
	outcomes := make([]outcome, len(plan.Spec.Providers))
	superseded := map[int]v1alpha1.PlanProvider{}
	for i := range plan.Spec.Providers {
		at := &plan.Spec.Providers[i]
		former, other, err := r.superseded(ctx, plan, at)
		switch {
		case err != nil:
			outcomes[i] = newOutcome(plan, &former).failed(err)
		case other:
			superseded[i] = former
			outcomes[i].retiring = true
		default:
			outcomes[i] = r.converge(ctx, plan, at, asked)
		}
	}
	current := slices.Clone(outcomes)
	for _, i := range slices.Sorted(maps.Keys(superseded)) { // as kubectl kassa diff tells it
		former := superseded[i]
		if outcomes[i] = r.retire(ctx, plan, &former, current, atOnce); outcomes[i].gone {
			desired.Forget(plan, former.Name)
			outcomes[i] = r.converge(ctx, plan, &plan.Spec.Providers[i], asked)
		}
	}
	return outcomes
}

// suspended says that nothing happens, and what the user can do about it.
func (r *Reconciler) suspended(ctx context.Context, plan *v1alpha1.Plan, help string) (ctrl.Result, error) {
	next := plan.Status.DeepCopy()
	next.ObservedGeneration = plan.Generation
	status.Stalled(v1alpha1.ReasonSuspended, "spec.suspend is true"+help).Set(&next.Conditions, plan.Generation)
	return again(ctrl.Result{}, r.writeStatus(ctx, plan, next))
}

// finalize retires the Plan at every provider and lets it go. Until then its status says what it waits for.
func (r *Reconciler) finalize(ctx context.Context, plan *v1alpha1.Plan) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(plan, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	outcomes := make([]outcome, 0, len(plan.Status.Providers))
	if plan.Spec.Suspend && enforced(plan) && plan.Spec.DeletionPolicy != v1alpha1.DeletionOrphan &&
		slices.ContainsFunc(plan.Status.Providers, func(s v1alpha1.PlanProviderStatus) bool { return desired.MayExist(&s) }) {
		return r.suspended(ctx, plan, ", so the plan is still on sale; set it to false, or set spec.deletionPolicy to "+
			"Orphan to let the Plan go without archiving it")
	}
	for i := range plan.Status.Providers {
		at := desired.MadeAt(plan, &plan.Status.Providers[i])
		outcomes = append(outcomes, r.retire(ctx, plan, &at, nil, atOnce))
	}
	if slices.ContainsFunc(outcomes, func(o outcome) bool { return !o.gone }) {
		return again(r.report(ctx, plan, outcomes, nil))
	}
	r.asked.Forget(plan.UID)
	r.refusals.forget(plan.UID)
	if err := status.Release(ctx, r.Client, plan); err != nil && !apierrors.IsNotFound(err) {
		return again(ctrl.Result{}, fmt.Errorf("removing the finalizer: %w", err))
	}
	return ctrl.Result{}, nil
}

func (r *Reconciler) owner(plan *v1alpha1.Plan) billing.Owner {
	return billing.Owner{Cluster: r.Cluster, Namespace: plan.Namespace, Name: plan.Name, UID: string(plan.UID)}
}
