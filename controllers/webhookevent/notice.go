package webhookevent

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/notice"
)

// entry is what is written down before an action.
func (f *failure) entry(now time.Time) v1alpha1.DunnedInvoice {
	at := metav1.NewTime(now)
	return v1alpha1.DunnedInvoice{
		ID: f.arrears.InvoiceID, SubscriptionID: f.arrears.SubscriptionID, Action: f.facts.action,
		FailedPayments: int32(min(f.facts.failures, 1<<20)), BegunAt: &at, //nolint:gosec // bounded
	}
}

// leaveNotice makes the event that tells the sinks of an action, for the receivers to deliver. Its name is the
// invoice's, so that there is one however often this is called. It waits for dunning, too: see release.
func (r *Reconciler) leaveNotice(ctx context.Context, f *failure, was *v1alpha1.DunnedInvoice) error {
	e := f.notice(was)
	sinks := wanting(f.receiver, e.Type)
	if len(sinks) == 0 {
		return nil
	}
	payload, err := notice.Encode(&e)
	if err != nil {
		return err
	}
	if payload, err = notice.Pack(payload); err != nil {
		return err
	}
	receiver := f.receiver
	object := &v1alpha1.WebhookEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: receiver.Namespace, Name: notice.ObjectName(receiver.Name, e.ID),
			Labels: map[string]string{v1alpha1.LabelReceiver: receiver.Name, v1alpha1.LabelDunning: "true"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "WebhookReceiver", Name: receiver.Name, UID: receiver.UID,
			}},
		},
		Spec: v1alpha1.WebhookEventSpec{
			Receiver: receiver.Name, EventID: e.ID, Type: string(e.Type), NativeType: e.NativeType,
			ReceivedAt: *was.BegunAt, OccurredAt: &metav1.MicroTime{Time: e.Time}, OrderKey: f.event.Spec.OrderKey,
			Payload: payload, Sinks: append(sinks, v1alpha1.SinkDunning),
		},
	}
	if err := r.Client.Create(ctx, object); !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// notice is Kassa's own event of an action.
func (f *failure) notice(was *v1alpha1.DunnedInvoice) billing.Event {
	action := billing.DunningAction(was.Action)
	return billing.Event{
		ID: notice.EventID(was.ID), Type: action.Told(), NativeType: string(action.Told()), Time: was.BegunAt.Time,
		Mode: f.account.Info.Mode, Customer: f.told.Customer, Subscription: f.told.Subscription, Payment: f.told.Payment,
		Dunning: &billing.EventDunning{
			InvoiceID: was.ID, FailedPayments: int(was.FailedPayments), Action: action,
		},
		Metadata: f.told.Metadata, Native: f.told.Native,
	}
}

// wanting are the sinks that an event of Kassa's own goes to. spec.events is of what the provider sends, and has no
// say.
func wanting(receiver *v1alpha1.WebhookReceiver, t billing.EventType) []string {
	if receiver.Spec.Delivery == nil {
		return nil
	}
	var out []string
	for _, sink := range receiver.Spec.Delivery.Sinks {
		if billing.MatchesEvent(sink.Events, t, string(t)) {
			out = append(out, sink.Name)
		}
	}
	return out
}
