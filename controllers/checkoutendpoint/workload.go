package checkoutendpoint

import (
	"context"
	"slices"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/storefront"
	"github.com/kassa-dev/kassa/internal/workload"
)

// deploy applies the server's objects, after the right to read the Secrets of every provider in the document.
func (r *Reconciler) deploy(
	ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint, d *storefront.Document,
) (workload.Rollout, workload.Outside) {
	abroad := secretsOf(d)
	here := slices.Concat(kubewatch.EndpointSecrets(endpoint), abroad[endpoint.Namespace])
	delete(abroad, endpoint.Namespace)
	slices.Sort(here)
	server := workload.Checkout{
		Object: endpoint, Image: r.Image, PullSecrets: r.PullSecrets, Env: r.Env,
		Secrets: slices.Compact(here),
	}.Server()
	apply := workload.Applier{Client: r.Client, Live: r.Live}
	unreached := apply.Reach(ctx, server, abroad)
	rollout := apply.Deploy(ctx, &server, endpoint.Spec.TLS)
	if rollout.Err == nil {
		rollout.Err = unreached
	}
	if rollout.Err != nil {
		return rollout, workload.NotYetOutside(server)
	}
	taken, err := kubewatch.Taken(ctx, r.Client, endpoint)
	if err != nil {
		return rollout, workload.Outside{
			Asked: true, Verdict: status.Waiting(v1alpha1.ReasonProgressing, err.Error()), Err: err,
		}
	}
	return rollout, apply.Lead(ctx, server, r.routes, taken)
}
