package checkoutserver

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkCheckouts opens checkouts over HTTP at a provider that answers at once. It reports checkouts a second and
// the time within which 99 of 100 were answered.
func BenchmarkCheckouts(b *testing.B) {
	s := newShop(b)
	s.stripe.silent, s.paddle.silent = true, true
	server := httptest.NewServer(s.server)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var count atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var took []time.Duration
		for pb.Next() {
			body := `{"plan":"pro","price":"monthly","metadata":{"order":"7"}}`
			r, _ := http.NewRequest(http.MethodPost, server.URL+"/v1/checkouts", strings.NewReader(body))
			n := count.Add(1)
			r.Header = http.Header{
				"Content-Type": {"application/json"}, "Authorization": {"Bearer " + testToken},
				"Kassa-User-Id": {fmt.Sprint("user-", n)}, "Idempotency-Key": {fmt.Sprint("key-", n)},
			}
			began := time.Now()
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			took = append(took, time.Since(began))
			if res.StatusCode != http.StatusCreated {
				b.Errorf("answer %d", res.StatusCode)
				return
			}
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took...)
	})
	b.StopTimer()
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checkouts/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}
