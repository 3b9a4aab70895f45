package bench

import (
	"fmt"
	"testing"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

// BenchmarkStore sends signed events of 4 kB to a deployed replica that keeps them in PostgreSQL, each with a
// subscription and a customer of its own. The database is durable, with fsync, and shares the machine. That of
// one-by-one has a transaction for each event. With a sink, every event is delivered as well.
func BenchmarkStore(b *testing.B) {
	for _, v := range []struct {
		name  string
		env   []string
		sinks bool
	}{
		{"batches/sinks=0", nil, false},
		{"batches/sinks=1", nil, true},
		{"one-by-one/sinks=0", []string{"KASSA_STORE_BATCH=1"}, false},
	} {
		b.Run(v.name, func(b *testing.B) {
			db := postgres.New(b, postgres.Options{})
			s := stack.New(b, stack.Options{Node: true, ServerEnv: v.env})
			s.Operator()
			s.CreateProvider()
			s.Create(stack.Secret("database", "dsn", db.Database(b)))
			l, pods := deployWhen(b, s, 1, func() {}, func(r *v1alpha1.WebhookReceiver) {
				r.Spec.Store = &v1alpha1.ReceiverStore{Postgres: &v1alpha1.PostgresStore{
					DSNSecretRef: v1alpha1.SecretKeyReference{Name: "database", Key: "dsn"},
				}}
				if !v.sinks {
					r.Spec.Delivery = nil
				}
			})
			measured := func(name string, send func(b *testing.B)) {
				b.Run(name, func(b *testing.B) {
					before := counters(b, pods)
					send(b)
					after := counters(b, pods)
					b.ReportMetric((after["kassa_store_commits_total"]-before["kassa_store_commits_total"])/float64(b.N),
						"commits/event")
					rss, _ := memory(b, pods[0].PID)
					b.ReportMetric(rss, "replica-MB")
				})
			}
			for _, inFlight := range []int{64, 512} {
				measured(fmt.Sprintf("in-flight=%d", inFlight), func(b *testing.B) { l.closed(b, b.N, inFlight) })
			}
			if v.env == nil {
				measured("per-second=5000", func(b *testing.B) { l.open(b, b.N, 5000) })
			}
		})
	}
}
