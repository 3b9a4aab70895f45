package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	corev1 "k8s.io/api/core/v1"

	"github.com/kassa-dev/kassa/internal/telemetry"
)

const (
	envOTLPEndpoint  = "OTEL_EXPORTER_OTLP_ENDPOINT"
	flagOTLPEndpoint = "--otlp-endpoint (" + envOTLPEndpoint + ")"
	otlpPath         = "/v1/traces" // below an endpoint, as OpenTelemetry's variable has it
)

// serverTracer is the Tracer of a deployed server, by the environment that the operator gave it. A server that cannot
// trace says so and goes on: events and buyers do not wait for that.
func serverTracer(ctx context.Context, command, namespace, name string, log *slog.Logger) *telemetry.Tracer {
	tracer, err := telemetry.FromEnvironment(ctx, telemetry.Process{
		Service: "kassa-" + command, Version: version, Log: log,
		Attributes: []attribute.KeyValue{
			attribute.String("k8s.namespace.name", namespace), attribute.String("kassa.object.name", name),
			attribute.String("k8s.pod.name", os.Getenv("POD_NAME")),
		},
	})
	if err != nil {
		log.Warn("there are no traces", "error", err)
	}
	return tracer
}

// operatorTracer is the operator's Tracer, and the endpoint that the servers are told: none where it cannot be traced.
// Objects do not wait for that, so the operator goes on. It refuses a password alone, which somebody has to take away.
func operatorTracer(ctx context.Context, endpoint string, log *slog.Logger) (*telemetry.Tracer, string, error) {
	if err := telemetry.CheckEndpoint(endpoint); errors.Is(err, telemetry.ErrPassword) {
		return nil, "", fmt.Errorf("%s: %w", flagOTLPEndpoint, err)
	}
	tracer, err := tracerTo(ctx, endpoint, log)
	if err != nil {
		log.Warn("there are no traces, and the servers are told of no collector", "error", err)
		endpoint = ""
	}
	return tracer, endpoint, nil
}

// tracerTo sends to the endpoint of --otlp-endpoint, which is looked at even where nothing is traced.
func tracerTo(ctx context.Context, endpoint string, log *slog.Logger) (*telemetry.Tracer, error) {
	if endpoint != "" {
		if err := telemetry.CheckEndpoint(endpoint); err != nil {
			return nil, fmt.Errorf("%s: %w", flagOTLPEndpoint, err)
		}
		endpoint = strings.TrimRight(endpoint, "/") + otlpPath
	}
	return telemetry.FromEnvironment(ctx, telemetry.Process{
		Service: "kassa-operator", Version: version, Endpoint: endpoint, Log: log,
	})
}

// tracingEnv is what deployed servers are told: where the collector is, and which of the traces it gets. Headers, which
// may be secret, stay with the operator.
func tracingEnv(endpoint string) []corev1.EnvVar {
	if endpoint == "" {
		return nil
	}
	env := []corev1.EnvVar{{Name: envOTLPEndpoint, Value: endpoint}}
	for _, name := range []string{"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, corev1.EnvVar{Name: name, Value: value})
		}
	}
	return env
}
