package bench

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// eventSize in bytes: about what a subscription event of Stripe has.
const eventSize = 4096

// load sends signed events to the replicas in turn.
type load struct {
	targets []*target
	secret  string
	prefix  string
	next    atomic.Int64

	mu    sync.Mutex
	times []time.Duration
	// failed counts answers other than 200 by status; 0 is no answer at all.
	failed map[int]int
}

func (l *load) event(n int64) []byte {
	event := fmt.Appendf(make([]byte, 0, eventSize), `{"id":"evt_%s_%08d","object":"event","api_version":"2023-10-16",`+
		`"created":%d,"livemode":false,"type":"customer.subscription.updated","data":{"object":{"id":"sub_%d",`+
		`"object":"subscription","status":"active","customer":"cus_%d","items":{"data":[{"id":"si_1","price":{"id":`+
		`"price_1"}}]},"metadata":{"user_id":"42"}}},"padding":"`, l.prefix, n, time.Now().Unix(), n, n)
	event = append(event, bytes.Repeat([]byte("x"), eventSize-len(event)-2)...)
	return append(event, '"', '}')
}

// send one event; began is when it was due.
func (l *load) send(began time.Time) {
	n := l.next.Add(1)
	body := l.event(n)
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
		Payload: body, Secret: l.secret, Timestamp: time.Now(),
	})
	status := l.targets[int(n)%len(l.targets)].post(body, signed.Header)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, took)
	if status != http.StatusOK {
		l.failed[status]++
	}
}

// warmUp is how long a load goes on before it is measured: connections are made, and replicas learn of each other.
const warmUp = 2 * time.Second

// closed sends n events, so many at a time as inFlight says.
func (l *load) closed(b *testing.B, n, inFlight int) {
	b.Helper()
	send := func(more func() bool) {
		var all sync.WaitGroup
		for range inFlight {
			all.Go(func() {
				for more() {
					l.send(time.Now())
				}
			})
		}
		all.Wait()
	}
	l.measure(b, n, func() {
		end := time.Now().Add(warmUp)
		send(func() bool { return time.Now().Before(end) })
	}, func() {
		var left atomic.Int64
		left.Store(int64(n))
		send(func() bool { return left.Add(-1) >= 0 })
	})
}

// open sends n events, each when it is due, whatever became of those before it.
func (l *load) open(b *testing.B, n, perSecond int) {
	b.Helper()
	send := func(n int) {
		var all sync.WaitGroup
		began := time.Now()
		timer := time.NewTimer(0)
		defer timer.Stop()
		for i := range n {
			due := began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
			if wait := time.Until(due); wait > 0 {
				timer.Reset(wait)
				<-timer.C
			}
			all.Go(func() { l.send(due) })
		}
		all.Wait()
	}
	l.measure(b, n, func() { send(int(warmUp.Seconds()) * perSecond) }, func() { send(n) })
}

func (l *load) measure(b *testing.B, n int, warm, run func()) {
	b.Helper()
	l.failed = map[int]int{}
	warm()
	l.times, l.failed = make([]time.Duration, 0, n), map[int]int{}
	b.ResetTimer()
	began := time.Now()
	run()
	took := time.Since(began)
	b.StopTimer()
	slices.Sort(l.times)
	quantile := func(percent int) float64 { return float64(l.times[n*percent/100].Microseconds()) / 1000 }
	b.ReportMetric(float64(n)/took.Seconds(), "events/s")
	b.ReportMetric(quantile(50), "p50-ms")
	b.ReportMetric(quantile(99), "p99-ms")
	for status, count := range l.failed {
		b.ReportMetric(float64(count), fmt.Sprintf("answered-%d", status))
	}
}
