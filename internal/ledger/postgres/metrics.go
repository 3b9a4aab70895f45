package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/kassa-dev/kassa/internal/store"
)

// metrics are always counted; they are exported if there is a registerer. What failed is logged beside that.
type metrics struct {
	log    *slog.Logger
	speech *rate.Limiter // of the log
	// trouble is why the latest request failed, if none took effect since.
	trouble atomic.Pointer[string]

	commits  prometheus.Counter
	duration prometheus.Histogram
	batch    prometheus.Histogram
	failures *prometheus.CounterVec
	forgot   prometheus.Counter
}

// logPause is between two lines of the log about a database that fails: every call may.
const logPause = 10 * time.Second

func newMetrics(r prometheus.Registerer, log *slog.Logger) *metrics {
	m := &metrics{
		log: log, speech: rate.NewLimiter(rate.Every(logPause), 1),
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
	m.trouble.Store(nil)
	m.commits.Inc()
	m.batch.Observe(float64(calls))
	m.duration.Observe(took.Seconds())
}

func (m *metrics) failed(err error) {
	m.failures.WithLabelValues(class(err)).Inc()
	if errors.Is(err, context.Canceled) || errors.Is(err, errVanished) {
		return // nothing is wrong with the database
	}
	why := store.Brief(err)
	m.trouble.Store(&why)
	if m.speech.Allow() {
		m.log.Warn("the database fails", "reason", why, "class", class(err))
	}
}

// late is the error of a call that waited for too long, with what the database said meanwhile.
func (m *metrics) late() error {
	if why := m.trouble.Load(); why != nil {
		return fmt.Errorf("%w: %s", errSlow, *why)
	}
	return errSlow
}

func (m *metrics) pruned(events int64) { m.forgot.Add(float64(events)) }

func class(err error) string {
	var missing *store.MissingTablesError
	switch code := store.Code(err); {
	case len(code) == 5:
		return code[:2]
	case errors.As(err, &missing):
		return "42" // as PostgreSQL says of a statement
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "timeout"
	default:
		return "connection"
	}
}
