package telemetry

import (
	"log/slog"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Without an endpoint nothing is traced; what cannot be spoken is refused, and not silently left out.
func TestFromEnvironment(t *testing.T) {
	g := NewWithT(t)
	process := Process{Service: "kassa", Log: slog.New(slog.DiscardHandler)}
	for _, name := range []string{envEndpoint, envTracesEndpoint, envProtocol, envTracesProtocol, envDisabled} {
		t.Setenv(name, "")
	}
	g.Expect(FromEnvironment(t.Context(), process)).To(BeNil())
	t.Setenv(envEndpoint, "http://127.0.0.1:4318")
	t.Setenv(envDisabled, "true")
	g.Expect(FromEnvironment(t.Context(), process)).To(BeNil())
	t.Setenv(envDisabled, "")
	tracer, err := FromEnvironment(t.Context(), process)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tracer).NotTo(BeNil())
	tracer.Close(t.Context())
	t.Setenv(envProtocol, "grpc")
	_, err = FromEnvironment(t.Context(), process)
	g.Expect(err).To(MatchError(ContainSubstring("only http/protobuf is spoken")))
}

// Anybody may call a checkout server: its trace is its own, with a link to what the caller said.
func TestServeLinksToTheCaller(t *testing.T) {
	g := NewWithT(t)
	spans := tracetest.NewInMemoryExporter()
	tracer := New(trace.WithSyncer(spans))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://pay.example.com", http.NoBody)
	g.Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r.Header.Set("Tracestate", "vendor=jane@example.com")
	_, span := tracer.Serve(r, "/v1/checkouts")
	span.End()
	got := spans.GetSpans()[0]
	g.Expect(got.Parent.IsValid()).To(BeFalse())
	g.Expect(got.SpanContext.TraceID().String()).NotTo(Equal("0af7651916cd43dd8448eb211c80319c"))
	g.Expect(got.Links).To(HaveLen(1))
	g.Expect(got.Links[0].SpanContext.TraceID().String()).To(Equal("0af7651916cd43dd8448eb211c80319c"))
	g.Expect(got.Links[0].SpanContext.TraceState().Len()).To(BeZero(), "it is a text of the caller's")
}
