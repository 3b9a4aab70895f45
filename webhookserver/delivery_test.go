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
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/notice"
)

func repeat(n int) []string {
	var out []string
	for range n {
		out = append(out, "stripe:acct_1:evt_1")
	}
	return out
}

func TestFailingSinkGetsTheEventFromTheInbox(t *testing.T) {
	sink := newApp(t, func(n int, w http.ResponseWriter) {
		if n <= 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	healthy := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app"), healthy.sink("healthy")})
	r := f.start()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Eventually(sink.count, patience, often).Should(Equal(4))
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(sink.ids()).To(Equal(repeat(4)))
	f.g.Expect(healthy.count()).To(Equal(1))
	bodies := sink.bodies()
	f.g.Expect(bodies[3]).To(Equal(bodies[0]), "every attempt is the same, byte for byte")
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Processed))
	f.g.Eventually(func() *v1alpha1.PendingEvents { return f.read().Status.Pending }, patience, often).Should(
		Equal(&v1alpha1.PendingEvents{}))
	f.g.Eventually(func() []v1alpha1.RecentEvent { return f.read().Status.RecentEvents }, patience, often).Should(
		ConsistOf(And(HaveField("Outcome", v1alpha1.OutcomeProcessed), HaveField("Attempts", int32(4)))))
	f.g.Expect(f.totals()).To(Equal(v1alpha1.EventTotals{Received: 1, Deferred: 1}))
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(sink.count()).To(Equal(4))
}

func TestWebhookEventOfADeferredEvent(t *testing.T) {
	sink := newApp(t, status(http.StatusServiceUnavailable))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app"), sink.sink("other", "subscription.*")})
	r := f.start()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Deferred))
	f.g.Eventually(f.inbox, patience, often).Should(ConsistOf(HaveField("Status.Sinks", ConsistOf(
		And(HaveField("LastError", "HTTP 503"), HaveField("Attempts", BeNumerically(">=", 1)))))))
	e := f.inbox()[0]
	f.g.Expect(e.Name).To(Equal(notice.ObjectName("stripe", "evt_1")))
	f.g.Expect(e.Labels).To(HaveKeyWithValue(v1alpha1.LabelReceiver, "stripe"))
	f.g.Expect(e.OwnerReferences).To(ConsistOf(And(
		HaveField("Kind", "WebhookReceiver"), HaveField("UID", f.receiver.UID))))
	f.g.Expect(e.Spec.Sinks).To(Equal([]string{"app"}))
	f.g.Expect(e.Spec.Type).To(Equal("payment.succeeded"))
	raw, err := notice.Unpack(e.Spec.Payload)
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(string(raw)).To(Equal(eventBody("evt_1", "invoice.paid")))
	f.g.Eventually(func() *v1alpha1.PendingEvents { return f.read().Status.Pending }, patience, often).Should(
		HaveField("Count", int32(1)))
	f.g.Expect(f.read().Status.Pending.Oldest).NotTo(BeNil())
	f.g.Expect(r.metric(`kassa_receiver_inbox_events{phase="pending"} 1`)).To(BeTrue())
	changed, _ := json.Marshal(map[string]any{"spec": map[string]any{"sinks": []string{"other"}}})
	f.g.Expect(f.client.Patch(t.Context(), &e, client.RawPatch(types.MergePatchType, changed))).To(
		MatchError(ContainSubstring("never changes")))
}

