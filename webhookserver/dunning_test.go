package webhookserver

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/notice"
	database "github.com/kassa-dev/kassa/test/postgres"
)

func withDunning(r *v1alpha1.WebhookReceiver) {
	r.Spec.Dunning = &v1alpha1.Dunning{AfterFailedPayments: 3, Action: v1alpha1.DunningCancel}
}

var failedBody = eventBody("evt_1", "invoice.payment_failed")

// lookedAt writes what the operator does when it is through with an event.
func (f *fixture) lookedAt(name string) {
	f.t.Helper()
	f.g.Eventually(func() error {
		e := &v1alpha1.WebhookEvent{}
		if err := f.client.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, e); err != nil {
			return err
		}
		var sinks []v1alpha1.SinkDelivery
		for _, s := range e.Spec.Sinks {
			d := deliveryOf(e.Status.Sinks, s)
			if s == v1alpha1.SinkDunning {
				d.Phase = v1alpha1.EventDelivered
			}
			sinks = append(sinks, d)
		}
		patch, err := json.Marshal(map[string]any{
			"metadata": map[string]any{"resourceVersion": e.ResourceVersion}, "status": map[string]any{"sinks": sinks},
		})
		if err != nil {
			return err
		}
		return f.client.Status().Patch(f.t.Context(), e, client.RawPatch(types.MergePatchType, patch))
	}, patience, often).Should(Succeed())
}

// A payment that failed is left for the operator before it is acknowledged, whatever the sinks and spec.events; no
// receiver sends it there, and the event ends when the operator is through with it.
func TestFailedPaymentsAreLeftForTheOperator(t *testing.T) {
	app := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{app.sink("app")}, withDunning, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Delivery.Retry.MaxAge = &metav1.Duration{Duration: time.Minute}
	})
	r := f.start()
	f.g.Expect(r.send(failedBody).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(f.inbox()).To(HaveLen(1))
	e := f.inbox()[0]
	f.g.Expect(e.Name).To(Equal(notice.ObjectName("stripe", "evt_1")))
	f.g.Expect(e.Spec.Sinks).To(Equal([]string{v1alpha1.SinkDunning}))
	f.g.Expect(e.Labels).To(HaveKeyWithValue(v1alpha1.LabelDunning, "true"))
	f.g.Expect(app.count()).To(Equal(1))
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Deferred))
	f.g.Expect(r.send(failedBody).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(r.send(eventBody("evt_2", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
	f.g.Consistently(f.inbox, time.Second, often).Should(HaveLen(1))
	f.g.Expect(f.inbox()[0].ResourceVersion).To(Equal(e.ResourceVersion), "it is the operator's alone")

	f.lookedAt(e.Name)
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Processed))
	f.g.Expect(app.count()).To(Equal(2))
}

// What the operator is through with waits on for the sinks, and the other way about.
func TestTheOperatorAndSinksWaitForEachOther(t *testing.T) {
	app := newApp(t, status(http.StatusServiceUnavailable))
	f := newFixture(t, []v1alpha1.Sink{app.sink("app")}, withDunning, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Events = []string{"payment.failed"}
	})
	r := f.start()
	for _, id := range []string{"evt_1", "evt_2"} {
		f.g.Expect(r.send(eventBody(id, "invoice.payment_failed")).StatusCode).To(Equal(http.StatusOK))
	}
	first, second := notice.ObjectName("stripe", "evt_1"), notice.ObjectName("stripe", "evt_2")
	f.g.Expect(f.inbox()).To(HaveLen(2))
	f.g.Expect(f.inbox()[0].Spec.Sinks).To(Equal([]string{"app", v1alpha1.SinkDunning}))
	f.lookedAt(first)
	f.g.Consistently(f.inbox, time.Second, often).Should(HaveLen(2))
	app.recover()
	f.g.Eventually(func() []string {
		var names []string
		for _, e := range f.inbox() {
			names = append(names, e.Name)
		}
		return names
	}, patience, often).Should(Equal([]string{second}))
	f.g.Eventually(func() v1alpha1.EventPhase {
		return deliveryOf(f.inbox()[0].Status.Sinks, "app").Phase
	}, patience, often).Should(Equal(v1alpha1.EventDelivered))
	f.lookedAt(second)
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
}

