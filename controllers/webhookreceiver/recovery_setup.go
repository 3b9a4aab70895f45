package webhookreceiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/kubewatch"
	"github.com/kassa-dev/kassa/internal/recovery"
	"github.com/kassa-dev/kassa/internal/registration"
)

// sweepsAtOnce is of all receivers.
const sweepsAtOnce = 4

// Setup registers the controller.
func (r *Recovery) Setup(mgr ctrl.Manager, o Options) error {
	return ctrl.NewControllerManagedBy(mgr).Named("recovery").
		For(&v1alpha1.WebhookReceiver{}, builder.WithPredicates(predicate.Or(kubewatch.SpecChanged(), recoveryDue()))).
		WithOptions(controller.Options{MaxConcurrentReconciles: sweepsAtOnce, RateLimiter: o.RateLimiter}).
		Complete(r)
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

// errNoSigningSecret: there is nothing to sign events with.
var errNoSigningSecret = errors.New("there is no signing secret")

// signingSecret is one that the receiver takes.
func (r *Recovery) signingSecret(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (string, error) {
	name := kubewatch.SigningSecretName(receiver)
	secret := &corev1.Secret{}
	err := r.Receivers.Live.Get(ctx, types.NamespacedName{Namespace: receiver.Namespace, Name: name}, secret)
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("reading Secret %s: %w", name, err)
	}
	wanted := registration.KeySecret
	if m := receiver.Spec.Registration.Manual; m != nil {
		wanted = m.SigningSecretRef.Key
	}
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		value := strings.TrimSpace(string(secret.Data[key]))
		if value != "" && (wanted == "" || wanted == key) {
			return value, nil
		}
	}
	return "", fmt.Errorf("Secret %q: %w", name, errNoSigningSecret)
}

// RecoveryMetrics counts what was looked for and found.
type RecoveryMetrics struct {
	recovered, sweeps *prometheus.CounterVec
}

// NewRecoveryMetrics makes the metrics and registers them.
func NewRecoveryMetrics(r prometheus.Registerer) (*RecoveryMetrics, error) {
	m := &RecoveryMetrics{
		recovered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_recovery_events_total",
			Help: "Events that receivers had missed, and got from the provider's history.",
		}, []string{"provider"}),
		sweeps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_recovery_sweeps_total",
			Help: "Sweeps of providers' histories, by outcome: ok, unfinished or failed.",
		}, []string{"provider", "outcome"}),
	}
	return m, errors.Join(r.Register(m.recovered), r.Register(m.sweeps))
}

func (m *RecoveryMetrics) note(provider string, found recovery.Found, failure error) {
	outcome := "ok"
	switch {
	case failure != nil:
		outcome = "failed"
	case !found.Done:
		outcome = "unfinished"
	}
	m.sweeps.WithLabelValues(provider, outcome).Inc()
	m.recovered.WithLabelValues(provider).Add(float64(found.Recovered))
}
