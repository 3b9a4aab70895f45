package webhookreceiver

import (
	"context"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/workload"
)

// deploy applies the server's objects. Without an account that was ever opened there is nothing that the server could
// verify, so nothing is deployed before.
func (r *Reconciler) deploy(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account,
) (workload.Rollout, workload.Outside) {
	server := workload.Receiver{
		Object: receiver, Image: r.Image, PullSecrets: r.PullSecrets,
		SigningSecret: reception.MeantSecret(receiver), Cluster: r.Cluster, Env: r.Env,
	}.Server()
	if account == nil && receiver.Status.Provider == nil {
		return workload.Rollout{}, workload.NotYetOutside(server)
	}
	apply := workload.Applier{Client: r.Client, Live: r.Live}
	rollout := apply.Deploy(ctx, &server, receiver.Spec.TLS)
	if rollout.Err != nil {
		return rollout, workload.NotYetOutside(server)
	}
	taken, err := kubewatch.Taken(ctx, r.Client, receiver)
	if err != nil {
		return rollout, workload.Outside{
			Asked: true, Verdict: status.Waiting(v1alpha1.ReasonProgressing, err.Error()), Err: err,
		}
	}
	return rollout, apply.Lead(ctx, server, r.routes, taken)
}
