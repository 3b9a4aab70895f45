package webhookreceiver

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/workload"
)

// deployment is how the deployed server is.
type deployment struct {
	wanted, ready int32
	available     bool
	err           error
}

// deploy applies the server's objects. Without an account that was ever opened there is nothing that the server could
// verify, so nothing is deployed before.
func (r *Reconciler) deploy(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, account *accounts.Account,
) deployment {
	if account == nil && receiver.Status.Provider == nil {
		return deployment{}
	}
	server := workload.Receiver{
		Object: receiver, Image: r.Image, SigningSecret: kubewatch.SigningSecretName(receiver),
		Cluster: r.Cluster, Env: r.Env,
	}
	for _, object := range server.Objects() {
		if err := r.Client.Apply(ctx, object, client.FieldOwner(status.FieldManager), client.ForceOwnership); err != nil {
			return deployment{err: fmt.Errorf("applying the server: %w", err)}
		}
	}
	d := &appsv1.Deployment{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: server.Name()}, d)
	if apierrors.IsNotFound(err) { // applied just now; the watch brings it
		return deployment{wanted: workload.DefaultReplicas}
	}
	if err != nil {
		return deployment{err: err}
	}
	out := deployment{ready: d.Status.ReadyReplicas, wanted: workload.DefaultReplicas}
	if d.Spec.Replicas != nil {
		out.wanted = *d.Spec.Replicas
	}
	if d.Status.ObservedGeneration >= d.Generation {
		for _, c := range d.Status.Conditions {
			if c.Type == appsv1.DeploymentAvailable && c.Status == corev1.ConditionTrue {
				out.available = true
			}
		}
	}
	return out
}

func (d deployment) verdict() status.Verdict {
	switch {
	case d.err != nil:
		return status.Waiting(v1alpha1.ReasonProgressing, d.err.Error())
	case d.available && d.ready > 0:
		return status.Ready(v1alpha1.ReasonSucceeded, fmt.Sprintf("%d of %d replicas are ready", d.ready, d.wanted))
	case d.wanted == 0:
		return status.Waiting(v1alpha1.ReasonWorkloadUnavailable, "spec.workload.replicas is 0")
	default:
		return status.Waiting(v1alpha1.ReasonWorkloadUnavailable,
			fmt.Sprintf("%d of %d replicas are ready", d.ready, d.wanted))
	}
}
