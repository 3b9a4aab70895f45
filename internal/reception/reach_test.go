package reception_test

import (
	"testing"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/reception"
)

func TestWhereAnEventGoes(t *testing.T) {
	succeeded := &billing.Event{Type: billing.PaymentSucceeded, NativeType: "invoice.paid"}
	failed := &billing.Event{Type: billing.PaymentFailed, Subscription: &billing.EventSubscription{ID: "sub_1"}}
	events := func(patterns ...string) func(*v1alpha1.WebhookReceiver) {
		return func(r *v1alpha1.WebhookReceiver) { r.Spec.Events = patterns }
	}
	sinks := func(patterns ...string) func(*v1alpha1.WebhookReceiver) {
		return func(r *v1alpha1.WebhookReceiver) {
			r.Spec.Delivery = &v1alpha1.Delivery{Sinks: []v1alpha1.Sink{{Name: "app"}, {Name: "crm", Events: patterns}}}
		}
	}
	dunned := func(r *v1alpha1.WebhookReceiver) { r.Spec.Dunning = &v1alpha1.Dunning{} }
	for name, test := range map[string]struct {
		of    *v1alpha1.WebhookReceiver
		event *billing.Event
		want  reception.Reach
	}{
		"no filter": {receiver(sinks("customer.*")), succeeded, reception.Reach{Sinks: []string{"app"}, Recorded: true}},
		"a sink's own": {
			receiver(events("customer.*"), sinks("invoice.paid")), succeeded,
			reception.Reach{Sinks: []string{"crm"}, Recorded: true},
		},
		"nobody":        {receiver(events("customer.*"), sinks("customer.*")), succeeded, reception.Reach{}},
		"no sinks":      {receiver(), succeeded, reception.Reach{Recorded: true}},
		"dunning alone": {receiver(events("customer.*"), dunned), failed, reception.Reach{Recorded: true, Dunned: true}},
		"no name":       {receiver(sinks("customer.*")), &billing.Event{NativeType: "balance.available"}, reception.Reach{}},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(reception.ReachOf(&test.of.Spec, test.event)).To(Equal(test.want))
		})
	}
}

func TestWhatIsRecorded(t *testing.T) {
	event := func(kind billing.EventType, native string) *billing.Event {
		return &billing.Event{Type: kind, NativeType: native}
	}
	paid := event(billing.PaymentSucceeded, "invoice.paid")
	product := event(billing.CatalogProductChanged, "product.updated")
	unnamed := event("", "payment_intent.created")
	failed := event("", "charge.failed")
	failed.Payment = &billing.EventPayment{FailureCode: "card_declined"}
	renewal := event(billing.PaymentFailed, "invoice.payment_failed")
	renewal.Subscription = &billing.EventSubscription{ID: "sub_1"}
	oneOff := event(billing.PaymentFailed, "invoice.payment_failed")
	filter := func(events ...string) *v1alpha1.Delivery {
		return &v1alpha1.Delivery{Sinks: []v1alpha1.Sink{{Name: "all"}, {Name: "app", Events: events}}}
	}
	for _, c := range []struct {
		why  string
		spec v1alpha1.WebhookReceiverSpec
		want []bool // paid, product, unnamed, failed, renewal, oneOff
	}{
		{"the default", v1alpha1.WebhookReceiverSpec{}, []bool{true, true, false, false, true, true}},
		{
			"a choice", v1alpha1.WebhookReceiverSpec{Events: []string{"payment.*"}},
			[]bool{true, false, false, false, true, true},
		},
		{
			"dunning", v1alpha1.WebhookReceiverSpec{Events: []string{"payment.succeeded"}, Dunning: &v1alpha1.Dunning{}},
			[]bool{true, false, false, false, true, false},
		},
		{
			"a sink's choice", v1alpha1.WebhookReceiverSpec{Events: []string{"payment.*"}, Delivery: filter("payment_intent.*")},
			[]bool{true, false, true, false, true, true},
		},
		{
			"in a database", v1alpha1.WebhookReceiverSpec{Store: &v1alpha1.ReceiverStore{}, Events: []string{"dispute.*"}},
			[]bool{false, false, false, true, false, false},
		},
	} {
		for i, e := range []*billing.Event{paid, product, unnamed, failed, renewal, oneOff} {
			NewWithT(t).Expect(reception.ReachOf(&c.spec, e).Recorded).To(Equal(c.want[i]), c.why+" "+e.NativeType)
		}
	}
}
