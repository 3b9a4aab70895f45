// Package webhookreceiver deploys the servers that take a provider's events, and registers them at the provider.
package webhookreceiver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
)

// Reconciler reconciles WebhookReceivers.
type Reconciler struct {
	Client   client.Client
	Live     client.Reader // reads Secrets from the API server; the cache has only their metadata
	Accounts *accounts.Pool
	Events   events.EventRecorder
	Cluster  string // UID of the kube-system namespace
	Image    string // of the deployed servers
	Env      []corev1.EnvVar
	Now      func() time.Time
	// Refused is told of a PaymentProvider whose credentials the provider refused. It must be drained.
	Refused func(types.NamespacedName)

	routes *routes

	mu      sync.Mutex
	checked map[types.UID]check
}

// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookreceivers,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookreceivers/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookreceivers/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;patch
// +kubebuilder:rbac:groups="",resources=services;serviceaccounts,verbs=get;list;watch;create;update;patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;update;patch
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;update;patch
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=httproutes,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles,verbs=get;list;watch;create;update;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=rolebindings,verbs=get;list;watch;create;update;patch
//
// A Role may only grant what its author may do, so the operator holds what it gives to receivers:
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=eventledgers,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookevents,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookevents/status,verbs=patch

// Reconcile registers the endpoint, deploys the server, and says in status how both are.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	receiver := &v1alpha1.WebhookReceiver{}
	if err := r.Client.Get(ctx, req.NamespacedName, receiver); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !receiver.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, receiver)
	}
	if receiver.Spec.Suspend {
		return ctrl.Result{}, r.condition(ctx, receiver, status.Stalled(v1alpha1.ReasonSuspended,
			"spec.suspend is true; the deployed server goes on as it is"))
	}
	// The finalizer is durable before an endpoint is made at the provider.
	if err := status.Hold(ctx, r.Client, receiver); err != nil {
		return ctrl.Result{}, fmt.Errorf("adding the finalizer: %w", err)
	}
	var s state
	s.account, s.registration.err = r.open(ctx, receiver)
	if s.registration.err == nil {
		s.registration = r.register(ctx, receiver, s.account)
	}
	s.workload = r.deploy(ctx, receiver, s.account)
	return r.report(ctx, receiver, s)
}

// finalize removes the endpoint from the provider, so that it stops calling, and lets the receiver go. The deployed
// objects, the ledger and the inbox go with it, by their owner references.
func (r *Reconciler) finalize(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(receiver, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	if receiver.Spec.Registration.Managed != nil {
		if err := r.leave(ctx, receiver); err != nil {
			return r.reportDeleting(ctx, receiver, err)
		}
	}
	r.forgetCheck(receiver.UID)
	if err := status.Release(ctx, r.Client, receiver); err != nil && !apierrors.IsNotFound(err) {
		return ctrl.Result{}, fmt.Errorf("removing the finalizer: %w", err)
	}
	return ctrl.Result{}, nil
}

// leave removes the receiver's endpoint from the provider. A receiver that never had an account has none.
func (r *Reconciler) leave(ctx context.Context, receiver *v1alpha1.WebhookReceiver) error {
	account, err := r.open(ctx, receiver)
	var problem *accounts.Error
	if errors.As(err, &problem) && problem.Stalled && receiver.Status.Provider == nil {
		return nil
	}
	if err != nil {
		return err
	}
	return r.unregister(ctx, receiver, account)
}

// open finds the PaymentProvider and opens its account.
func (r *Reconciler) open(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (*accounts.Account, error) {
	name := receiver.Spec.ProviderRef.Name
	pp := &v1alpha1.PaymentProvider{}
	err := r.Client.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: name}, pp)
	if apierrors.IsNotFound(err) {
		return nil, &accounts.Error{
			Reason: v1alpha1.ReasonReferenceNotFound, Stalled: true,
			Message: fmt.Sprintf("PaymentProvider %q does not exist in namespace %q", name, receiver.Namespace),
		}
	}
	if err != nil {
		return nil, err
	}
	account, err := r.Accounts.Open(ctx, pp)
	if err == nil && !slices.Contains(account.Adapter.Capabilities(), provider.CapabilityWebhooks) {
		return nil, unsupported("PaymentProvider %q: this version of Kassa does not receive the events of %s", name,
			account.Adapter.Type())
	}
	return account, accounts.NotReady(name, err)
}

func (r *Reconciler) owner(receiver *v1alpha1.WebhookReceiver) billing.Owner {
	return billing.Owner{
		Cluster: r.Cluster, Namespace: receiver.Namespace, Name: receiver.Name, UID: string(receiver.UID),
	}
}

func unsupported(format string, args ...any) error {
	return &accounts.Error{
		Reason: v1alpha1.ReasonUnsupported, Stalled: true, Message: fmt.Sprintf(format, args...),
	}
}
