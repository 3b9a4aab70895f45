package webhookserver_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkReceiver sends signed events of 4 kB to one replica, with the ledger in the real API server and a sink that
// takes everything. API server, etcd, receiver, sink and client share the machine.
func BenchmarkReceiver(b *testing.B) {
	for _, inFlight := range []int{64, 512} {
		b.Run(fmt.Sprintf("in-flight=%d", inFlight), func(b *testing.B) { benchmarkReceiver(b, inFlight) })
	}
}

func benchmarkReceiver(b *testing.B, inFlight int) {
	sink := newApp(b)
	c := newCluster(b, sink.URL)
	url, _ := c.start(b, "bench")
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 1024
	pad := bytes.Repeat([]byte(" "), 4096-len(stripeEvent("evt_00000000")))
	var next, failed atomic.Int64
	var mu sync.Mutex
	var times []time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	began := time.Now()
	var all sync.WaitGroup
	for range inFlight {
		all.Go(func() {
			var mine []time.Duration
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				start := time.Now()
				body := append(stripeEvent(fmt.Sprintf("evt_%08d", n)), pad...)
				if status, err := post(url, body); err != nil || status != 200 {
					failed.Add(1)
				}
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "events/s")
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100].Milliseconds()), "p99-ms")
	b.ReportMetric(float64(failed.Load()), "failed")
}
