package overview

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// Read reads the objects of a namespace, or of all where it is empty. The operator's Deployment may be anywhere, and
// only administrators can see it: what one may not see is left out.
func Read(ctx context.Context, c client.Reader, namespace string) (Objects, error) {
	var providers v1alpha1.PaymentProviderList
	var plans v1alpha1.PlanList
	var checkouts v1alpha1.CheckoutEndpointList
	var receivers v1alpha1.WebhookReceiverList
	for _, list := range []client.ObjectList{&providers, &plans, &checkouts, &receivers} {
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return Objects{}, fmt.Errorf("reading the cluster: %w", err)
		}
	}
	var operators appsv1.DeploymentList
	err := c.List(ctx, &operators, client.MatchingLabels{
		"app.kubernetes.io/name": "kassa", "app.kubernetes.io/component": "operator",
	})
	if err != nil && !apierrors.IsForbidden(err) {
		return Objects{}, fmt.Errorf("looking for the operator: %w", err)
	}
	return Objects{
		Now: time.Now(), Operators: operators.Items, Providers: providers.Items, Plans: plans.Items,
		Checkouts: checkouts.Items, Receivers: receivers.Items,
	}, nil
}
