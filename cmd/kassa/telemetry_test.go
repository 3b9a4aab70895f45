package main

import (
	"bytes"
	"log/slog"
	"testing"

	. "github.com/onsi/gomega"
)

// A server that cannot trace takes events all the same, and says why there are no traces.
func TestServersGoOnWithoutTraces(t *testing.T) {
	g := NewWithT(t)
	t.Setenv(envOTLPEndpoint, "http://127.0.0.1:4318")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	var out bytes.Buffer
	tracer := serverTracer(t.Context(), "receiver", "shop", "stripe", slog.New(slog.NewTextHandler(&out, nil)))
	g.Expect(tracer).To(BeNil())
	g.Expect(out.String()).To(ContainSubstring("OTEL_EXPORTER_OTLP_PROTOCOL"))
}
