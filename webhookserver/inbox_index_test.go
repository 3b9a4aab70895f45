package webhookserver

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

func indexed(name string, phase v1alpha1.EventPhase, next time.Time) *v1alpha1.WebhookEvent {
	e := &v1alpha1.WebhookEvent{}
	e.Name, e.ResourceVersion = name, "1"
	e.Spec.ReceivedAt, e.Spec.Sinks = metav1.NewTime(next), []string{"app"}
	e.Status.Phase, e.Status.NextAttempt = phase, microTime(next)
	return e
}

// unlimited lets everything through.
func unlimited(string, time.Time) opening { return opening{most: 1 << 20} }

var patient = retry{maxAge: 72 * time.Hour, minBackoff: time.Second, maxBackoff: time.Minute}

// Whoever puts an event into the inbox writes down just after that what a sink said.
func TestNewEventIsNotTriedAtOnce(t *testing.T) {
	g := NewWithT(t)
	b := &inbox{config: &config{}, index: newIndex(unlimited)}
	b.config.live.Set(slog.New(slog.DiscardHandler), &settings{retry: patient}, "")
	for i := range 100 {
		name, before := strconv.Itoa(i), time.Now()
		e := indexed(name, v1alpha1.EventPending, time.Time{})
		e.Status.NextAttempt = nil
		e.Spec.ReceivedAt = metav1.NewTime(before)
		b.observe(e)
		due := b.index.records[name].waits[1].due
		g.Expect(due).To(BeTemporally(">=", before.Add(patient.minBackoff/2)), name)
		g.Expect(due).To(BeTemporally("<=", time.Now().Add(patient.minBackoff)), name)
	}
}

func TestIndexHandsOutWhatIsDueOnce(t *testing.T) {
	g := NewWithT(t)
	x, now := newIndex(unlimited), time.Now()
	x.set(indexed("later", v1alpha1.EventPending, now.Add(time.Hour)), now, 0, patient)
	x.set(indexed("dead", v1alpha1.EventDead, now), now, 0, patient)
	const due = 100
	for i := range due {
		x.set(indexed(strconv.Itoa(i), v1alpha1.EventPending, now.Add(-time.Minute)), now, 0, patient)
	}
	jobs := map[string]job{}
	for range due {
		r, ok := x.next(t.Context())
		g.Expect(ok).To(BeTrue())
		g.Expect(jobs).NotTo(HaveKey(r.name))
		jobs[r.name] = r
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, ok := x.next(ended)
	g.Expect(ok).To(BeFalse())
	nothing := func() {
		_, _, ok := x.take(now)
		g.Expect(ok).To(BeFalse(), "what is worked on is not handed out again")
	}
	nothing()

	// A change that the watch tells while a worker has the record counts once the worker is done.
	x.set(indexed("7", v1alpha1.EventPending, now.Add(-time.Second)), now, 0, patient)
	nothing()
	x.done(jobs["7"], time.Time{})
	r, ok := x.next(t.Context())
	g.Expect(ok).To(BeTrue())
	g.Expect(r.name).To(Equal("7"))
	x.done(r, now.Add(2*time.Hour))
	nothing()
}

func TestIndexCountsAndForgets(t *testing.T) {
	g := NewWithT(t)
	x, now := newIndex(unlimited), time.Now()
	counts := func() [2]int { p, d, _ := x.summary(); return [2]int{p, d} }
	x.begin()
	x.set(indexed("a", "", now.Add(-time.Hour)), now, 0, patient)
	x.set(indexed("b", v1alpha1.EventPending, now), now, 0, patient)
	x.set(indexed("c", v1alpha1.EventDead, now.Add(-2*time.Hour)), now, 0, patient)
	x.set(indexed("d", v1alpha1.EventDelivered, now.Add(-2*time.Hour)), now, 0, patient)
	x.end()
	g.Expect(counts()).To(Equal([2]int{2, 1}))
	_, _, oldest := x.summary()
	g.Expect(oldest).To(BeTemporally("==", now.Add(-time.Hour)))
	x.set(indexed("c", v1alpha1.EventPending, now), now, 0, patient)
	g.Expect(counts()).To(Equal([2]int{3, 0}))
	x.remove("c")
	x.remove("c")
	g.Expect(counts()).To(Equal([2]int{2, 0}))
	x.begin()
	x.set(indexed("b", v1alpha1.EventDead, now), now, 0, patient)
	x.end()
	g.Expect(counts()).To(Equal([2]int{0, 1}), "what a list no longer has is gone")
	g.Expect(x.queues["app"].Len()).To(BeZero())
}

func TestIndexWakesForANewRecord(t *testing.T) {
	g := NewWithT(t)
	x := newIndex(unlimited)
	got := make(chan string, 1)
	go func() { r, _ := x.next(t.Context()); got <- r.name }()
	now := time.Now()
	x.set(indexed("a", v1alpha1.EventPending, now), now, 0, patient)
	g.Eventually(got, patience).Should(Receive(Equal("a")))
}

func BenchmarkIndexBacklog(b *testing.B) {
	b.ReportAllocs()
	now := time.Now()
	for b.Loop() {
		x := newIndex(unlimited)
		for i := range 100_000 {
			x.set(indexed(fmt.Sprintf("stripe-%032d", i), v1alpha1.EventPending, now), now, 0, patient)
		}
	}
}
