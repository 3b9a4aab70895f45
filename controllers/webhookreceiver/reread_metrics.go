package webhookreceiver

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kassa-dev/kassa/internal/recovery"
)

// RereadMetrics counts what was in doubt.
type RereadMetrics struct {
	subscriptions, looks *prometheus.CounterVec
}

// NewRereadMetrics makes the metrics and registers them.
func NewRereadMetrics(r prometheus.Registerer) (*RereadMetrics, error) {
	m := &RereadMetrics{
		subscriptions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_recovery_rereads_total",
			Help: "Subscriptions that were read again because events of one moment contradict each other, by outcome: " +
				"read, gone or failed.",
		}, []string{"provider", "outcome"}),
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_recovery_doubt_looks_total",
			Help: "How often receivers were asked what is in doubt, by outcome: ok or failed.",
		}, []string{"provider", "outcome"}),
	}
	return m, errors.Join(r.Register(m.subscriptions), r.Register(m.looks))
}

func (m *RereadMetrics) note(provider string, reads recovery.Reads, failure error) {
	for outcome, n := range map[string]int{"read": reads.Read, "gone": reads.Gone, "failed": reads.Failed} {
		m.subscriptions.WithLabelValues(provider, outcome).Add(float64(n))
	}
	outcome := "ok"
	if failure != nil {
		outcome = "failed"
	}
	m.looks.WithLabelValues(provider, outcome).Inc()
}
