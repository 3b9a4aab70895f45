package eventlist_test

import (
	"math/rand/v2"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/eventlist"
)

var at = metav1.NewTime(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))

func inbox(id string, phase v1alpha1.EventPhase) *v1alpha1.WebhookEvent {
	return &v1alpha1.WebhookEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "stripe-" + id},
		Spec: v1alpha1.WebhookEventSpec{
			Receiver: "stripe", EventID: id, Type: "payment.succeeded", NativeType: "invoice.paid", ReceivedAt: at,
			Sinks: []string{"app", "crm"}, Payload: []byte("jane@example.com"),
		},
		Status: v1alpha1.WebhookEventStatus{Phase: phase, Sinks: []v1alpha1.SinkDelivery{
			{Name: "crm", Phase: phase, Attempts: 3, LastError: "HTTP 500"},
		}},
	}
}

func status(id string, outcome v1alpha1.EventOutcome) *v1alpha1.WebhookReceiver {
	return &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "stripe"},
		Status: v1alpha1.WebhookReceiverStatus{RecentEvents: []v1alpha1.RecentEvent{{
			ID: id, Type: "payment.succeeded", NativeType: "invoice.paid", ReceivedAt: at, Outcome: outcome, Attempts: 1,
		}}},
	}
}

func ledger(id string, state v1alpha1.EntryState) *v1alpha1.EventLedger {
	return &v1alpha1.EventLedger{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Labels: map[string]string{v1alpha1.LabelReceiver: "stripe"}},
		Status: v1alpha1.EventLedgerStatus{Entries: []v1alpha1.LedgerEntry{
			{ID: id, Type: "invoice.paid", ReceivedAt: at, State: state},
		}},
	}
}

func all(*eventlist.Event) bool { return true }

// What several sources tell of one event becomes one line, in whatever order they come.
func TestSourcesAreJoined(t *testing.T) {
	const waits = v1alpha1.EventPending
	for name, test := range map[string]struct {
		inbox  v1alpha1.EventPhase
		status v1alpha1.EventOutcome
		ledger v1alpha1.EntryState
		want   eventlist.State
	}{
		"in hand":                  {ledger: v1alpha1.EntryClaimed, want: eventlist.Claimed},
		"taken":                    {"", v1alpha1.OutcomeProcessed, v1alpha1.EntryProcessed, eventlist.Processed},
		"the status is late":       {"", v1alpha1.OutcomeDeferred, v1alpha1.EntryProcessed, eventlist.Processed},
		"it waits":                 {waits, v1alpha1.OutcomeDeferred, v1alpha1.EntryDeferred, eventlist.Deferred},
		"given up":                 {v1alpha1.EventDead, v1alpha1.OutcomeDead, v1alpha1.EntryDead, eventlist.Dead},
		"replayed, on its way":     {waits, v1alpha1.OutcomeDead, v1alpha1.EntryDead, eventlist.Deferred},
		"replayed, and taken":      {"", v1alpha1.OutcomeProcessed, v1alpha1.EntryDead, eventlist.Processed},
		"replayed or deleted once": {ledger: v1alpha1.EntryDead, want: eventlist.Released},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			for range 10 {
				var told []eventlist.Event
				if test.inbox != "" {
					told = append(told, eventlist.FromInbox(inbox("evt_1", test.inbox)))
				}
				if test.status != "" {
					told = append(told, eventlist.FromStatus(status("evt_1", test.status))...)
				}
				if test.ledger != "" {
					told = append(told, eventlist.FromLedger(ledger("evt_1", test.ledger))...)
				}
				rand.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
				var list eventlist.List
				list.Add(told...)
				events := list.Events(all)
				g.Expect(events).To(HaveLen(1))
				e := events[0]
				g.Expect(e.State).To(Equal(test.want))
				g.Expect(e.NativeType).To(Equal("invoice.paid"))
				g.Expect(e.Object != "").To(Equal(test.inbox != ""))
			}
		})
	}
}

func TestAnEventOfTheInbox(t *testing.T) {
	g := NewWithT(t)
	e := eventlist.FromInbox(inbox("evt_1", v1alpha1.EventPending))
	g.Expect(e.Attempts).To(BeEquivalentTo(4), "with the one at its arrival")
	g.Expect(e.LastError()).To(Equal("crm: HTTP 500"))
	g.Expect(e.Sinks).To(HaveLen(2))
	g.Expect(e.Sinks[0]).To(Equal(eventlist.Sink{Name: "app", Phase: "Pending"}))
}

// What a database has given up is there, although there is no object of it.
func TestEventsInADatabase(t *testing.T) {
	g := NewWithT(t)
	r := status("evt_1", v1alpha1.OutcomeDead)
	r.Spec.Store = &v1alpha1.ReceiverStore{}
	var list eventlist.List
	list.Add(eventlist.FromStatus(r)...)
	g.Expect(list.Events(all)[0].State).To(Equal(eventlist.Dead))
	g.Expect(list.Events(all)[0].InDatabase).To(BeTrue())
}

func TestTheLatestIsLast(t *testing.T) {
	g := NewWithT(t)
	var list eventlist.List
	for i, id := range []string{"b", "c", "a"} {
		l := ledger(id, v1alpha1.EntryProcessed)
		l.Status.Entries[0].ReceivedAt = metav1.NewTime(at.Add(time.Duration(-i) * time.Minute))
		list.Add(eventlist.FromLedger(l)...)
	}
	var ids []string
	for _, e := range list.Events(func(e *eventlist.Event) bool { return e.ID != "c" }) {
		ids = append(ids, e.ID)
	}
	g.Expect(ids).To(Equal([]string{"a", "b"}))
}

func TestChanges(t *testing.T) {
	g := NewWithT(t)
	o := inbox("evt_1", v1alpha1.EventDead)
	changed := eventlist.Changed(watch.Event{Type: watch.Modified, Object: o}, "")
	g.Expect(changed).To(HaveLen(1))
	g.Expect(changed[0].State).To(Equal(eventlist.Dead))
	g.Expect(eventlist.Changed(watch.Event{Type: watch.Deleted, Object: o}, "stripe")[0].State).
		To(Equal(eventlist.Released))
	g.Expect(eventlist.Changed(watch.Event{Type: watch.Modified, Object: o}, "paddle")).To(BeEmpty())
	o.Status.Phase = v1alpha1.EventDelivered
	g.Expect(eventlist.Changed(watch.Event{Type: watch.Deleted, Object: o}, "")[0].State).To(Equal(eventlist.Processed))
	r := status("evt_2", v1alpha1.OutcomeProcessed)
	g.Expect(eventlist.Changed(watch.Event{Type: watch.Added, Object: r}, "paddle")).To(BeEmpty())
	g.Expect(eventlist.Changed(watch.Event{Type: watch.Added, Object: r}, "stripe")).To(HaveLen(1))
}
