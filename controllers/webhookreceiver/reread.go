package webhookreceiver

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/recovery"
)

// Reread has providers decide between events that contradict each other, for receivers that keep records. It goes at
// the pace of the recovery, and whether that is enabled or not: nothing is told to an application.
type Reread struct {
	Recovery *Recovery
	Metrics  *RereadMetrics
}

// Setup registers the controller.
func (r *Reread) Setup(mgr ctrl.Manager, o Options) error {
	return ctrl.NewControllerManagedBy(mgr).Named("reread").
		For(&v1alpha1.WebhookReceiver{}, builder.WithPredicates(predicate.Or(kubewatch.SpecChanged(), recoveryDue()))).
		WithOptions(controller.Options{MaxConcurrentReconciles: sweepsAtOnce, RateLimiter: o.RateLimiter}).
		Complete(r)
}

// Reconcile looks for doubts now, and again after an interval. What fails has time until then.
func (r *Reread) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	receiver := &v1alpha1.WebhookReceiver{}
	if err := r.Recovery.Receivers.Client.Get(ctx, req.NamespacedName, receiver); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !keepsRecords(receiver) {
		return ctrl.Result{}, nil
	}
	wait := recoveryInterval(receiver)
	if err := r.reread(ctx, receiver); err != nil && ctx.Err() == nil {
		problem := problemOf(err)
		ctrl.LoggerFrom(ctx).Info("what is in doubt was not read again", "reason", problem.Reason, "error", problem.Message)
		wait = max(wait, problem.RetryAfter)
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

// keepsRecords says whether there is something to ask a receiver now. A change of that is seen.
func keepsRecords(receiver *v1alpha1.WebhookReceiver) bool {
	return receiver.DeletionTimestamp.IsZero() && receiver.Spec.Store != nil && receiver.Spec.Store.Postgres != nil &&
		!receiver.Spec.Suspend && receiver.Status.Provider != nil && receiver.Status.ReadyReplicas > 0
}

func (r *Reread) reread(ctx context.Context, receiver *v1alpha1.WebhookReceiver) error {
	receivers := r.Recovery.Receivers
	account, err := receivers.open(ctx, accounts.Resolve, receiver)
	if err != nil {
		return err
	}
	conn, ok := account.Conn.(provider.Rereader)
	if !ok {
		return nil
	}
	secret, err := r.Recovery.signingSecret(ctx, receiver)
	if err != nil {
		return err
	}
	reads, err := recovery.Reread{
		Provider: conn, Account: account.Info.ID, Now: receivers.Now,
		Receiver: &recovery.Client{
			HTTP: r.Recovery.HTTP, Address: addressOf(receiver), Codec: account.Adapter.Codec(), Secret: secret,
		},
	}.Run(provider.WithBackground(ctx))
	r.Metrics.note(string(account.Adapter.Type()), reads, err)
	return receivers.noteRefused(receiver, err)
}
