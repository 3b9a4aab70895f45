package webhookevent

import (
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

// The newest are remembered, and those under way whatever their age.
func TestInvoicesAreBounded(t *testing.T) {
	g := NewWithT(t)
	d, now := &v1alpha1.DunningStatus{}, metav1.Now()
	begin(d, v1alpha1.DunnedInvoice{ID: "under way"})
	for i := range maxInvoices + 10 {
		id := strconv.Itoa(i)
		begin(d, v1alpha1.DunnedInvoice{ID: id})
		acted(d, id, now)
	}
	g.Expect(d.Invoices).To(HaveLen(maxInvoices))
	g.Expect(d.Invoices[0].ID).To(Equal(strconv.Itoa(maxInvoices + 9)))
	g.Expect(d.Invoices[maxInvoices-1].ID).To(Equal("under way"))
	g.Expect(d.Actions).To(BeEquivalentTo(maxInvoices + 10))

	begin(d, v1alpha1.DunnedInvoice{ID: "under way", FailedPayments: 9})
	g.Expect(d.Invoices[maxInvoices-1].FailedPayments).To(BeZero(), "it is there")
	acted(d, "under way", now)
	acted(d, "under way", now)
	g.Expect(d.Actions).To(BeEquivalentTo(maxInvoices+11), "once")
	drop(d, "under way")
	g.Expect(indexOf(d, "under way")).To(BeNumerically(">=", 0), "what was done is not taken back")
	begin(d, v1alpha1.DunnedInvoice{ID: "new"})
	drop(d, "new")
	g.Expect(indexOf(d, "new")).To(Equal(-1))
}

// The API takes no more than that, and would then refuse every action.
func TestInvoicesUnderWayAreBounded(t *testing.T) {
	g, d := NewWithT(t), &v1alpha1.DunningStatus{}
	for i := range maxInvoices + 2 {
		begin(d, v1alpha1.DunnedInvoice{ID: strconv.Itoa(i)})
	}
	g.Expect(d.Invoices).To(HaveLen(maxInvoices))
	g.Expect(d.Invoices[0].ID).To(Equal(strconv.Itoa(maxInvoices + 1)))
}

// Each event counts once, and the invoices that failed last are kept.
func TestFailuresAreCounted(t *testing.T) {
	g := NewWithT(t)
	r := &v1alpha1.WebhookReceiver{}
	of := func(event string) (int, bool) { return counted(r, "1", event) }
	g.Expect(of("a")).To(BeZero())
	r.Status.Dunning = &v1alpha1.DunningStatus{}
	for _, event := range []string{"a", "b", "a"} {
		count(r.Status.Dunning, "1", event)
	}
	n, has := of("b")
	g.Expect(n).To(Equal(2))
	g.Expect(has).To(BeTrue())
	_, has = of("c")
	g.Expect(has).To(BeFalse())
	for i := range 2 * maxFailures {
		count(r.Status.Dunning, "1", strconv.Itoa(i))
	}
	n, _ = of("")
	g.Expect(n).To(Equal(maxFailures))
	for i := range maxFailing {
		count(r.Status.Dunning, "x"+strconv.Itoa(i), "a")
	}
	g.Expect(of("")).To(BeZero())
	g.Expect(r.Status.Dunning.Failing).To(HaveLen(maxFailing))
	forget(r.Status.Dunning, "x5")
	g.Expect(r.Status.Dunning.Failing).To(HaveLen(maxFailing - 1))
}

// A look that failed is put off for longer each time, and given up in the end.
func TestAfterFailure(t *testing.T) {
	g := NewWithT(t)
	now := time.Now()
	e, r := &v1alpha1.WebhookEvent{}, &v1alpha1.WebhookReceiver{}
	e.Spec.ReceivedAt = metav1.NewTime(now)
	e.Spec.Sinks = []string{v1alpha1.SinkDunning}
	longest := time.Duration(0)
	for range 30 {
		d, last := afterFailure(e, r, "why", 0, false, now)
		g.Expect(last).To(BeFalse())
		g.Expect(d.LastError).To(Equal("why"))
		longest = d.NextAttempt.Sub(now)
		g.Expect(longest).To(And(BeNumerically(">=", defaultMinBackoff/2), BeNumerically("<=", defaultMaxBackoff)))
		e.Status.Sinks = []v1alpha1.SinkDelivery{d}
	}
	g.Expect(longest).To(BeNumerically(">=", defaultMaxBackoff/2))
	d, _ := afterFailure(e, r, "why", time.Hour, false, now)
	g.Expect(d.NextAttempt.Sub(now)).To(Equal(time.Hour), "the provider asked for it")
	_, last := afterFailure(e, r, "why", 0, true, now)
	g.Expect(last).To(BeTrue())
	d, last = afterFailure(e, r, "why", 0, false, now.Add(defaultMaxAge))
	g.Expect(last).To(BeTrue())
	g.Expect(d.Phase).To(Equal(v1alpha1.EventDead))
	e.Status.RetryUntil = &metav1.MicroTime{Time: now.Add(defaultMaxAge + time.Hour)}
	_, last = afterFailure(e, r, "why", 0, false, now.Add(defaultMaxAge))
	g.Expect(last).To(BeFalse(), "it was replayed")
}
