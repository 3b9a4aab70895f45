package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are always counted; they are exported if there is a registerer.
type metrics struct {
	commits  prometheus.Counter
	duration prometheus.Histogram
	batch    prometheus.Histogram
	failures *prometheus.CounterVec
	forgot   prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		commits: prometheus.NewCounter(prometheus.CounterOpts{Name: "kassa_store_commits_total",
			Help: "Transactions that took effect."}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "kassa_store_commit_seconds",
			Help:    "Time of a transaction, from its first statement to its commit.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 13)}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "kassa_store_batch_size",
			Help: "Claims and settles that one transaction carried.", Buckets: prometheus.ExponentialBuckets(1, 2, 10)}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kassa_store_failures_total",
			Help: "Requests to the database that failed: by the class of PostgreSQL's error code, connection, or timeout."},
			[]string{"class"}),
		forgot: prometheus.NewCounter(prometheus.CounterOpts{Name: "kassa_store_pruned_events_total",
			Help: "Events deleted because they were settled and older than the retention."}),
	}
	if r != nil {
		r.MustRegister(m.commits, m.duration, m.batch, m.failures, m.forgot)
	}
	return m
}

func (m *metrics) committed(calls int, took time.Duration) {
	m.commits.Inc()
	m.batch.Observe(float64(calls))
	m.duration.Observe(took.Seconds())
}

func (m *metrics) failed(err error) { m.failures.WithLabelValues(class(err)).Inc() }

func (m *metrics) pruned(events int64) { m.forgot.Add(float64(events)) }

func class(err error) string {
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && len(refused.Code) == 5:
		return refused.Code[:2]
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "timeout"
	default:
		return "connection"
	}
}