func TestRedirectIsNoDelivery(t *testing.T) {
	elsewhere := newApp(t, nil)
	sink := newApp(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Eventually(f.inbox, patience, often).Should(HaveLen(1))
	f.g.Expect(elsewhere.count()).To(BeZero())
}

// A sink that hangs does not keep the provider waiting for longer than the budget, nor the other sinks.
func TestHangingSinkIsCutOffAtTheBudget(t *testing.T) {
	release := make(chan struct{})
	hanging := newApp(t, func(n int, _ http.ResponseWriter) {
		if n == 1 {
			<-release
		}
	})
	healthy := newApp(t, nil)
	slow := hanging.sink("slow")
	slow.HTTP.Timeout = &metav1.Duration{Duration: 30 * time.Second}
	f := newFixture(t, []v1alpha1.Sink{slow, healthy.sink("healthy")})
	r := f.start()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(f.ledger.state("evt_1")).NotTo(Equal(ledger.Claimed))
	f.g.Expect(healthy.count()).To(Equal(1))
	close(release)
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(hanging.ids()).To(Equal(repeat(2)))
	f.g.Expect(r.metric(`kassa_receiver_sink_deliveries_total{path="direct",result="timeout",sink="slow"} 1`)).To(BeTrue())
}

// The inbox cannot be written: nothing is acknowledged, and the provider's next try finds the claim.
func TestEventIsNotAcknowledgedWithoutTheInbox(t *testing.T) {
	sink := newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	broken := &brokenClient{WithWatch: f.client}
	broken.fail.Store(true)
	r := f.start(func(o *Options) { o.Client = broken })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(503))
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Claimed))
	broken.fail.Store(false)
	sink.recover()
	f.ledger.do(func() { f.ledger.abandoned["evt_1"] = true })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Eventually(sink.count, patience, often).Should(Equal(2))
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
}

// A replica died after it had written the WebhookEvent and before it settled the claim.
func TestResumedClaimFindsTheInbox(t *testing.T) {
	sink := newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	f.ledger.do(func() { f.ledger.settleErr = ledger.ErrUnavailable })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(503))
	f.g.Expect(f.inbox()).To(HaveLen(1))
	before := sink.count()
	f.ledger.do(func() { f.ledger.settleErr, f.ledger.abandoned["evt_1"] = nil, true })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(r.metric(`kassa_receiver_sink_deliveries_total{path="direct",result="5xx",sink="app"} 1`)).To(BeTrue(),
		"not offered again: %d deliveries before", before)
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Deferred))
	sink.recover()
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Processed))
}

// The same crash, but the provider does not repeat the event: the dispatcher takes the claim over.
func TestInboxSettlesAnAbandonedClaim(t *testing.T) {
	sink := newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	f.ledger.do(func() { f.ledger.settleErr = ledger.ErrUnavailable })
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(503))
	f.ledger.do(func() { f.ledger.settleErr, f.ledger.abandoned["evt_1"] = nil, true })
	sink.recover()
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Processed))
}

func TestDeadLetterAndReplay(t *testing.T) {
	sink := newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	// An event that waited for longer than maxAge while no receiver ran gets one attempt and is given up then.
	payload, err := r.server.inbox.pack([]byte(eventBody("evt_1", "invoice.paid")))
	f.g.Expect(err).NotTo(HaveOccurred())
	f.ledger.do(func() { f.ledger.states["evt_1"] = ledger.Deferred })
	old := &v1alpha1.WebhookEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: f.namespace, Name: notice.ObjectName("stripe", "evt_1"),
			Labels: map[string]string{v1alpha1.LabelReceiver: "stripe"},
		},
		Spec: v1alpha1.WebhookEventSpec{
			Receiver: "stripe", EventID: "evt_1", Type: "payment.succeeded", NativeType: "invoice.paid",
			ReceivedAt: metav1.NewTime(time.Now().Add(-73 * time.Hour)), Payload: payload, Sinks: []string{"app"},
		},
	}
	f.g.Expect(f.client.Create(t.Context(), old)).To(Succeed())
	f.g.Eventually(f.inbox, patience, often).Should(ConsistOf(HaveField("Status.Phase", v1alpha1.EventDead)))
	f.g.Expect(sink.count()).To(Equal(1))
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Dead))
	f.g.Eventually(func() *v1alpha1.PendingEvents { return f.read().Status.Pending }, patience, often).Should(
		Equal(&v1alpha1.PendingEvents{Dead: 1}))
	f.g.Eventually(f.totals, patience, often).Should(Equal(v1alpha1.EventTotals{Dead: 1}))

	sink.recover()
	dead := f.inbox()[0]
	dead.Annotations = map[string]string{v1alpha1.AnnotationReplay: "1"}
	f.g.Expect(f.client.Update(t.Context(), &dead)).To(Succeed())
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(sink.ids()).To(Equal(repeat(2)))
}

