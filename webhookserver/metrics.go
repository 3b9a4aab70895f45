package webhookserver

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics has no names of objects, and nothing of a customer, in any label. A sink's name is a word of the spec, of
// which there are at most eight.
type metrics struct {
	registry       *prometheus.Registry
	requests       *prometheus.CounterVec
	verifyFailures *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	verification   prometheus.Histogram
	deliveries     *prometheus.CounterVec
	deliverySecs   *prometheus.HistogramVec
	delivered      *prometheus.HistogramVec
	circuits       *prometheus.GaugeVec
	waiting        *prometheus.GaugeVec
	unknown        prometheus.Counter
	inbox          *prometheus.GaugeVec
	inboxOldest    prometheus.Gauge
	certificate    prometheus.Gauge
	sales          *sales
}

var latencyBuckets = []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 3, 5, 10}

// deliveryBuckets reach from a sink that takes events at once to one that was away for days.
var deliveryBuckets = []float64{.01, .02, .05, .1, .2, .5, 1, 2, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		registry: registry, sales: newSales(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_receiver_requests_total", Help: "Requests by what became of them.",
		}, []string{"result"}),
		verifyFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_receiver_refused_total", Help: "Requests whose signature or event was refused, by reason.",
		}, []string{"reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kassa_receiver_request_duration_seconds", Help: "Time from a request to its answer.",
			Buckets: latencyBuckets,
		}, []string{"result"}),
		verification: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kassa_receiver_verification_seconds", Help: "Time to check a request's signature and read the event.",
			Buckets: prometheus.ExponentialBuckets(.00005, 2, 14),
		}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_receiver_sink_deliveries_total",
			Help: "Attempts to deliver an event to a sink, at once (direct) or from the inbox. The results unready, " +
				"circuit_open, busy and order made no request.",
		}, []string{"sink", "path", "result"}),
		deliverySecs: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kassa_receiver_sink_duration_seconds", Help: "Time that a sink took to answer.",
			Buckets: latencyBuckets,
		}, []string{"sink", "path"}),
		delivered: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kassa_receiver_delivered_seconds", Help: "Time from the receipt of an event until a sink took it.",
			Buckets: deliveryBuckets,
		}, []string{"sink"}),
		circuits: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kassa_receiver_sink_circuit_open", Help: "1 while a sink does not work and gets only probes.",
		}, []string{"sink"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kassa_receiver_sink_waiting_events", Help: "Events in the inbox that wait for a sink.",
		}, []string{"sink"}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kassa_receiver_unknown_events_total", Help: "Events without a normalised name.",
		}),
		inbox: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kassa_receiver_inbox_events", Help: "Events in the inbox by phase.",
		}, []string{"phase"}),
		inboxOldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kassa_receiver_inbox_oldest_seconds", Help: "Age of the oldest event that waits for a sink.",
		}),
	}
	m.certificate = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "kassa_receiver_certificate_expiry_timestamp_seconds",
		Help: "Unix time at which the certificate of spec.tls ends; 0 without one.",
	})
	m.registry.MustRegister(m.requests, m.verifyFailures, m.duration, m.deliveries, m.deliverySecs, m.unknown,
		m.inbox, m.inboxOldest, m.certificate, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.circuits, m.waiting, m.verification, m.delivered)
	m.sales.register(m.registry)
	return m
}

// forget takes a sink out that the spec no longer has.
func (m *metrics) forget(sink string) {
	of := prometheus.Labels{"sink": sink}
	m.deliveries.DeletePartialMatch(of)
	m.deliverySecs.DeletePartialMatch(of)
	m.delivered.DeletePartialMatch(of)
	m.circuits.DeletePartialMatch(of)
	m.waiting.DeletePartialMatch(of)
}
