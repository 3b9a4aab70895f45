package webhookreceiver

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/reception"
	"github.com/kassa-dev/kassa/internal/status"
	"github.com/kassa-dev/kassa/internal/workload"
)

// state is everything that one reconcile found out.
type state struct {
	account      *accounts.Account
	registration registered
	workload     workload.Rollout
	outside      workload.Outside
	secrets      secretsVerdict
}

// report writes the operator's part of the status and says when to look again.
func (r *Reconciler) report(ctx context.Context, receiver *v1alpha1.WebhookReceiver, s state) (ctrl.Result, error) {
	before := operatorsPart(&receiver.Status)
	next := before.DeepCopy()
	next.ObservedGeneration = receiver.Generation
	next.ReadyReplicas = s.workload.Ready
	if a := s.account; a != nil {
		next.Provider = &v1alpha1.ReceiverProvider{
			Type: v1alpha1.ProviderType(a.Adapter.Type()), AccountID: a.Info.ID, Mode: v1alpha1.Mode(a.Info.Mode),
		}
	}
	if s.registration.err == nil {
		s.registration.show(next, receiver)
	}
	endpoint, wait := s.registration.verdict()
	server := s.workload.Verdict()
	delivery := deliveryVerdict(receiver.Status.Pending)
	if s.secrets.missing != "" {
		delivery = status.Waiting(v1alpha1.ReasonSecretMissing, s.secrets.missing)
	}
	set := func(kind string, v status.Verdict) {
		status.Set(&next.Conditions, receiver.Generation, kind, v.Ready, v.Reason, v.Message)
	}
	set(v1alpha1.ConditionEndpointRegistered, endpoint)
	set(v1alpha1.ConditionWorkloadAvailable, server)
	set(v1alpha1.ConditionDeliveryHealthy, delivery)
	outside := s.outside
	if outside.Asked {
		set(v1alpha1.ConditionExposed, outside.Verdict)
	} else {
		meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionExposed)
	}
	overall := status.Ready(v1alpha1.ReasonSucceeded, server.Message+" to take events at "+receiver.Spec.URL)
	if s.secrets.doubt != "" {
		overall.Message += "; " + s.secrets.doubt
	}
	switch {
	case endpoint.Ready != metav1.ConditionTrue:
		overall = endpoint
	case server.Ready != metav1.ConditionTrue && s.secrets.missing != "":
		// It may be why, as the database's is.
		overall = status.Waiting(v1alpha1.ReasonSecretMissing, s.secrets.missing+"; "+server.Message)
	case server.Ready != metav1.ConditionTrue:
		overall = server
	case outside.Asked && outside.Verdict.Ready == metav1.ConditionFalse:
		// A provider cannot come through what was refused. An Ingress that tells no address may well let it.
		overall = outside.Verdict
	}
	overall.Set(&next.Conditions, receiver.Generation)
	err := status.Apply(ctx, r.Client, v1alpha1.GroupVersion.WithKind("WebhookReceiver"), receiver, before, next)
	if err != nil {
		return ctrl.Result{}, err
	}
	switch {
	case s.workload.Err != nil:
		return ctrl.Result{}, s.workload.Err
	case outside.Err != nil:
		return ctrl.Result{}, outside.Err
	case wait > 0:
		return ctrl.Result{RequeueAfter: wait}, nil
	case s.registration.err != nil && !endpoint.Stalled:
		return ctrl.Result{}, s.registration.err
	case outside.Again > 0:
		return ctrl.Result{RequeueAfter: outside.Again}, nil
	case s.account != nil:
		return ctrl.Result{RequeueAfter: r.again(s)}, nil
	default:
		return ctrl.Result{}, nil
	}
}

// again is how long to wait until the endpoint is to be compared, or changes by itself.
func (r *Reconciler) again(s state) time.Duration {
	after := s.account.DriftCheckInterval
	if due := s.registration.due; !due.IsZero() {
		after = max(min(after, due.Sub(r.Now())), 0)
	}
	return after + time.Second
}

// show puts a registration into the status.
func (g registered) show(next *v1alpha1.WebhookReceiverStatus, receiver *v1alpha1.WebhookReceiver) {
	next.EndpointID, next.URL = g.record.Serving.ID, receiver.Spec.URL
	next.SigningSecretName = reception.MeantSecret(receiver)
	next.Rotated, next.LastRotation, next.RetiringEndpoints = g.record.Rotated, timeOf(g.record.RotatedAt), nil
	for _, h := range g.record.Retiring {
		next.RetiringEndpoints = append(next.RetiringEndpoints, v1alpha1.RetiringEndpoint{ID: h.ID, Until: timeOf(h.Until)})
	}
}

