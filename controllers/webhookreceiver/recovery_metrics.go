package webhookreceiver

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kassa-dev/kassa/internal/recovery"
)

// RecoveryMetrics counts what was looked for and found.
type RecoveryMetrics struct {
	recovered, sweeps *prometheus.CounterVec
}

// NewRecoveryMetrics makes the metrics and registers them.
func NewRecoveryMetrics(r prometheus.Registerer) (*RecoveryMetrics, error) {
	m := &RecoveryMetrics{
		recovered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_recovery_events_total",
			Help: "Events that receivers had missed, and got from the provider's history.",
		}, []string{"provider"}),
		sweeps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kassa_recovery_sweeps_total",
			Help: "Sweeps of providers' histories, by outcome: ok, unfinished or failed.",
		}, []string{"provider", "outcome"}),
	}
	return m, errors.Join(r.Register(m.recovered), r.Register(m.sweeps))
}

func (m *RecoveryMetrics) note(provider string, found recovery.Found, failure error) {
	outcome := "ok"
	switch {
	case failure != nil:
		outcome = "failed"
	case !found.Done:
		outcome = "unfinished"
	}
	m.sweeps.WithLabelValues(provider, outcome).Inc()
	m.recovered.WithLabelValues(provider).Add(float64(found.Recovered))
}
