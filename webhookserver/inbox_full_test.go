package webhookserver

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// fill makes the inbox as full as an index can tell, with events that wait for a sink.
func (r *replica) fill(sink string, phase v1alpha1.EventPhase, events int) {
	later := time.Now().Add(time.Hour)
	for i := range events {
		e := indexed(fmt.Sprintf("%s-%d", sink, i), phase, later)
		e.Spec.Sinks = []string{sink}
		r.server.inbox.index.set(e, time.Now(), 0, patient)
	}
}

// A sink that answers every event with 4xx works, as far as its circuit is concerned, and still must not fill etcd.
func TestAFullInboxTakesNoMoreWhateverTheSinkAnswers(t *testing.T) {
	healthy, sink := newApp(t, nil), newApp(t, status(404))
	f := newFixture(t, []v1alpha1.Sink{
		healthy.sink("healthy", "customer.subscription.updated"), sink.sink("app", "invoice.paid"),
	})
	r := f.start()
	f.g.Expect(r.send(of("evt_1")).StatusCode).To(Equal(200))
	f.g.Expect(f.inbox()).To(HaveLen(1))

	// Full of what was given up: no sink is known to take nothing.
	r.fill("gone", v1alpha1.EventDead, maxInbox)
	f.g.Expect(r.send(of("evt_2")).StatusCode).To(Equal(503))
	f.g.Expect(sink.count()).To(BeNumerically(">=", 2), "it was asked")
	f.g.Expect(f.inbox()).To(HaveLen(1))
	f.g.Expect(r.send(eventBody("evt_3", "customer.subscription.updated")).StatusCode).To(Equal(200))

	// Full of what waits for the sink: the event is not even claimed.
	r.fill("app", v1alpha1.EventPending, crowd)
	f.g.Expect(r.send(of("evt_4")).StatusCode).To(Equal(503))
	f.g.Expect(f.ledger.state("evt_4")).To(BeEmpty())
	f.g.Expect(r.send(eventBody("evt_5", "customer.subscription.updated")).StatusCode).To(Equal(200))

	// There is room again: what was only refused for want of it is put there, without another request of the provider's.
	for _, name := range []string{"gone", "app"} {
		for i := range maxInbox {
			r.server.inbox.index.remove(fmt.Sprintf("%s-%d", name, i))
		}
	}
	f.g.Eventually(func() ledger.State { return f.ledger.state("evt_2") }, patience, often).Should(Equal(ledger.Deferred))
	f.g.Expect(f.inbox()).To(HaveLen(2))
}

// An event that is in the inbox already needs no room: its claim can be settled.
func TestAFullInboxKnowsWhatIsThere(t *testing.T) {
	sink := newApp(t, status(404))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	f.g.Expect(r.send(of("evt_1")).StatusCode).To(Equal(200))
	r.fill("gone", v1alpha1.EventDead, maxInbox)
	cfg := r.settings()
	e, err := cfg.codec.Parse([]byte(of("evt_1")))
	f.g.Expect(err).NotTo(HaveOccurred())
	put := func(sink string) error {
		_, err := r.server.inbox.put(t.Context(), cfg, &e, e.Native, &message{}, []undelivered{{sink: sink}}, noon)
		return err
	}
	f.g.Expect(put("app")).To(Succeed())
	f.g.Expect(put("other")).To(MatchError(errOtherSinks))
	e.ID = "evt_2"
	f.g.Expect(put("app")).To(MatchError(errInboxFull))
}