func TestRetryAfterOfASinkIsKept(t *testing.T) {
	sink := newApp(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Eventually(f.inbox, patience, often).Should(ConsistOf(HaveField("Status.NextAttempt", Not(BeNil()))))
	e := f.inbox()[0]
	f.g.Expect(e.Status.NextAttempt.Time).To(BeTemporally(">", time.Now().Add(59*time.Minute)))
	f.g.Expect(e.Status.ClaimedBy).To(BeEmpty())
}

// A sink that was taken out of the spec is not waited for.
// A sink that is missing from the spec, or from what a replica knows of it, costs no event: it waits, says why, and is
// delivered when the sink is there.
func TestEventWaitsForASinkThatIsMissing(t *testing.T) {
	sink := newApp(t, status(http.StatusServiceUnavailable))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	rename := func(name string) {
		receiver := f.read()
		receiver.Spec.Delivery.Sinks = []v1alpha1.Sink{sink.sink(name)}
		f.g.Expect(f.client.Update(t.Context(), receiver)).To(Succeed())
	}
	rename("renamed")
	f.g.Eventually(f.inbox, patience, often).Should(ConsistOf(And(
		HaveField("Status.Phase", v1alpha1.EventPending),
		HaveField("Status.Sinks", ConsistOf(HaveField("LastError", "spec.delivery.sinks has no sink of this name"))))))
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Deferred))
	tried := sink.count()
	sink.recover()
	rename("app")
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(sink.count()).To(Equal(tried + 1))
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Processed))
}

// Who deletes a WebhookEvent gives the event up.
func TestDeletedWebhookEventIsGivenUp(t *testing.T) {
	sink := newApp(t, status(http.StatusServiceUnavailable))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(f.client.Delete(t.Context(), &f.inbox()[0])).To(Succeed())
	f.g.Eventually(func() ledger.State { return f.ledger.state("evt_1") }, patience, often).Should(Equal(ledger.Dead))
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Consistently(f.inbox, 300*time.Millisecond, often).Should(BeEmpty())
}

// Two replicas share a backlog: every event is delivered once, since one of them claims it.
func TestReplicasShareTheInbox(t *testing.T) {
	sink := newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")}, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Delivery.Retry.MinBackoff = &metav1.Duration{Duration: time.Second}
	})
	first, second := f.start(), f.start()
	const events = 40
	for i := range events {
		f.g.Expect(first.send(eventBody("evt_"+string(rune('A'+i)), "invoice.paid")).StatusCode).To(Equal(200))
	}
	sink.recover()
	failures := sink.count()
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	taken := map[string]int{}
	for _, id := range sink.ids()[failures:] {
		taken[id]++
	}
	f.g.Expect(len(taken)).To(BeNumerically("<=", events))
	for id, n := range taken {
		f.g.Expect(n).To(Equal(1), id)
	}
	f.g.Eventually(func() int { pending, _, _ := second.server.inbox.index.summary(); return pending },
		patience, often).Should(BeZero())
}

func TestInboxSurvivesARestart(t *testing.T) {
	sink := newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	first := f.start()
	f.g.Expect(first.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(200))
	f.g.Expect(first.stop()).To(Succeed())
	f.g.Expect(f.inbox()).To(HaveLen(1))
	f.g.Expect(f.inbox()[0].Status.ClaimedBy).To(BeEmpty(), "a drained replica leaves no claim")
	sink.recover()
	f.start()
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
}

func TestUnreadablePayloadIsGivenUp(t *testing.T) {
	sink := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	f.start()
	bad := &v1alpha1.WebhookEvent{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: f.namespace, Name: "bad", Labels: map[string]string{v1alpha1.LabelReceiver: "stripe"},
		},
		Spec: v1alpha1.WebhookEventSpec{
			Receiver: "stripe", EventID: "evt_1", ReceivedAt: metav1.Now(), Payload: []byte("no gzip"),
			Sinks: []string{"app"},
		},
	}
	f.ledger.do(func() { f.ledger.states["evt_1"] = ledger.Deferred })
	f.g.Expect(f.client.Create(t.Context(), bad)).To(Succeed())
	f.g.Eventually(f.inbox, patience, often).Should(ConsistOf(HaveField("Status.Phase", v1alpha1.EventDead)))
	f.g.Expect(f.inbox()[0].Status.Sinks[0].LastError).To(Equal("the payload cannot be read"))
	f.g.Expect(f.client.Delete(t.Context(), bad, client.Preconditions{})).To(Succeed())
	f.g.Expect(sink.count()).To(BeZero())
}