// A receiver that takes other events still tells the operator, and one without spec.dunning does not.
func TestDunningHasEventsOfItsOwn(t *testing.T) {
	f := newFixture(t, nil, withDunning, func(r *v1alpha1.WebhookReceiver) { r.Spec.Events = []string{"checkout.*"} })
	f.g.Expect(f.start().send(failedBody).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(f.inbox()).To(HaveLen(1))
	f = newFixture(t, nil)
	f.g.Expect(f.start().send(failedBody).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(f.inbox()).To(BeEmpty())
}

// noticeOf is one of Kassa's own events, as the operator leaves it.
func (f *fixture) noticeOf(invoice string) *v1alpha1.WebhookEvent {
	f.t.Helper()
	e := billing.Event{
		ID: notice.EventID(invoice), Type: billing.DunningCanceled, Time: time.Now().UTC(), Mode: billing.Test,
		Subscription: &billing.EventSubscription{ID: "sub_1"},
		Payment:      &billing.EventPayment{ID: "pi_1", Money: billing.Money{Minor: 2900, Currency: "USD"}},
		Dunning:      &billing.EventDunning{InvoiceID: invoice, FailedPayments: 3, Action: billing.DunCancel},
		Native:       json.RawMessage(failedBody),
	}
	payload, err := notice.Encode(&e)
	f.g.Expect(err).NotTo(HaveOccurred())
	payload, err = notice.Pack(payload)
	f.g.Expect(err).NotTo(HaveOccurred())
	object := &v1alpha1.WebhookEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: f.namespace, Name: notice.ObjectName("stripe", e.ID),
			Labels: map[string]string{v1alpha1.LabelReceiver: "stripe", v1alpha1.LabelDunning: "true"},
		},
		Spec: v1alpha1.WebhookEventSpec{
			Receiver: "stripe", EventID: e.ID, Type: string(e.Type), ReceivedAt: metav1.Now(), Payload: payload,
			Sinks: []string{"app", v1alpha1.SinkDunning},
		},
	}
	f.g.Expect(f.client.Create(f.t.Context(), object)).To(Succeed())
	return object
}

func (f *fixture) expectNotice(app *app, nth int) {
	f.t.Helper()
	f.g.Eventually(app.count, patience, often).Should(Equal(nth))
	f.g.Expect(app.bodies()[nth-1]).To(And(
		ContainSubstring(`"type":"dev.kassa.dunning.canceled"`), ContainSubstring(`"id":"stripe:acct_1:dunning-in_1"`),
		ContainSubstring(`"dunning":{"invoiceID":"in_1","failedPayments":3,"action":"Cancel"}`),
		ContainSubstring(`"native":`+failedBody), ContainSubstring(`"amount":"29.00"`)))
}

// An event of Kassa's own is delivered as any other, and stays until the operator has remembered that it made it.
func TestKassasOwnEventsAreDelivered(t *testing.T) {
	app := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{app.sink("app")}, withDunning)
	f.start()
	made := f.noticeOf("in_1")
	f.expectNotice(app, 1)
	f.g.Eventually(func() v1alpha1.EventPhase {
		return deliveryOf(f.inbox()[0].Status.Sinks, "app").Phase
	}, patience, often).Should(Equal(v1alpha1.EventDelivered))
	f.g.Consistently(f.inbox, time.Second, often).Should(HaveLen(1))
	f.lookedAt(made.Name)
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(app.count()).To(Equal(1))
}

// With a database, too, an event is left for the operator before it is acknowledged, and Kassa's own are delivered; the
// database's account of the event is not touched by that.
func TestDunningWithADatabase(t *testing.T) {
	app := newApp(t, status(http.StatusServiceUnavailable))
	f := newSQLFixture(t, database.Shared(t), app.sink("app"))
	withDunning(f.receiver)
	f.g.Expect(f.client.Update(t.Context(), f.receiver)).To(Succeed())
	r := f.startSQL()
	f.g.Expect(r.send(failedBody).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(f.inbox()).To(HaveLen(1))
	f.g.Expect(f.inbox()[0].Spec.Sinks).To(Equal([]string{v1alpha1.SinkDunning}))
	f.g.Eventually(app.count, patience, often).ShouldNot(BeZero())
	f.lookedAt(f.inbox()[0].Name)
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(f.ask(states)()).To(Equal("Deferred 1"), "the sink has not taken it")
	app.recover()
	f.g.Eventually(f.ask(states), patience, often).Should(Equal("Processed 1"))

	n := app.count()
	made := f.noticeOf("in_1")
	f.expectNotice(app, n+1)
	f.lookedAt(made.Name)
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(f.ask(states)()).To(Equal("Processed 1"))
}

// However old an event is, receivers leave it alone while the operator alone has to look at it, and end it afterwards.
func TestChoresOfDunning(t *testing.T) {
	g := NewWithT(t)
	e := ordered("e", "", 1, "app", v1alpha1.SinkDunning)
	late := noon.Add(2 * patient.maxAge)
	g.Expect(toDeliver(e)).To(Equal([]string{"app"}))
	g.Expect(choreAt(e, late, patient)).To(Equal(retryUntil(e, patient)), "a sink waits for it")
	e.Status = afterAttempts(e, map[string]attempt{"app": {taken: true}}, patient, noon, randomPause)
	g.Expect(e.Status.Phase).To(Equal(v1alpha1.EventPending))
	g.Expect(toDeliver(e)).To(BeEmpty())
	g.Expect(choreAt(e, late, patient)).To(BeZero())
	e.Status.Sinks[1].NextAttempt = microTime(late)
	g.Expect(afterAttempts(e, nil, patient, noon, randomPause).NextAttempt).To(BeNil(), "that is the operator's")
	e.Status.Sinks[1].Phase = v1alpha1.EventDelivered
	g.Expect(choreAt(e, late, patient)).To(Equal(late))
	g.Expect(afterAttempts(e, nil, patient, noon, randomPause).Phase).To(Equal(v1alpha1.EventDelivered))
	e.Status.Sinks[1].Phase = v1alpha1.EventDead
	g.Expect(afterAttempts(e, nil, patient, noon, randomPause).Phase).To(Equal(v1alpha1.EventDead))
}
