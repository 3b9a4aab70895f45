package checkoutserver

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics has no names of objects, and nothing of a customer, in any label.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	checkouts   *prometheus.CounterVec
	changes     *prometheus.CounterVec
	certificate prometheus.Gauge
}

var latencyBuckets = []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 20}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_checkout_requests_total",
			Help: "Requests by route and by what became of them: ok, replayed, or the name of a problem.",
		}, []string{"route", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kassa_checkout_request_duration_seconds", Help: "Time from a request to its answer.",
			Buckets: latencyBuckets,
		}, []string{"route"}),
		checkouts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_checkout_checkouts_total",
			Help: "Attempts to open a checkout at a provider by result: created, refused, or the class of an error.",
		}, []string{"provider", "mode", "result"}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_checkout_subscription_operations_total",
			Help: "What was asked of a provider's subscriptions by result: ok, refused, or the class of an error.",
		}, []string{"provider", "operation", "result"}),
		certificate: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kassa_checkout_certificate_expiry_timestamp_seconds",
			Help: "Unix time at which the certificate of spec.tls ends; 0 without one.",
		}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.checkouts, m.changes, m.certificate, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}
