package postgres_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/postgres"
	"github.com/kassa-dev/kassa/internal/store"
	server "github.com/kassa-dev/kassa/test/postgres"
)

// BenchmarkKeep is events recorded in a durable database, by one replica with 512 calls in flight: in common
// transactions, and in one for each.
func BenchmarkKeep(b *testing.B) {
	s := server.New(b, server.Options{})
	for name, batch := range map[string]int{"batches": 0, "one-by-one": 1} {
		for _, sinks := range [][]string{nil, {"app"}} {
			b.Run(fmt.Sprintf("%s/sinks=%d", name, len(sinks)), func(b *testing.B) {
				url := migrated(b, s)
				db := &store.DB{}
				if err := db.Set(store.Address{DSN: url}); err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				l, err := postgres.New(postgres.Options{DB: db, Receiver: "shop/stripe", Replica: "a", MaxBatch: batch,
					CommitTimeout: time.Minute, Retention: func() time.Duration { return 72 * time.Hour }})
				if err != nil {
					b.Fatal(err)
				}
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				go func() { _ = l.Run(ctx) }()
				NewWithT(b).Eventually(l.Ready, patience, often).Should(Succeed())
				var n atomic.Int64
				b.SetParallelism(256)
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						i := int(n.Add(1))
						if _, err := l.Keep(ctx, workOf(strconv.Itoa(i), fmt.Sprintf("evt_%d", i), i, sinks...)); err != nil {
							b.Error(err)
							return
						}
						for _, sink := range sinks {
							a := ledger.Attempt{EventID: fmt.Sprintf("evt_%d", i), Sink: sink, Result: ledger.Processed}
							if _, err := l.Attempted(ctx, a); err != nil {
								b.Error(err)
								return
							}
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
