package webhookevent

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/notice"
	"github.com/kassa-dev/kassa/internal/provider"
)

// kubeError is a failure of Kubernetes' and not of a provider's: the event has no part in it.
type kubeError struct{ error }

func (e *kubeError) Unwrap() error { return e.error }

// kubernetes is err as one of Kubernetes'. What it will never take is the event's, which would stop all others.
func kubernetes(err error) error {
	if err == nil || apierrors.IsInvalid(err) || apierrors.IsRequestEntityTooLargeError(err) {
		return err
	}
	return &kubeError{err}
}

var (
	// errStopped: somebody stopped dunning while it was under way.
	errStopped = errors.New("dunning was stopped")
	// errUndecided: the invoice is not paid, and the subscription not past due.
	errUndecided = errors.New("the provider does not say yet that the subscription is past due")
)

// settling is how long a provider may take from a payment that failed to a subscription that is past due.
const settling = 2 * time.Minute

// stopped says that nothing is to be done about a receiver's events now.
func stopped(receiver *v1alpha1.WebhookReceiver) bool {
	return !receiver.DeletionTimestamp.IsZero() || receiver.Spec.Suspend || receiver.Spec.Dunning == nil
}

// failure is a payment that failed, as far as it is known.
type failure struct {
	look

	told    billing.Event
	dunner  provider.Dunner
	arrears provider.Arrears
	facts   facts
}

// dun decides about the event's invoice until there is nothing more to decide. Before an action is taken it is written
// down, and all is read once more: the customer may have paid.
func (r *Reconciler) dun(ctx context.Context, l look) error {
	f, err := r.readEvent(l)
	if err != nil {
		return err
	}
	var refusal error
	for {
		if err := r.read(ctx, f); err != nil || f.arrears.InvoiceID == "" {
			return err
		}
		id := f.arrears.InvoiceID
		switch decide(f.facts) {
		case stepWait:
			return errUndecided
		case stepBegin:
			if refusal != nil {
				return refusal
			}
			err := r.remember(ctx, f.receiver, func(d *v1alpha1.DunningStatus) { begin(d, f.entry(r.Now())) })
			if err != nil {
				return kubernetes(err)
			}
		case stepAct:
			err := f.act(ctx)
			if err == nil {
				return r.tell(ctx, f)
			}
			if !errors.As(err, new(*provider.RefusalError)) {
				return err
			}
			// The subscription may have ended in between. If not, the next failure asks again.
			refusal = err
			if err := r.takeBack(ctx, f, id); err != nil {
				return err
			}
		case stepTell:
			return r.tell(ctx, f)
		case stepDrop:
			if err := r.takeBack(ctx, f, id); err != nil {
				return err
			}
		default:
			return r.settled(ctx, f)
		}
	}
}

// readEvent reads the event again, as the receiver did.
func (r *Reconciler) readEvent(l look) (*failure, error) {
	payload, err := notice.Unpack(l.event.Spec.Payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrMalformedEvent, err)
	}
	told, err := l.account.Adapter.Codec().Parse(payload)
	if err != nil {
		return nil, err
	}
	if told.ID != l.event.Spec.EventID {
		return nil, fmt.Errorf("%w: it has another id", provider.ErrMalformedEvent)
	}
	dunner, ok := l.account.Conn.(provider.Dunner)
	if !ok {
		return nil, &provider.RefusalError{Provider: l.account.Adapter.Type(), Reason: "does no dunning in this version"}
	}
	return &failure{look: l, told: told, dunner: dunner}, nil
}

// read reads afresh what is owed, and for what.
func (r *Reconciler) read(ctx context.Context, f *failure) error {
	if stopped(f.receiver) {
		return errStopped
	}
	spec := f.receiver.Spec.Dunning
	f.facts = facts{action: spec.Action, after: int(spec.AfterFailedPayments)}
	traits := f.dunner.Dunning().Traits()
	if why := traits.Refusal(f.account.Adapter.Type(), billing.DunningAction(spec.Action), f.facts.after); why != "" {
		return errors.New(why)
	}
	var err error
	f.arrears, err = f.dunner.Dunning().Arrears(ctx, &f.told)
	if err != nil || f.arrears.InvoiceID == "" {
		return err
	}
	// The provider says whose invoice it is. An event that waits may have been made by anybody who may make one.
	if f.told.Subscription == nil || f.told.Subscription.ID != f.arrears.SubscriptionID {
		return fmt.Errorf("%w: invoice %s is of another subscription", provider.ErrMalformedEvent, f.arrears.InvoiceID)
	}
	f.facts.young = r.Now().Sub(f.event.Spec.ReceivedAt.Time) < settling
	f.facts.open, f.facts.failures = f.arrears.Open, f.arrears.FailedPayments
	if was := known(f.receiver, f.arrears.InvoiceID); was != nil {
		f.facts.begun, f.facts.acted, f.facts.action = true, was.ActedAt != nil, was.Action
		f.facts.unwanted = was.Action != spec.Action
		f.facts.failures = max(f.facts.failures, int(was.FailedPayments)) // the count may be gone
	}
	if f.facts.acted {
		return nil
	}
	if traits.NoCount && f.facts.open {
		if err := r.count(ctx, f); err != nil {
			return err
		}
	}
	f.facts.subscription, err = f.dunner.Subscriptions().Get(ctx, f.arrears.SubscriptionID)
	if provider.IsNotFound(err) {
		f.facts.gone, err = true, nil
	}
	return err
}

