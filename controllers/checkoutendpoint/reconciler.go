// Package checkoutendpoint deploys the servers that sell Plans, and tells them what can be bought.
package checkoutendpoint

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/origins"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/workload"
)

// Reconciler reconciles CheckoutEndpoints.
type Reconciler struct {
	Client   client.Client
	Live     client.Reader // reads Secrets from the API server; the cache has only their metadata
	Registry provider.Registry
	Cluster  string // UID of the kube-system namespace
	Image    string // of the deployed servers
	// PullSecrets pull the image where a spec names none.
	PullSecrets []string
	Env         []corev1.EnvVar

	routes *workload.Routes
}

// +kubebuilder:rbac:groups=billing.kassa.dev,resources=checkoutendpoints,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=checkoutendpoints/status,verbs=patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=checkoutendpoints/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=rolebindings,verbs=get;list;watch;create;patch;delete

// Reconcile resolves what is sold, deploys the servers, tells them that, and says in status how all of that is.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	endpoint := &v1alpha1.CheckoutEndpoint{}
	if err := r.Client.Get(ctx, req.NamespacedName, endpoint); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !endpoint.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, r.finalize(ctx, endpoint)
	}
	if endpoint.Spec.Suspend {
		return ctrl.Result{}, r.suspended(ctx, endpoint)
	}
	// The finalizer is durable before a right is given in another namespace.
	if err := status.Hold(ctx, r.Client, endpoint); err != nil {
		return ctrl.Result{}, fmt.Errorf("adding the finalizer: %w", err)
	}
	in, err := r.read(ctx, endpoint)
	if err != nil {
		return ctrl.Result{}, err
	}
	var s state
	s.sale = resolve(in)
	_, s.url = origins.Of(&endpoint.Spec)
	// A server may read a Secret before it is told that it needs it. Otherwise it is told first: it sells a price that is
	// replaced until it hears of the next one.
	deployed := needsMore(s.sale.before, &s.sale.document)
	if deployed {
		s.workload, s.outside = r.deploy(ctx, endpoint, &s.sale.document)
	}
	if s.storefront, err = r.publish(ctx, endpoint, &s.sale.document); err != nil {
		return ctrl.Result{}, err
	}
	if s.missing, err = r.missingSecret(ctx, endpoint); err != nil {
		return ctrl.Result{}, err
	}
	if !deployed {
		s.workload, s.outside = r.deploy(ctx, endpoint, &s.sale.document)
	}
	return r.report(ctx, endpoint, s)
}

// finalize takes back the server's rights in other namespaces and lets the endpoint go. All that is in its own
// namespace goes with it, by owner references.
func (r *Reconciler) finalize(ctx context.Context, endpoint *v1alpha1.CheckoutEndpoint) error {
	if !controllerutil.ContainsFinalizer(endpoint, v1alpha1.Finalizer) {
		return nil
	}
	server := workload.Checkout{Object: endpoint}.Server()
	if err := (workload.Applier{Client: r.Client, Live: r.Live}).Withdraw(ctx, server); err != nil {
		return err
	}
	if err := client.IgnoreNotFound(status.Release(ctx, r.Client, endpoint)); err != nil {
		return fmt.Errorf("removing the finalizer: %w", err)
	}
	return nil
}
