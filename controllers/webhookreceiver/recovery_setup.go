package webhookreceiver

import (
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
)

// sweepsAtOnce is of all receivers.
const sweepsAtOnce = 4

// Setup registers the controller.
func (r *Recovery) Setup(mgr ctrl.Manager, o Options) error {
	return ctrl.NewControllerManagedBy(mgr).Named("recovery").
		For(&v1alpha1.WebhookReceiver{}, builder.WithPredicates(predicate.Or(kubewatch.SpecChanged(), recoveryDue()))).
		WithOptions(controller.Options{MaxConcurrentReconciles: sweepsAtOnce, RateLimiter: o.RateLimiter}).
		Complete(o.Tracer.Reconciler("recovery", r))
}

// recoveryDue admits a new time that is to be looked at, and a receiver that came, went, or came back.
func recoveryDue() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return true },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok1 := e.ObjectOld.(*v1alpha1.WebhookReceiver)
			after, ok2 := e.ObjectNew.(*v1alpha1.WebhookReceiver)
			return ok1 && ok2 && (before.Annotations[v1alpha1.AnnotationRecover] !=
				after.Annotations[v1alpha1.AnnotationRecover] ||
				(before.Status.ReadyReplicas == 0) != (after.Status.ReadyReplicas == 0) ||
				(before.Status.Provider == nil) != (after.Status.Provider == nil))
		},
	}
}
