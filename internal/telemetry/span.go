package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	api "go.opentelemetry.io/otel/trace"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Span is something that takes time. nil is one that nobody looks at. What is said of it are words of Kassa's, numbers,
// and names and ids of objects: no text of somebody else's, which may have anything in it.
type Span struct{ span api.Span }

// End ends it.
func (s *Span) End() {
	if s != nil {
		s.span.End()
	}
}

// Text says something of it.
func (s *Span) Text(key, value string) {
	if s != nil && value != "" {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// Number says something of it that is counted or measured.
func (s *Span) Number(key string, value int) {
	if s != nil {
		s.span.SetAttributes(attribute.Int(key, value))
	}
}

// Seconds says how long a part of it took.
func (s *Span) Seconds(key string, took time.Duration) {
	if s != nil {
		s.span.SetAttributes(attribute.Float64(key, took.Seconds()))
	}
}

// Failed says that it came to nothing, and of which kind the failure is.
func (s *Span) Failed(class string) {
	if s != nil {
		s.span.SetStatus(codes.Error, class)
		s.span.SetAttributes(attribute.String("error.type", class))
	}
}

// Reconciler makes each of r's turns a span.
func (t *Tracer) Reconciler(kind string, r reconcile.Reconciler) reconcile.Reconciler {
	if t == nil {
		return r
	}
	return reconcile.Func(func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		ctx, span := t.Start(ctx, "reconcile "+kind)
		defer span.End()
		span.Text("k8s.namespace.name", request.Namespace)
		span.Text("kassa.object.name", request.Name)
		result, err := r.Reconcile(ctx, request)
		if err != nil {
			span.Failed("error")
		}
		return result, err
	})
}
