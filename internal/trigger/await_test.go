package trigger_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/notice"
	"github.com/kassa-dev/kassa/internal/trigger"
)

func cluster(t *testing.T, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	NewWithT(t).Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

func recent(outcome v1alpha1.EventOutcome) func(*v1alpha1.WebhookReceiver) {
	return func(r *v1alpha1.WebhookReceiver) {
		r.Status.RecentEvents = []v1alpha1.RecentEvent{{ID: "evt_1", Outcome: outcome, ReceivedAt: metav1.Now()}}
	}
}

func TestWhatBecameOfAnEvent(t *testing.T) {
	g, key := NewWithT(t), client.ObjectKey{Namespace: "shop", Name: "hooks"}
	within := func(d time.Duration) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		t.Cleanup(cancel)
		return ctx
	}
	got, err := trigger.Await(within(time.Minute), cluster(t, receiver(recent("Processed"))), key, "evt_1")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(trigger.Outcome{Outcome: "Processed"}))

	waits := &v1alpha1.WebhookEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: notice.ObjectName("hooks", "evt_1")},
		Status: v1alpha1.WebhookEventStatus{Sinks: []v1alpha1.SinkDelivery{
			{Name: "app", Phase: v1alpha1.EventPending, LastError: "HTTP 500"},
			{Name: "crm", Phase: v1alpha1.EventDelivered, LastError: "HTTP 502"},
		}},
	}
	got, err = trigger.Await(within(time.Second), cluster(t, receiver(recent("Deferred")), waits), key, "evt_1")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(trigger.Outcome{Outcome: "Deferred", Waits: []string{"app: HTTP 500"}}))

	// Others pushed it out of the status before anybody looked.
	segment := &v1alpha1.EventLedger{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "hooks-1", Labels: map[string]string{v1alpha1.LabelReceiver: "hooks"},
		},
		Status: v1alpha1.EventLedgerStatus{Entries: []v1alpha1.LedgerEntry{
			{ID: "evt_0", Type: "invoice.paid", State: v1alpha1.EntryDead, ReceivedAt: metav1.Now()},
			{ID: "evt_1", Type: "invoice.paid", State: v1alpha1.EntryProcessed, ReceivedAt: metav1.Now()},
		}},
	}
	c := cluster(t, receiver(), segment)
	got, err = trigger.Await(within(time.Second), c, key, "evt_1")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(trigger.Outcome{}))
	got, err = trigger.Remembered(t.Context(), c, key, "evt_1")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(trigger.Outcome{Outcome: "Processed"}))

	_, err = trigger.Await(within(time.Second), cluster(t), key, "evt_1")
	g.Expect(err).To(MatchError(ContainSubstring("not found")))
}
