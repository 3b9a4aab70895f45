package instrument

import (
	"context"
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kassa-dev/kassa/internal/provider"
)

// Classes that are no provider.Class.
const (
	classOK       = "ok"
	classCanceled = "canceled" // the caller gave up
)

// Metrics counts the requests that Kassa sends to providers. Labels are the provider's name, the operation of
// provider.WithOperation, and "ok", "canceled" or the name of a provider.Class; nothing of the request itself.
type Metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	wait     *prometheus.HistogramVec
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_provider_requests_total",
			Help: "Requests to payment providers by outcome.",
		}, []string{"provider", "operation", "class"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "kassa_provider_request_duration_seconds",
			Help:    "Time from sending a request to a payment provider until the answer's header.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}, []string{"provider", "operation", "class"}),
		wait: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "kassa_provider_rate_limit_wait_seconds",
			Help:    "Time that requests waited for Kassa's own rate limit before they were sent.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}, []string{"provider"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.wait} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func classOf(ctx context.Context, resp *http.Response, err error) string {
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return classCanceled
	case err != nil:
		return provider.ClassOf(err).String()
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return classOK
	default:
		return provider.ClassOfStatus(resp.StatusCode).String()
	}
}
