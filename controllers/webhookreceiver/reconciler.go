// Package webhookreceiver deploys the servers that take a provider's events, and registers them at the provider.
package webhookreceiver

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/workload"
)

// Reconciler reconciles WebhookReceivers.
type Reconciler struct {
	Client   client.Client
	Live     client.Reader // reads Secrets from the API server; the cache has only their metadata
	Accounts *accounts.Pool
	Events   events.EventRecorder
	Cluster  string // UID of the kube-system namespace
	Image    string // of the deployed servers
	// PullSecrets pull the image where a spec names none.
	PullSecrets []string
	Env         []corev1.EnvVar
	Now         func() time.Time
	// Refused is told of a PaymentProvider whose credentials the provider refused. It must be drained.
	Refused func(types.NamespacedName)

	routes *workload.Routes

	mu      sync.Mutex
	checked map[types.UID]check
}

// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookreceivers,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookreceivers/status,verbs=patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookreceivers/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;patch
// +kubebuilder:rbac:groups="",resources=services;serviceaccounts,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=httproutes,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=rolebindings,verbs=get;list;watch;create;patch
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
	s.account, s.registration.err = r.open(ctx, accounts.Resolve, receiver)
	if s.registration.err == nil {
		s.registration = r.register(ctx, receiver, s.account)
	}
	var err error
	if s.secrets, err = r.judgeSecrets(ctx, receiver); err != nil {
		return ctrl.Result{}, err
	}
	s.workload, s.outside = r.deploy(ctx, receiver, s.account)
	return r.report(ctx, receiver, s)
}

// finder is accounts.Resolve, or accounts.Find for what is only removed.
type finder func(context.Context, client.Reader, string, *v1alpha1.PlanProvider) (*v1alpha1.PaymentProvider, error)

// open finds the PaymentProvider and opens its account.
func (r *Reconciler) open(
	ctx context.Context, find finder, receiver *v1alpha1.WebhookReceiver,
) (*accounts.Account, error) {
	pp, err := find(ctx, r.Client, receiver.Namespace, accounts.OfReceiver(receiver))
	if err != nil {
		return nil, err
	}
	account, err := r.Accounts.Open(ctx, pp)
	if err == nil && !slices.Contains(account.Adapter.Capabilities(), provider.CapabilityWebhooks) {
		return nil, unsupported("PaymentProvider %q: this version of Kassa does not receive the events of %s", pp.Name,
			account.Adapter.Type())
	}
	return account, accounts.NotReady(pp.Name, err)
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
