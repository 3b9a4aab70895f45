package telemetry

import (
	"context"
	"log/slog"
	"testing"

	. "github.com/onsi/gomega"
)

// What is wrong with an endpoint is said without its password, which may be what is wrong.
func TestCheckEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://collector:4318":                          "",
		"https://[2001:db8::1]:4318/base/":               "",
		"collector:4318":                                 "has to be the URL",
		"10.0.0.1:4318":                                  "has to be the URL",
		"grpc://collector:4317":                          "has to be the URL",
		"http://":                                        "has to be the URL",
		"http:///v1/traces":                              "has to be the URL",
		"user:hunter2@collector:4318":                    "has to be the URL",
		"http://user:hunter2@collector:port":             "has to be the URL",
		"http://user:hunter2@collector:4318":             "OTEL_EXPORTER_OTLP_HEADERS",
		"http://hunter2@collector:4318":                  "OTEL_EXPORTER_OTLP_HEADERS",
		"http://collector:4318?token=hunter2":            "query",
		"http://collector:4318/#hunter2":                 "fragment",
		"http://user:hunter2@collector:4318/%zz?hunter2": "has to be the URL",
	} {
		t.Run(endpoint, func(t *testing.T) {
			g := NewWithT(t)
			err := CheckEndpoint(endpoint)
			if want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(And(ContainSubstring(want), Not(ContainSubstring("hunter2")))))
		})
	}
}

// A variable that leads nowhere is named, where there were no traces and no word of it.
func TestEndpointsOfTheEnvironment(t *testing.T) {
	for _, name := range []string{envEndpoint, envTracesEndpoint} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv(name, "collector:4318")
			tracer, err := FromEnvironment(context.Background(), Process{Log: slog.New(slog.DiscardHandler)})
			g.Expect(tracer).To(BeNil())
			g.Expect(err).To(MatchError(HavePrefix(name + ": it has to be the URL")))
		})
	}
}
