// Package webhookevent looks at the events of payments that failed, which receivers left for it, and ends or pauses
// subscriptions that are not paid for, as spec.dunning of the receiver says.
package webhookevent

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/notice"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Reconciler does the dunning of WebhookReceivers. It is asked for a receiver, and works off all events of it that are
// due, one after the other: of two failures of one invoice the second has to see what was done because of the first.
type Reconciler struct {
	Client   client.Client // its cache has the events with LabelDunning, without their payloads
	Live     client.Reader
	Accounts *accounts.Pool
	Events   events.EventRecorder
	Metrics  *Metrics
	Now      func() time.Time
}

// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookevents,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookevents/status,verbs=patch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookreceivers,verbs=get;list;watch
// +kubebuilder:rbac:groups=billing.kassa.dev,resources=webhookreceivers/status,verbs=patch

// Reconcile looks at the receiver's events that are due.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	due, wait, err := r.due(ctx, req)
	if err != nil || len(due) == 0 {
		return ctrl.Result{RequeueAfter: wait}, err
	}
	for i := range due {
		if on, err := r.next(ctx, req, client.ObjectKeyFromObject(&due[i])); !on {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

// next looks at an event, and says whether to go on. All is read again for each: who stops dunning means those that
// wait, too, and the cache may not know yet what the last look left, and has no payload.
func (r *Reconciler) next(ctx context.Context, req ctrl.Request, name client.ObjectKey) (on bool, err error) {
	l := look{receiver: &v1alpha1.WebhookReceiver{}, event: &v1alpha1.WebhookEvent{}}
	if err := r.Live.Get(ctx, req.NamespacedName, l.receiver); err != nil {
		return false, err
	}
	if !l.receiver.DeletionTimestamp.IsZero() || l.receiver.Spec.Suspend {
		return false, nil
	}
	if err := r.Live.Get(ctx, name, l.event); err != nil {
		return apierrors.IsNotFound(err), err
	}
	if !pending(l.event) || dueAt(l.event).After(r.Now()) {
		return true, nil
	}
	l.account, l.refused = r.open(ctx, l.receiver)
	err = r.look(ctx, l)
	return err == nil, err
}

// due are the events to look at now, in the order in which they happened, and how long to wait for the next.
func (r *Reconciler) due(
	ctx context.Context, req ctrl.Request,
) (due []v1alpha1.WebhookEvent, wait time.Duration, err error) {
	var list v1alpha1.WebhookEventList
	err = r.Client.List(ctx, &list, client.InNamespace(req.Namespace), client.MatchingLabels{
		v1alpha1.LabelReceiver: req.Name, v1alpha1.LabelDunning: "true",
	})
	if err != nil {
		return nil, 0, err
	}
	now := r.Now()
	for i := range list.Items {
		e := &list.Items[i]
		if !pending(e) {
			continue
		}
		if left := dueAt(e).Sub(now); left > 0 {
			if wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		due = append(due, *e)
	}
	slices.SortFunc(due, func(a, b v1alpha1.WebhookEvent) int {
		return cmp.Or(a.Spec.ReceivedAt.Compare(b.Spec.ReceivedAt.Time), cmp.Compare(a.Name, b.Name))
	})
	return due, wait, nil
}

// open opens the receiver's account. What is wrong with it is each event's failure.
func (r *Reconciler) open(ctx context.Context, receiver *v1alpha1.WebhookReceiver) (*accounts.Account, error) {
	if receiver.Spec.Dunning == nil {
		return nil, nil
	}
	pp, err := accounts.Resolve(ctx, r.Client, receiver.Namespace, accounts.OfReceiver(receiver))
	if err != nil {
		return nil, err
	}
	account, err := r.Accounts.Open(ctx, pp)
	return account, accounts.NotReady(pp.Name, err)
}

// look is one look at an event.
type look struct {
	receiver *v1alpha1.WebhookReceiver
	account  *accounts.Account
	refused  error // why there is no account
	event    *v1alpha1.WebhookEvent
}

// look does what an event asks for, and writes down how that went. An error is of Kubernetes, and all is tried again.
func (r *Reconciler) look(ctx context.Context, l look) error {
	if billing.EventType(l.event.Spec.Type).IsOwn() {
		return r.release(ctx, l)
	}
	if l.receiver.Spec.Dunning == nil {
		return r.done(ctx, l.event)
	}
	err := l.refused
	if err == nil {
		err = r.dun(ctx, l)
	}
	var kube *kubeError
	switch {
	case err == nil:
		return r.done(ctx, l.event)
	case errors.Is(err, errStopped):
		return nil // the change is told, and decides
	case errors.As(err, &kube), ctx.Err() != nil:
		return err
	case errors.Is(err, errUndecided):
		d, _ := afterFailure(l.event, l.receiver, err.Error(), 0, false, r.Now())
		return r.write(ctx, l.event, d)
	}
	return r.failed(ctx, l, err)
}

// release lets a notice go. Receivers deliver it meanwhile, and it stays until the status remembers that it was made,
// so that an operator which ended in between does not make another. It is made after the action, so that is over.
func (r *Reconciler) release(ctx context.Context, l look) error {
	if d := l.receiver.Status.Dunning; d != nil {
		for _, x := range d.Invoices {
			if notice.EventID(x.ID) != l.event.Spec.EventID || x.ActedAt != nil {
				continue
			}
			if err := r.finish(ctx, l, x); err != nil {
				return err
			}
			break
		}
	}
	return r.done(ctx, l.event)
}

// failed puts the event off, or gives it up where another look will not help.
func (r *Reconciler) failed(ctx context.Context, l look, err error) error {
	var refusal *provider.RefusalError
	forGood := errors.As(err, &refusal) || errors.Is(err, provider.ErrMalformedEvent)
	why := accounts.ErrorOf(err)
	d, last := afterFailure(l.event, l.receiver, why.Message, provider.RetryAfter(err), forGood, r.Now())
	if err := r.write(ctx, l.event, d); err != nil {
		return err
	}
	if last {
		r.Events.Eventf(l.receiver, l.event, corev1.EventTypeWarning, "DunningGivenUp", "Dun",
			"nothing was done about a payment that failed, see WebhookEvent %s: %s", l.event.Name, why.Message)
	} else if d.Attempts == 1 {
		r.Events.Eventf(l.receiver, l.event, corev1.EventTypeWarning, "DunningFailed", "Dun",
			"WebhookEvent %s is looked at again: %s", l.event.Name, why.Message)
	}
	return nil
}