// count counts the event, where the provider does not.
func (r *Reconciler) count(ctx context.Context, f *failure) error {
	invoice, event := f.arrears.InvoiceID, f.told.ID
	if _, has := counted(f.receiver, invoice, event); !has {
		err := r.remember(ctx, f.receiver, func(d *v1alpha1.DunningStatus) { count(d, invoice, event) })
		if err != nil {
			return kubernetes(err)
		}
	}
	n, _ := counted(f.receiver, invoice, event)
	f.facts.failures = max(f.facts.failures, n)
	return nil
}

// settled ends the count of an invoice that is not owed any more.
func (r *Reconciler) settled(ctx context.Context, f *failure) error {
	id := f.arrears.InvoiceID
	if n, _ := counted(f.receiver, id, ""); n == 0 || f.facts.open {
		return nil
	}
	return kubernetes(r.remember(ctx, f.receiver, func(d *v1alpha1.DunningStatus) { forget(d, id) }))
}

// act takes the action. It may have been taken before.
func (f *failure) act(ctx context.Context) (err error) {
	id := f.arrears.SubscriptionID
	switch f.facts.action {
	case v1alpha1.DunningCancel:
		_, err = f.dunner.Subscriptions().Cancel(ctx, id, true)
	case v1alpha1.DunningCancelAtPeriodEnd:
		_, err = f.dunner.Subscriptions().Cancel(ctx, id, false)
	case v1alpha1.DunningPause:
		_, err = f.dunner.Dunning().Pause(ctx, id)
	}
	return err
}

// takeBack forgets that an action was begun. Then all is decided anew.
func (r *Reconciler) takeBack(ctx context.Context, f *failure, id string) error {
	return kubernetes(r.remember(ctx, f.receiver, func(d *v1alpha1.DunningStatus) { drop(d, id) }))
}

// tell makes the sinks' event, and then the action is over.
func (r *Reconciler) tell(ctx context.Context, f *failure) error {
	entry := known(f.receiver, f.arrears.InvoiceID)
	if entry == nil {
		return kubernetes(errors.New("the invoice is not remembered"))
	}
	was := *entry
	if err := r.leaveNotice(ctx, f, &was); err != nil {
		return kubernetes(err)
	}
	return r.finish(ctx, f.look, was)
}

// finish ends an action that was told: it is remembered, counted and shown.
func (r *Reconciler) finish(ctx context.Context, l look, was v1alpha1.DunnedInvoice) error {
	now := metav1.NewTime(r.Now())
	err := r.remember(ctx, l.receiver, func(d *v1alpha1.DunningStatus) { acted(d, was.ID, now) })
	if err != nil {
		return kubernetes(err)
	}
	of := ""
	if p := l.receiver.Status.Provider; p != nil {
		of = string(p.Type)
	}
	r.Metrics.actions.WithLabelValues(of, string(was.Action)).Inc()
	r.Events.Eventf(l.receiver, l.event, corev1.EventTypeNormal, "Dunning"+sentence[was.Action].reason, "Dun",
		"subscription %s %s, because invoice %s failed to be paid %s", was.SubscriptionID,
		sentence[was.Action].text, was.ID, times(was.FailedPayments))
	return nil
}

func times(n int32) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

var sentence = map[v1alpha1.DunningAction]struct{ reason, text string }{
	v1alpha1.DunningCancel:            {"Canceled", "was canceled"},
	v1alpha1.DunningCancelAtPeriodEnd: {"CancelScheduled", "will end with its period"},
	v1alpha1.DunningPause:             {"Paused", "was paused"},
	v1alpha1.DunningNotify:            {"Notified", "is behind"},
}
