package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/postgres"
	"github.com/kassa-dev/kassa/test/stack"
)

// BenchmarkStore sends signed events of 4 kB to a deployed replica that keeps them in PostgreSQL, each with a
// subscription and a customer of its own. The database is durable, with fsync, and shares the machine, as the load and
// the sink do. That of one-by-one has a transaction for each event.
//
// With a sink, every event is delivered as well. What a run leaves waiting is delivered before the next one begins:
// left is how many deliveries that are, drain-s how long it takes, and deliveries/s the rate of all of them from the
// first event to the last delivery. A machine bears the open loop's rate if left does not grow with the number of
// events.
func BenchmarkStore(b *testing.B) {
	for _, v := range []struct {
		name  string
		env   []string
		sinks bool
		rate  int // of the open loop; 0: none
	}{
		{"batches/sinks=0", nil, false, 5000},
		{"batches/sinks=1", nil, true, 2000},
		{"one-by-one/sinks=0", []string{"KASSA_STORE_BATCH=1"}, false, 0},
	} {
		b.Run(v.name, func(b *testing.B) {
			dsn := postgres.New(b, postgres.Options{}).Database(b)
			s := stack.New(b, stack.Options{Node: true, ServerEnv: v.env})
			s.Operator()
			s.CreateProvider()
			s.Create(stack.Secret("database", "dsn", dsn))
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
					began := time.Now()
					send(b)
					if v.sinks {
						drain(b, dsn)
					}
					all := time.Since(began)
					after := counters(b, pods)
					grew := func(name string) float64 { return after[name] - before[name] }
					b.ReportMetric(grew("kassa_store_commits_total")/float64(b.N), "commits/event")
					if v.sinks {
						b.ReportMetric(grew("kassa_receiver_sink_deliveries_total")/all.Seconds(), "deliveries/s")
					}
					rss, _ := memory(b, pods[0].PID)
					b.ReportMetric(rss, "replica-MB")
				})
			}
			for _, inFlight := range []int{64, 512} {
				measured(fmt.Sprintf("in-flight=%d", inFlight), func(b *testing.B) { l.closed(b, b.N, inFlight) })
			}
			if v.rate > 0 {
				measured(fmt.Sprintf("per-second=%d", v.rate), func(b *testing.B) { l.open(b, b.N, v.rate) })
			}
		})
	}
}

// drain waits until sinks have got all that waits for them.
func drain(b *testing.B, dsn string) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(b.Context()) }()
	waiting := func() (n int) {
		if err := conn.QueryRow(b.Context(), "SELECT count(*) FROM kassa.deliveries").Scan(&n); err != nil {
			b.Fatal(err)
		}
		return n
	}
	began := time.Now()
	b.ReportMetric(float64(waiting()), "left")
	await(b, func() bool { return waiting() == 0 })
	b.ReportMetric(time.Since(began).Seconds(), "drain-s")
}
