package checkoutendpoint

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/workload"
)

// state is everything that one reconcile found out.
type state struct {
	sale *sale
	// storefront is why the servers cannot be told what is sold, or nil.
	storefront *status.Verdict
	// url is what the servers do not take of the spec's URLs, or nil.
	url error
	// missing says that the Secret with the callers' token is not there, or is empty.
	missing  string
	workload workload.Rollout
	outside  workload.Outside
}

// report writes the status and says when to look again.
func (r *Reconciler) report(
	ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint, s state,
) (ctrl.Result, error) {
	next := endpoint.Status.DeepCopy()
	next.ObservedGeneration = endpoint.Generation
	next.LastHandledReconcileAt = provider.Truncate(endpoint.Annotations[v1alpha1.AnnotationReconcileAt], 256)
	next.URL, next.ReadyReplicas = endpoint.Spec.URL, s.workload.Ready
	plans, server := s.sale.verdict(), s.workload.Verdict()
	switch {
	case s.storefront != nil:
		plans = *s.storefront
	case s.url == nil: // otherwise they sell nothing
		next.Providers, next.PlansServed = s.sale.served()
	}
	set := func(kind string, v status.Verdict) {
		status.Set(&next.Conditions, endpoint.Generation, kind, v.Ready, v.Reason, v.Message)
	}
	set(v1alpha1.ConditionPlansResolved, plans)
	set(v1alpha1.ConditionWorkloadAvailable, server)
	if s.outside.Asked {
		set(v1alpha1.ConditionExposed, s.outside.Verdict)
	} else {
		meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionExposed)
	}
	s.overall(endpoint, plans, server).Set(&next.Conditions, endpoint.Generation)
	if err := r.write(ctx, endpoint, next); err != nil {
		return ctrl.Result{}, err
	}
	switch {
	case s.workload.Err != nil:
		return ctrl.Result{}, s.workload.Err
	case s.outside.Err != nil:
		return ctrl.Result{}, s.outside.Err
	default:
		return ctrl.Result{RequeueAfter: s.outside.Again}, nil
	}
}

func (s state) overall(endpoint *v1alpha1.CheckoutEndpoint, plans, server status.Verdict) status.Verdict {
	switch {
	case s.url != nil:
		return status.Stalled(v1alpha1.ReasonInvalidURL, s.url.Error())
	case s.missing != "": // nobody is served, which is worse than all that some cannot buy
		if plans.Ready != metav1.ConditionTrue {
			return status.Stalled(v1alpha1.ReasonSecretMissing, s.missing+"; "+plans.Message)
		}
		return status.Stalled(v1alpha1.ReasonSecretMissing, s.missing)
	case plans.Ready != metav1.ConditionTrue:
		return plans
	case server.Ready != metav1.ConditionTrue:
		return server
	case s.outside.Asked && s.outside.Verdict.Ready == metav1.ConditionFalse:
		// Nobody can come through what was refused. An Ingress that tells no address may well let them.
		return s.outside.Verdict
	}
	told := append([]string{plans.Message + " at " + endpoint.Spec.URL, server.Message}, s.sale.notes...)
	return status.Ready(v1alpha1.ReasonSucceeded, strings.Join(told, "; "))
}

// suspended leaves the rest of the status as it is.
func (r *Reconciler) suspended(ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint) error {
	next := endpoint.Status.DeepCopy()
	next.ObservedGeneration = endpoint.Generation
	for i := range next.Conditions {
		next.Conditions[i].ObservedGeneration = endpoint.Generation
	}
	status.Stalled(v1alpha1.ReasonSuspended, "spec.suspend is true; the deployed server goes on as it is").
		Set(&next.Conditions, endpoint.Generation)
	return r.write(ctx, endpoint, next)
}

func (r *Reconciler) write(
	ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint, next *v1alpha1.CheckoutEndpointStatus,
) error {
	return status.Apply(ctx, r.Client, v1alpha1.GroupVersion.WithKind("CheckoutEndpoint"), endpoint, &endpoint.Status,
		next)
}
