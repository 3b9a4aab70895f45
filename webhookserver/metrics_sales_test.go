package webhookserver

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	database "github.com/kassa-dev/kassa/test/postgres"
)

// The figures of each provider's events for one thing that happened, as docs/events.md says.
func TestSalesAreCountedOnce(t *testing.T) {
	dollars := billing.Money{Minor: 2900, Currency: "USD"}
	paid := &billing.EventPayment{Money: dollars, Status: billing.PaymentStatusSucceeded}
	failed := func(code string) *billing.EventPayment {
		return &billing.EventPayment{Money: dollars, Status: billing.PaymentStatusFailed, FailureCode: code}
	}
	subscription := &billing.EventSubscription{PriceID: "monthly"}
	for _, c := range []struct {
		why               string
		of                billing.Provider
		events            []billing.Event
		succeeded, failed float64
		code              string
	}{
		{
			"Stripe's checkout is not its payment", billing.Stripe,
			[]billing.Event{{Type: billing.CheckoutCompleted, Payment: paid}, {Type: billing.PaymentSucceeded, Payment: paid}},
			1, 0, "",
		},
		{
			"Stripe tells the code apart from the invoice, and of the charge again", billing.Stripe,
			[]billing.Event{
				{Type: billing.PaymentFailed, NativeType: "invoice.payment_failed", Payment: failed("")},
				{NativeType: "payment_intent.payment_failed", Payment: failed("insufficient_funds")},
				{NativeType: "charge.failed", Payment: failed("card_declined")},
			},
			0, 1, "insufficient_funds",
		},
		{
			"Paddle's checkout is its payment", billing.Paddle,
			[]billing.Event{
				{Type: billing.CheckoutCompleted, Payment: paid}, {Type: billing.CheckoutFailed, Payment: failed("fraud")},
			},
			1, 1, "fraud",
		},
		{
			"a bill that is past due is the same failure", billing.Paddle,
			[]billing.Event{
				{Type: billing.PaymentFailed, Payment: failed("declined")},
				{Type: billing.PaymentPastDue, Payment: failed("declined")},
			},
			0, 1, "declined",
		},
		{
			"a recovered payment is one", billing.Paddle,
			[]billing.Event{{Type: billing.PaymentRecovered, Payment: paid}}, 1, 0, "",
		},
		{
			"LemonSqueezy tells a recovered payment beside it", billing.LemonSqueezy,
			[]billing.Event{{Type: billing.PaymentSucceeded, Payment: paid}, {Type: billing.PaymentRecovered, Payment: paid}},
			1, 0, "",
		},
		{
			"LemonSqueezy tells a subscription's first payment as an order, too", billing.LemonSqueezy,
			[]billing.Event{
				{Type: billing.CheckoutCompleted, Payment: paid, Subscription: subscription},
				{Type: billing.PaymentSucceeded, Payment: paid},
			},
			1, 0, "",
		},
		{
			"and nothing else of an order for one payment", billing.LemonSqueezy,
			[]billing.Event{{
				Type: billing.CheckoutCompleted, Payment: paid, Subscription: &billing.EventSubscription{PriceID: "once"},
			}},
			1, 0, "",
		},
		{
			"a code that is not known has no series of its own", billing.Stripe,
			[]billing.Event{{Type: billing.PaymentFailed, Payment: failed("Jane Doe's card")}}, 0, 1, "other",
		},
		{
			"nothing was paid of a refund, or of what is free", billing.Stripe,
			[]billing.Event{
				{Type: billing.PaymentRefunded, Payment: paid},
				{Type: billing.PaymentSucceeded, Payment: &billing.EventPayment{Status: billing.PaymentStatusNotRequired}},
			},
			0, 0, "",
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			g, s, at := NewWithT(t), newSales(), accountKind{string(c.of), "live"}
			s.begin(at)
			for i := range c.events {
				s.count(at, &c.events[i], func(id string) bool { return id == "monthly" })
			}
			value := func(v *prometheus.CounterVec, last string) float64 {
				return testutil.ToFloat64(v.WithLabelValues(string(c.of), "live", last))
			}
			g.Expect(value(s.payments, "succeeded")).To(Equal(c.succeeded))
			g.Expect(value(s.payments, "failed")).To(Equal(c.failed))
			g.Expect(value(s.revenue, "USD")).To(Equal(2900 * c.succeeded))
			codes := 0.0
			for _, code := range failureCodes[c.of] {
				codes += value(s.failures, code)
			}
			if c.code == "" {
				g.Expect(codes).To(BeZero())
				return
			}
			g.Expect(value(s.failures, c.code)).To(Equal(1.0))
			g.Expect(codes).To(Equal(1.0))
		})
	}
}

// An event is one event, whichever store has it, however often it comes, and also when it is delivered later.
func TestEventsAreCountedWhenSettled(t *testing.T) {
	const delivered = `kassa_receiver_delivered_seconds_count{sink="app"} 1`
	const one = `kassa_receiver_events_total{mode="test",provider="Stripe",type="payment.succeeded"} 1`
	for _, store := range []string{"objects", "database"} {
		t.Run(store, func(t *testing.T) {
			app := newApp(t, status(http.StatusServiceUnavailable))
			var f *fixture
			var r *replica
			if store == "database" {
				sql := newSQLFixture(t, database.Shared(t), app.sink("app"))
				f, r = sql.fixture, sql.startSQL()
			} else {
				f = newFixture(t, []v1alpha1.Sink{app.sink("app")})
				r = f.start()
			}
			f.g.Expect(r.metric(`kassa_receiver_events_total{mode="test",provider="Stripe",type="payment.succeeded"} 0`)).
				To(BeTrue(), "an increase is seen only where there was a 0")
			for range 2 {
				f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
			}
			f.g.Expect(r.metric(one)).To(BeTrue())
			f.g.Eventually(func() bool { return r.metric(`kassa_receiver_inbox_events{phase="pending"} 1`) }, patience, often).
				Should(BeTrue())
			f.g.Expect(r.metric("kassa_receiver_inbox_oldest_seconds 0")).To(BeFalse())
			app.recover()
			f.g.Eventually(func() bool { return r.metric(delivered) }, patience, often).
				Should(BeTrue())
			f.g.Eventually(func() bool { return r.metric(`kassa_receiver_inbox_events{phase="pending"} 0`) }, patience, often).
				Should(BeTrue())
			f.g.Expect(r.metric(one)).To(BeTrue())
			f.g.Expect(r.metric("kassa_receiver_verification_seconds_count 2")).To(BeTrue())
		})
	}
}

// An event whose commit took longer than its request could wait is counted when it is there, and its repetition is not.
func TestLateEventsAreCounted(t *testing.T) {
	f := newSQLFixture(t, database.Shared(t))
	r := f.startSQL()
	f.ask(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(4); RETURN NEW; END'`)()
	f.ask("CREATE TRIGGER slow BEFORE INSERT ON kassa.webhook_events FOR EACH ROW EXECUTE FUNCTION slow()")()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusServiceUnavailable))
	const one = `kassa_receiver_events_total{mode="test",provider="Stripe",type="payment.succeeded"} 1`
	f.g.Eventually(func() bool { return r.metric(one) }, patience, often).Should(BeTrue())
	f.ask("DROP TRIGGER slow ON kassa.webhook_events")()
	f.g.Expect(r.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
	f.g.Expect(r.metric(one)).To(BeTrue())
	f.g.Eventually(f.totals, patience, often).Should(And(
		HaveField("Processed", BeEquivalentTo(1)), HaveField("Duplicate", BeEquivalentTo(1))))
}
