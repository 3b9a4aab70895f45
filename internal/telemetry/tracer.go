// Package telemetry is what the processes tell of themselves beside their own metrics: traces, and how the objects are
// that the operator works on. A nil Tracer traces nothing, and costs nothing.
package telemetry

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// OpenTelemetry's variables that are read here; its SDK reads the others.
const (
	envEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	envDisabled       = "OTEL_SDK_DISABLED"
)

// protocol is the one that is spoken: gRPC would double what a receiver needs.
const protocol = "http/protobuf"

// Tracer makes spans and sends them to a collector by OTLP. It is safe for concurrent use, and nil where nothing is
// traced.
type Tracer struct {
	provider *trace.TracerProvider
	tracer   api.Tracer
}

// Process is what sends traces.
type Process struct {
	// Service is what it calls itself unless OTEL_SERVICE_NAME says otherwise.
	Service, Version string
	// Endpoint is the collector's URL where no variable names one.
	Endpoint string
	// Attributes say more of it.
	Attributes []attribute.KeyValue
	Log        *slog.Logger
}

// FromEnvironment is the Tracer that OpenTelemetry's standard variables ask for, or nil without an endpoint.
func FromEnvironment(ctx context.Context, p Process) (*Tracer, error) {
	named := os.Getenv(envEndpoint) != "" || os.Getenv(envTracesEndpoint) != ""
	if !named && p.Endpoint == "" || os.Getenv(envDisabled) == "true" {
		return nil, nil //nolint:nilnil // nil is the Tracer that traces nothing
	}
	for _, name := range []string{envEndpoint, envTracesEndpoint} {
		if endpoint := os.Getenv(name); endpoint != "" {
			if err := CheckEndpoint(endpoint); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for _, name := range []string{envProtocol, envTracesProtocol} {
		if spoken := os.Getenv(name); spoken != "" && spoken != protocol {
			return nil, fmt.Errorf("%s is %q: only %s is spoken", name, spoken, protocol)
		}
	}
	var options []otlptracehttp.Option
	if !named {
		options = append(options, otlptracehttp.WithEndpointURL(p.Endpoint))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("making the exporter of traces: %w", err)
	}
	who, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", p.Service), attribute.String("service.version", p.Version)),
		resource.WithAttributes(p.Attributes...),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describing the process for traces: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { p.Log.Debug("traces are not sent", "error", err) }))
	return New(trace.WithBatcher(exporter), trace.WithResource(who)), nil
}

// New makes a Tracer. Close ends it.
func New(o ...trace.TracerProviderOption) *Tracer {
	p := trace.NewTracerProvider(append(o, trace.WithIDGenerator(ids{}))...)
	return &Tracer{provider: p, tracer: p.Tracer("github.com/kassa-dev/kassa")}
}

// closeLimit is how long the last spans may take.
const closeLimit = 3 * time.Second

// Close sends what is left. ctx may have ended.
func (t *Tracer) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	_ = t.provider.Shutdown(ctx)
}

// Start begins a part of what ctx is about, or something of its own.
func (t *Tracer) Start(ctx context.Context, name string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	return t.start(ctx, name, api.WithSpanKind(api.SpanKindInternal))
}

// Call begins a request to somebody else.
func (t *Tracer) Call(ctx context.Context, name string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	return t.start(ctx, name, api.WithSpanKind(api.SpanKindClient))
}

// Serve begins the answer to a request. The ids that the caller says of a trace of its own become a link and nothing
// more: anybody may call, and a tracestate is any text.
func (t *Tracer) Serve(r *http.Request, name string) (*http.Request, *Span) {
	if t == nil {
		return r, nil
	}
	options := []api.SpanStartOption{api.WithSpanKind(api.SpanKindServer)}
	said := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	if caller := api.SpanContextFromContext(said); caller.IsValid() {
		options = append(options, api.WithLinks(api.Link{SpanContext: caller.WithTraceState(api.TraceState{})}))
	}
	ctx, span := t.start(r.Context(), name, options...)
	return r.WithContext(ctx), span
}

// Event begins what is done about an event at a time that is over. All that is ever done about an event is one trace,
// in whichever process, and with nothing to remember it by: its id is made of the event's, which begins with prefix.
func (t *Tracer) Event(ctx context.Context, name, prefix, id string, at time.Time) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx, span := t.start(context.WithValue(ctx, traceKey{}, traceOf(prefix+id)), name,
		api.WithSpanKind(api.SpanKindServer), api.WithTimestamp(at))
	span.Text("cloudevents.event_id", prefix+id)
	return ctx, span
}

// Delivery begins a request that brings an event to a sink: a part of what ctx is about or, where that is nothing, of
// origin, or else of the event's trace.
func (t *Tracer) Delivery(ctx context.Context, name string, origin Origin, id string) (context.Context, *Span) {
	switch {
	case t == nil:
		return ctx, nil
	case api.SpanContextFromContext(ctx).IsValid():
	case origin.at.IsValid():
		ctx = api.ContextWithSpanContext(ctx, origin.at)
	default:
		ctx = context.WithValue(ctx, traceKey{}, traceOf(id))
	}
	return t.Call(ctx, name)
}

// Past is a part that is over.
func (t *Tracer) Past(ctx context.Context, name string, from, to time.Time) {
	if t == nil {
		return
	}
	_, span := t.tracer.Start(ctx, name, api.WithTimestamp(from))
	span.End(api.WithTimestamp(to))
}

func (t *Tracer) start(ctx context.Context, name string, o ...api.SpanStartOption) (context.Context, *Span) {
	ctx, span := t.tracer.Start(ctx, name, o...)
	return ctx, &Span{span}
}

// Origin is a span that others may be a part of after it ended. The zero value is none.
type Origin struct{ at api.SpanContext }

// OriginOf is the span that ctx is about.
func OriginOf(ctx context.Context) Origin { return Origin{api.SpanContextFromContext(ctx)} }

// Inject tells whoever gets a request which trace it is a part of, if ctx is about any.
func Inject(ctx context.Context, h http.Header) {
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(h))
}

type traceKey struct{}

func traceOf(event string) api.TraceID {
	sum := sha256.Sum256([]byte(event))
	return api.TraceID(sum[:16])
}

// ids are random, but for an event's trace.
type ids struct{}

// NewIDs is asked of a span that is no part of another.
func (g ids) NewIDs(ctx context.Context) (api.TraceID, api.SpanID) {
	id, ok := ctx.Value(traceKey{}).(api.TraceID)
	if !ok {
		binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
		binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID is asked of every other span.
func (ids) NewSpanID(context.Context, api.TraceID) (id api.SpanID) {
	for !id.IsValid() {
		binary.LittleEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
