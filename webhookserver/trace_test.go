package webhookserver

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/telemetry"
	database "github.com/kassa-dev/kassa/test/postgres"
)

// All that is done about an event is one trace: with the request, its repetition, and what another process delivers
// long after.
func TestOneTraceForAnEvent(t *testing.T) {
	for _, c := range []struct {
		store  string
		ledger []string
	}{{"objects", []string{"ledger claim", "ledger settle", "inbox put"}}, {"database", []string{"ledger keep"}}} {
		t.Run(c.store, func(t *testing.T) {
			app := newApp(t, status(http.StatusServiceUnavailable))
			spans := tracetest.NewInMemoryExporter()
			traced := func(o *Options) { o.Tracer = telemetry.New(trace.WithSyncer(spans)) }
			var f *fixture
			var where func(*Options)
			if c.store == "database" {
				sql := newSQLFixture(t, database.Shared(t), app.sink("app"))
				f, where = sql.fixture, sql.inDatabase
			} else {
				f = newFixture(t, []v1alpha1.Sink{app.sink("app")})
				where = func(*Options) {}
			}
			first := f.start(where, traced)
			for range 2 {
				f.g.Expect(first.send(eventBody("evt_1", "invoice.paid")).StatusCode).To(Equal(http.StatusOK))
			}
			f.g.Eventually(func() int { return app.count() }, patience, often).Should(BeNumerically(">", 0))
			f.g.Expect(first.stop()).To(Succeed())
			before := len(spans.GetSpans())
			app.recover()
			f.start(where, traced)
			f.g.Eventually(func() int { return len(taken(spans.GetSpans()[before:])) }, patience, often).Should(Equal(1))

			all := spans.GetSpans()
			names := map[string]int{}
			for _, s := range all {
				names[s.Name]++
				f.g.Expect(s.SpanContext.TraceID()).To(Equal(all[0].SpanContext.TraceID()), s.Name)
			}
			f.g.Expect(names).To(HaveKeyWithValue("receive", 2))
			f.g.Expect(names).To(HaveKeyWithValue("verify", 2))
			for _, name := range c.ledger {
				f.g.Expect(names).To(HaveKey(name))
			}
			f.g.Expect(app.head(0).Get("traceparent")).To(HavePrefix("00-" + all[0].SpanContext.TraceID().String() + "-"))
			last := taken(all)[0]
			f.g.Expect(app.head(app.count() - 1).Get("traceparent")).To(ContainSubstring(last.SpanContext.SpanID().String()))
			for _, s := range all {
				if s.Name == "deliver" && s.Parent.IsValid() {
					return // the one at once is a part of the request
				}
			}
			t.Error("no delivery is a part of the request")
		})
	}
}

// taken are the deliveries that the sink took.
func taken(spans tracetest.SpanStubs) (out tracetest.SpanStubs) {
	for _, s := range spans {
		for _, a := range s.Attributes {
			if a.Key == attributeStatus && a.Value.AsInt64() == http.StatusOK {
				out = append(out, s)
			}
		}
	}
	return out
}

// Without a Tracer the way of an event has nothing to allocate for it.
func TestNoTraceCostsNothing(t *testing.T) {
	g := NewWithT(t)
	var none *telemetry.Tracer
	header, m := http.Header{}, &message{context: []attribute{{"specversion", "1.0"}, {"id", "stripe:acct_1:evt_1"}}}
	g.Expect(testing.AllocsPerRun(100, func() {
		ctx, receive := none.Event(t.Context(), "receive", "stripe:acct_1:", "evt_1", m.received)
		none.Past(ctx, "verify", m.received, m.received)
		ctx, claim := none.Start(ctx, "ledger claim")
		claim.End()
		ctx, deliver := none.Delivery(ctx, "deliver", telemetry.OriginOf(ctx), m.id())
		telemetry.Inject(ctx, header)
		deliver.Text(attributeSink, "app")
		deliver.Number(attributeStatus, 503)
		deliver.Failed("5xx")
		deliver.End()
		receive.Text(attributeResult, string(resultProcessed))
		receive.End()
	})).To(BeZero())
	g.Expect(header).To(BeEmpty())
}
