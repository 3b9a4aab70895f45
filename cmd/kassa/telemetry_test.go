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

// The operator hands its endpoint on to every server, so it starts with none that has a password, or that leads
// nowhere, and neither it nor --help repeats it.
func TestOperatorRefusesEndpoints(t *testing.T) {
	for _, endpoint := range []string{"http://user:hunter2@collector:4318", "user:hunter2@collector:4318"} {
		for _, disabled := range []string{"", "true"} {
			g := NewWithT(t)
			t.Setenv(envOTLPEndpoint, endpoint)
			t.Setenv("OTEL_SDK_DISABLED", disabled)
			cmd := newOperatorCommand()
			cmd.SetArgs([]string{})
			g.Expect(cmd.UsageString()).NotTo(ContainSubstring("hunter2"))
			var out bytes.Buffer
			cmd.SetOut(&out)
			cmd.SetErr(&out)
			g.Expect(cmd.ExecuteContext(t.Context())).To(MatchError(And(
				HavePrefix("--otlp-endpoint (OTEL_EXPORTER_OTLP_ENDPOINT): "), Not(ContainSubstring("hunter2")))))
			g.Expect(out.String()).NotTo(ContainSubstring("hunter2"))
		}
	}
}