// timeOf has the precision that the API keeps, so that an unchanged status is not written.
func timeOf(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	out := metav1.NewTime(t.Truncate(time.Second))
	return &out
}

// announce makes durable that an endpoint is about to be registered, so that it is looked for when the registration
// becomes manual or the receiver is deleted.
func (r *Reconciler) announce(ctx context.Context, receiver *v1alpha1.WebhookReceiver) error {
	if wasManaged(receiver) {
		return nil
	}
	before := operatorsPart(&receiver.Status)
	next := carriedOver(before, receiver.Generation)
	next.SigningSecretName = reception.MeantSecret(receiver)
	v := status.Waiting(v1alpha1.ReasonProgressing, "registering the endpoint")
	status.Set(&next.Conditions, receiver.Generation, v1alpha1.ConditionEndpointRegistered, v.Ready, v.Reason, v.Message)
	v.Set(&next.Conditions, receiver.Generation)
	err := status.Apply(ctx, r.Client, v1alpha1.GroupVersion.WithKind("WebhookReceiver"), receiver, before, next)
	if err != nil {
		return err
	}
	next.Events, next.Pending = receiver.Status.Events, receiver.Status.Pending
	next.RecentEvents, next.CatalogChanges = receiver.Status.RecentEvents, receiver.Status.CatalogChanges
	next.Recovery = receiver.Status.Recovery
	next.Dunning = receiver.Status.Dunning
	receiver.Status = *next
	return nil
}

// carriedOver is a status whose conditions hold for a new generation, too, because nothing of it was acted on yet.
func carriedOver(s *v1alpha1.WebhookReceiverStatus, generation int64) *v1alpha1.WebhookReceiverStatus {
	next := s.DeepCopy()
	next.ObservedGeneration = generation
	for i := range next.Conditions {
		next.Conditions[i].ObservedGeneration = generation
	}
	return next
}

// operatorsPart leaves out what the deployed replicas, recovery and dunning write.
func operatorsPart(s *v1alpha1.WebhookReceiverStatus) *v1alpha1.WebhookReceiverStatus {
	part := s.DeepCopy()
	part.Events, part.Pending, part.RecentEvents, part.CatalogChanges = nil, nil, nil, nil
	part.Recovery, part.Dunning = nil, nil
	return part
}

func deliveryVerdict(p *v1alpha1.PendingEvents) status.Verdict {
	switch {
	case p == nil || p.Count == 0 && p.Dead == 0:
		return status.Ready(v1alpha1.ReasonDelivering, "no event waits for a sink")
	case p.Count == 0:
		return status.Waiting(v1alpha1.ReasonDeadLetters, "events were given up; `kubectl get webhookevents` lists them")
	default:
		return status.Waiting(v1alpha1.ReasonBacklog, "events wait for a sink; `kubectl get webhookevents` lists them")
	}
}

// reportDeleting says what a deletion waits for.
func (r *Reconciler) reportDeleting(
	ctx context.Context, receiver *v1alpha1.WebhookReceiver, failure error,
) (ctrl.Result, error) {
	problem := problemOf(failure)
	err := r.condition(ctx, receiver, status.Waiting(v1alpha1.ReasonDeleting, fmt.Sprintf(
		"the endpoint is still registered at the provider: %s; set spec.registration.manual to let the receiver go and "+
			"delete the endpoint by hand", problem.Message)))
	if err != nil {
		return ctrl.Result{}, err
	}
	if problem.RetryAfter > 0 {
		return ctrl.Result{RequeueAfter: problem.RetryAfter}, nil
	}
	return ctrl.Result{}, failure
}

// condition writes a verdict and leaves the rest of the status as it is.
func (r *Reconciler) condition(ctx context.Context, receiver *v1alpha1.WebhookReceiver, v status.Verdict) error {
	before := operatorsPart(&receiver.Status)
	next := carriedOver(before, receiver.Generation)
	v.Set(&next.Conditions, receiver.Generation)
	return status.Apply(ctx, r.Client, v1alpha1.GroupVersion.WithKind("WebhookReceiver"), receiver, before, next)
}
