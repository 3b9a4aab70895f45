package kube_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/kube"
	"github.com/kassa-dev/kassa/test/controlplane"
)

// BenchmarkLedger claims and settles events at one to three replicas on a real API server whose etcd waits for the
// disk. One operation is one event; commit is the time of either of its two steps, and the least share is that of the
// replica that got the fewest events per second.
func BenchmarkLedger(b *testing.B) {
	for _, replicas := range []int{1, 2, 3} {
		for _, rate := range []int{200, 1000, 2000} {
			b.Run(fmt.Sprintf("replicas=%d/per-second=%d", replicas, rate), func(b *testing.B) {
				newRun(b, replicas).open(rate)
			})
		}
		for _, inFlight := range []int{64, 256} {
			b.Run(fmt.Sprintf("replicas=%d/in-flight=%d", replicas, inFlight), func(b *testing.B) {
				newRun(b, replicas).closed(inFlight)
			})
		}
	}
}

// handling is how long the owner of an event has it between claim and settle: a fast sink.
const handling = 5 * time.Millisecond

// run is one benchmark's ledger.
type run struct {
	b       *testing.B
	ledgers []*kube.Ledger
	metrics *prometheus.Registry
	served  []atomic.Int64
	before  map[string]float64 // the metrics when measuring began

	mu    sync.Mutex
	steps []time.Duration
}

func newRun(b *testing.B, replicas int) *run {
	b.Helper()
	cp := controlplane.Shared(b)
	namespace := cp.Namespace(b)
	r := &run{b: b, served: make([]atomic.Int64, replicas)}
	r.metrics = prometheus.NewRegistry()
	for i := range replicas {
		client, err := kube.ClientFor(cp.Config())
		if err != nil {
			b.Fatal(err)
		}
		l, err := kube.New(kube.Options{
			Client: client, Namespace: namespace, Receiver: "bench", Replica: fmt.Sprintf("replica-%d", i),
			Retention:  func() time.Duration { return 24 * time.Hour },
			Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"replica": strconv.Itoa(i)}, r.metrics),
		})
		if err != nil {
			b.Fatal(err)
		}
		go func() { _ = l.Run(b.Context()) }()
		for l.Ready() != nil {
			time.Sleep(time.Millisecond) //nolint:forbidigo // outside what is measured
		}
		r.ledgers = append(r.ledgers, l)
	}
	b.ResetTimer()
	return r
}

func (r *run) event(n int) {
	at := n % len(r.ledgers)
	l, ctx := r.ledgers[at], r.b.Context()
	e := ledger.Event{ID: fmt.Sprintf("evt_1OtwMC2eZvKYlo2C%08d", n), Type: "customer.subscription.updated"}
	began := time.Now()
	claim, err := l.Claim(ctx, e)
	claimed := time.Since(began)
	if err != nil || claim.Outcome != ledger.Won {
		r.b.Errorf("claim: %+v, %v", claim, err)
		return
	}
	time.Sleep(handling) //nolint:forbidigo // stands for a sink
	began = time.Now()
	if err := l.Settle(ctx, e.ID, ledger.Processed); err != nil {
		r.b.Errorf("settle: %v", err)
	}
	settled := time.Since(began)
	r.served[at].Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, claimed, settled)
}

// open measures b.N events after two seconds in which the replicas learn of each other.
func (r *run) open(perSecond int) {
	send := func(from, n int) time.Duration {
		var all sync.WaitGroup
		began := time.Now()
		for i := range n {
			due := began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
			time.Sleep(time.Until(due)) //nolint:forbidigo // the load's clock
			all.Go(func() { r.event(from + i) })
		}
		all.Wait()
		return time.Since(began)
	}
	warm := 2 * perSecond
	send(0, warm)
	r.begin()
	r.report(send(warm, r.b.N))
}

// begin forgets what was measured before.
func (r *run) begin() {
	r.steps = nil
	for i := range r.served {
		r.served[i].Store(0)
	}
	r.before = map[string]float64{}
	for _, m := range []string{"commits", "conflicts", "written_bytes"} {
		m = "kassa_ledger_" + m + "_total"
		r.before[m] = r.total(m)
	}
	r.b.ResetTimer()
}

// closed has each replica work off its own share, so that one that starves shows.
func (r *run) closed(inFlight int) {
	var all sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(r.b.N))
	began := time.Now()
	for i := range inFlight {
		all.Go(func() {
			for n := i; left.Add(-1) >= 0; n += inFlight * len(r.ledgers) {
				r.event(n)
			}
		})
	}
	all.Wait()
	r.report(time.Since(began))
}

func (r *run) report(took time.Duration) {
	r.b.StopTimer()
	n := float64(r.b.N)
	slices.Sort(r.steps)
	ms := func(percent int) float64 { return float64(r.steps[len(r.steps)*percent/100].Microseconds()) / 1000 }
	r.b.ReportMetric(n/took.Seconds(), "events/s")
	r.b.ReportMetric(ms(50), "commit-p50-ms")
	r.b.ReportMetric(ms(99), "commit-p99-ms")
	r.b.ReportMetric(r.sum("kassa_ledger_commits_total")/took.Seconds(), "commits/s")
	r.b.ReportMetric(r.sum("kassa_ledger_conflicts_total")/took.Seconds(), "conflicts/s")
	r.b.ReportMetric(r.sum("kassa_ledger_written_bytes_total")/n, "written-B/event")
	least := r.served[0].Load()
	for i := range r.served {
		least = min(least, r.served[i].Load())
	}
	r.b.ReportMetric(100*float64(least)*float64(len(r.served))/n, "least-share-%")
}

// sum of a metric since begin.
func (r *run) sum(metric string) float64 { return r.total(metric) - r.before[metric] }

func (r *run) total(metric string) (sum float64) {
	families, err := r.metrics.Gather()
	if err != nil {
		r.b.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), metric) {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}
