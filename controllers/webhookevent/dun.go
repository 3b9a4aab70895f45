package webhookevent

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/notice"
	"github.com/kassa-dev/kassa/internal/provider"
)

// kubeError is a failure of Kubernetes' and not of a provider's: the event has no part in it.
type kubeError struct{ error }

func (e *kubeError) Unwrap() error { return e.error }

func kubernetes(err error) error {
	if err == nil {
		return nil
	}
	return &kubeError{err}
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
	for {
		if err := r.read(ctx, f); err != nil || f.arrears.InvoiceID == "" {
			return err
		}
		id := f.arrears.InvoiceID
		switch decide(f.facts) {
		case stepBegin:
			err := r.remember(ctx, f.receiver, func(d *v1alpha1.DunningStatus) { begin(d, f.entry(r.Now())) })
			if err != nil {
				return kubernetes(err)
			}
		case stepAct:
			if err := f.act(ctx); err != nil {
				return r.takeBack(ctx, f, err)
			}
			return r.tell(ctx, f)
		case stepTell:
			return r.tell(ctx, f)
		case stepDrop:
			return kubernetes(r.remember(ctx, f.receiver, func(d *v1alpha1.DunningStatus) { drop(d, id); forget(d, id) }))
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
	spec := f.receiver.Spec.Dunning
	f.facts = facts{action: spec.Action, after: int(spec.AfterFailedPayments)}
	traits := f.dunner.Dunning().Traits()
	if why := traits.Refusal(f.account.Adapter.Type(), billing.DunningAction(spec.Action), f.facts.after); why != "" {
		return errors.New(why)
	}
	var err error
	f.arrears, err = f.dunner.Dunning().Arrears(ctx, &f.told)
	if err != nil || f.arrears.InvoiceID == "" {
		if provider.IsNotFound(err) {
			f.arrears, err = provider.Arrears{}, nil // nothing is owed
		}
		return err
	}
	if f.arrears.SubscriptionID == "" {
		f.arrears.SubscriptionID = f.told.Subscription.ID
	}
	f.facts.open, f.facts.failures = f.arrears.Open, f.arrears.FailedPayments
	if was := known(f.receiver, f.arrears.InvoiceID); was != nil {
		f.facts.begun, f.facts.acted, f.facts.action = true, was.ActedAt != nil, was.Action
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
	f.facts.failures, _ = counted(f.receiver, invoice, event)
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

// takeBack forgets that an action was begun which the provider refuses, so that the next failure asks again.
func (r *Reconciler) takeBack(ctx context.Context, f *failure, why error) error {
	var refusal *provider.RefusalError
	if !errors.As(why, &refusal) {
		return why
	}
	id := f.arrears.InvoiceID
	err := r.remember(ctx, f.receiver, func(d *v1alpha1.DunningStatus) { drop(d, id) })
	if err != nil {
		return kubernetes(err)
	}
	return why
}

// tell makes the sinks' event, and then the action is over: it is remembered, counted and shown.
func (r *Reconciler) tell(ctx context.Context, f *failure) error {
	entry := known(f.receiver, f.arrears.InvoiceID)
	if entry == nil {
		return kubernetes(errors.New("the invoice is not remembered"))
	}
	was := *entry
	if err := r.leaveNotice(ctx, f, &was); err != nil {
		return kubernetes(err)
	}
	now := metav1.NewTime(r.Now())
	err := r.remember(ctx, f.receiver, func(d *v1alpha1.DunningStatus) { acted(d, was.ID, now) })
	if err != nil {
		return kubernetes(err)
	}
	r.Metrics.actions.WithLabelValues(string(f.account.Adapter.Type()), string(was.Action)).Inc()
	r.Events.Eventf(f.receiver, f.event, corev1.EventTypeNormal, "Dunning"+sentence[was.Action].reason, "Dun",
		"subscription %s %s, because invoice %s failed to be paid %d times", was.SubscriptionID,
		sentence[was.Action].text, was.ID, was.FailedPayments)
	return nil
}

var sentence = map[v1alpha1.DunningAction]struct{ reason, text string }{
	v1alpha1.DunningCancel:            {"Canceled", "was canceled"},
	v1alpha1.DunningCancelAtPeriodEnd: {"CancelScheduled", "will end with its period"},
	v1alpha1.DunningPause:             {"Paused", "was paused"},
	v1alpha1.DunningNotify:            {"Notified", "is behind"},
}
