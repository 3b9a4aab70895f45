package main

import (
	"bytes"
	"log/slog"
	"strings"
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

// The operator hands its endpoint on to every server, so it does not start with a password, and neither it nor --help
// repeats it.
func TestOperatorRefusesPasswords(t *testing.T) {
	for _, disabled := range []string{"", "true"} {
		g := NewWithT(t)
		t.Setenv(envOTLPEndpoint, "http://user:hunter2@collector:4318")
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

// With an endpoint that leads nowhere the operator goes on without traces, tells the servers of none, and says so once.
func TestOperatorGoesOnWithoutTraces(t *testing.T) {
	for _, endpoint := range []string{
		"collector:4317", "user:hunter2@collector:4318", "http://collector:4318?token=hunter2",
	} {
		for _, disabled := range []string{"", "true"} {
			g := NewWithT(t)
			t.Setenv(envOTLPEndpoint, endpoint)
			t.Setenv("OTEL_SDK_DISABLED", disabled)
			var out bytes.Buffer
			tracer, told, err := operatorTracer(t.Context(), endpoint, slog.New(slog.NewTextHandler(&out, nil)))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(tracer).To(BeNil())
			g.Expect(tracingEnv(told)).To(BeEmpty())
			g.Expect(out.String()).To(And(ContainSubstring("--otlp-endpoint (OTEL_EXPORTER_OTLP_ENDPOINT): "),
				Not(ContainSubstring("hunter2"))))
			g.Expect(strings.Count(out.String(), "there are no traces")).To(Equal(1))
		}
	}
}

// A collector that is well named is told to the servers as it was given.
func TestOperatorTellsServersOfTheCollector(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	tracer, told, err := operatorTracer(t.Context(), "http://127.0.0.1:4318/", slog.New(slog.NewTextHandler(&out, nil)))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tracer).NotTo(BeNil())
	defer tracer.Close(t.Context())
	g.Expect(told).To(Equal("http://127.0.0.1:4318/"))
	g.Expect(out.String()).To(BeEmpty())
}
