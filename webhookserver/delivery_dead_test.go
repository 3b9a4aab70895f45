package webhookserver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// A sink that hangs is left alone after some events: it costs the later ones no time, no attempt, and no write but the
// one that puts them into the inbox. The sink beside it gets everything at once.
func TestDeadSinkCostsNothingButTheInbox(t *testing.T) {
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	dead := newApp(t, func(int, http.ResponseWriter) { <-release })
	t.Cleanup(free)
	healthy := newApp(t, nil)
	slow := dead.sink("dead")
	slow.HTTP.Timeout = &metav1.Duration{Duration: 200 * time.Millisecond}
	f := newFixture(t, []v1alpha1.Sink{slow, healthy.sink("healthy")})
	r := f.start()
	open := func() bool { return r.metric(`kassa_receiver_sink_circuit_open{sink="dead"} 1`) }
	sent := 0
	for !open() {
		sent++
		f.g.Expect(sent).To(BeNumerically("<=", tripAfter+1))
		f.g.Expect(r.send(of(fmt.Sprint("evt_", sent))).StatusCode).To(Equal(200))
	}
	tried := dead.count()
	const more = 60
	var all sync.WaitGroup
	for range more {
		sent++
		all.Go(func() { f.g.Expect(r.send(of(fmt.Sprint("evt_", sent))).StatusCode).To(Equal(200)) })
		all.Wait()
	}
	f.g.Expect(healthy.count()).To(Equal(sent))
	f.g.Expect(dead.count()-tried).To(BeNumerically("<=", 5), "only probes")
	untouched := 0
	for _, e := range f.inbox() {
		f.g.Expect(e.Spec.Sinks).To(Equal([]string{"dead"}))
		if e.Status.Phase == "" {
			untouched++
		}
	}
	f.g.Expect(untouched).To(BeNumerically(">=", more-5))
	free()
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(healthy.count()).To(Equal(sent))
	f.g.Expect(open()).To(BeFalse())
	taken := dead.ids()
	slices.Sort(taken)
	f.g.Expect(slices.Compact(taken)).To(HaveLen(sent))
}

// 410 is the app's way to let go of an event: that delivery is given up at once, others go on, and a replay asks again.
func TestGoneIsGivenUpAtOnce(t *testing.T) {
	gone := newApp(t, status(http.StatusGone))
	other := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{gone.sink("app"), other.sink("other")}, unhurried)
	r := f.start()
	f.g.Expect(r.send(of("evt_1")).StatusCode).To(Equal(200))
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Dead))
	f.g.Expect(r.metric(`kassa_receiver_requests_total{result="dead"} 1`)).To(BeTrue(), "it is no duplicate")
	f.g.Expect(f.inbox()).To(ConsistOf(And(
		HaveField("Status.Phase", v1alpha1.EventDead),
		HaveField("Status.Sinks", ConsistOf(And(HaveField("Phase", v1alpha1.EventDead), HaveField("Attempts", int32(1)),
			HaveField("LastError", "HTTP 410: the sink wants this event no more")))))))
	f.g.Eventually(f.totals, patience, often).Should(Equal(v1alpha1.EventTotals{Received: 1, Dead: 1}))
	f.g.Expect(r.send(of("evt_2")).StatusCode).To(Equal(200), "the sink is not given up")
	f.g.Expect(gone.count()).To(Equal(2))
	f.g.Expect(other.count()).To(Equal(2))
	gone.recover()
	e := f.inbox()[0]
	e.Annotations = map[string]string{v1alpha1.AnnotationReplay: "1"}
	f.g.Expect(f.client.Update(t.Context(), &e)).To(Succeed())
	f.g.Eventually(f.inbox, patience, often).Should(HaveLen(1))
	f.g.Expect(gone.count()).To(Equal(3))
	f.g.Expect(other.count()).To(Equal(2))
}

// unhurried retries come later than what an intake writes down, however slow the machine is.
func unhurried(r *v1alpha1.WebhookReceiver) {
	r.Spec.Delivery.Retry = &v1alpha1.DeliveryRetry{MinBackoff: &metav1.Duration{Duration: time.Minute}}
}

// Retry-After holds back everything for that sink, and nothing for another.
func TestRetryAfterHoldsTheSinksOtherEvents(t *testing.T) {
	sink := newApp(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	other := newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app"), other.sink("other")})
	r := f.start()
	began := time.Now()
	for i := range 5 {
		f.g.Expect(r.send(of(fmt.Sprint("evt_", i))).StatusCode).To(Equal(200))
	}
	f.g.Expect(other.count()).To(Equal(5))
	f.g.Eventually(sink.count, patience, often).Should(BeNumerically(">", 1))
	f.g.Expect(time.Since(began)).To(BeNumerically(">=", 1900*time.Millisecond))
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(sink.count()).To(Equal(6))
}

// No more requests at once than the spec says.
func TestSinksConcurrencyIsBounded(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	sink := newApp(t, func(int, http.ResponseWriter) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		<-time.After(20 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
	})
	to := sink.sink("app")
	to.HTTP.MaxConcurrent = new(int32(2))
	f := newFixture(t, []v1alpha1.Sink{to})
	r := f.start()
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() { f.g.Expect(r.send(of(fmt.Sprint("evt_", i))).StatusCode).To(Equal(200)) })
	}
	all.Wait()
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(sink.count()).To(Equal(30))
	f.g.Expect(most).To(Equal(2))
}

// An event whose sinks are down is left to the provider while the inbox cannot take more. One that a sink takes passes.
func TestFullInboxLeavesEventsToTheProvider(t *testing.T) {
	dead, healthy := newApp(t, status(500)), newApp(t, nil)
	f := newFixture(t, []v1alpha1.Sink{
		dead.sink("dead", "payment.*"), healthy.sink("healthy", "subscription.*"),
	})
	r := f.start()
	for i := range tripAfter {
		f.g.Expect(r.send(of(fmt.Sprint("evt_", i))).StatusCode).To(Equal(200))
	}
	r.server.inbox.writers.Add(maxWriters)
	a := r.send(of("evt_kept"))
	f.g.Expect(a.StatusCode).To(Equal(503))
	f.g.Expect(a.Header.Get("Retry-After")).To(Equal("60"))
	f.g.Expect(f.ledger.state("evt_kept")).To(BeEmpty(), "not claimed")
	updated := strings.ReplaceAll(of("evt_taken"), "invoice.paid", "customer.subscription.updated")
	f.g.Expect(r.send(updated).StatusCode).To(Equal(200))
	r.server.inbox.writers.Add(-maxWriters)
	f.g.Expect(r.send(of("evt_kept")).StatusCode).To(Equal(200))
}
