package kube

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are always counted; they are exported if there is a registerer.
type metrics struct {
	commits   *prometheus.CounterVec
	conflicts prometheus.Counter
	written   prometheus.Counter
	pruned    prometheus.Counter
	batch     prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, size func() (events, segments int)) (*metrics, error) {
	m := &metrics{
		commits: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kassa_ledger_commits_total",
			Help: "Writes that took effect: append (a segment of new claims), settle, merge, give-up (claims as old as " +
				"the retention)."},
			[]string{"kind"}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{Name: "kassa_ledger_conflicts_total",
			Help: "Writes that another replica's write came before."}),
		written: prometheus.NewCounter(prometheus.CounterOpts{Name: "kassa_ledger_written_bytes_total",
			Help: "Bytes sent to the API server in writes, lost ones included."}),
		pruned: prometheus.NewCounter(prometheus.CounterOpts{Name: "kassa_ledger_pruned_segments_total",
			Help: "Segments deleted because every event in them was settled and older than the retention."}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "kassa_ledger_batch_size",
			Help: "Claims and settles that one write carried.", Buckets: prometheus.ExponentialBuckets(1, 2, 10)}),
	}
	if r == nil {
		return m, nil
	}
	events := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "kassa_ledger_events",
		Help: "Events that are remembered."}, func() float64 { n, _ := size(); return float64(n) })
	segments := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "kassa_ledger_segments",
		Help: "EventLedger objects that hold them."}, func() float64 { _, n := size(); return float64(n) })
	for _, c := range []prometheus.Collector{m.commits, m.conflicts, m.written, m.pruned, m.batch, events, segments} {
		if err := r.Register(c); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (m *metrics) commit(kind string, ops int) {
	m.commits.WithLabelValues(kind).Inc()
	if ops > 0 {
		m.batch.Observe(float64(ops))
	}
}

func (m *metrics) wrote(bytes int) { m.written.Add(float64(bytes)) }
