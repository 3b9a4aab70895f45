package webhookserver_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/ledger/kube"
)

// BenchmarkReceiver sends signed events of 4 kB to one or two replicas and to two whose ledger is the plain one: an
// object for each event. The ledger is in the real API server, and the sink takes everything. API server, etcd,
// receivers, sink and client share the machine, and receivers, sink and client the process.
func BenchmarkReceiver(b *testing.B) {
	for _, inFlight := range []int{64, 512} {
		for _, replicas := range []int{1, 2} {
			b.Run(fmt.Sprintf("ledger=segments/replicas=%d/in-flight=%d", replicas, inFlight), func(b *testing.B) {
				benchmarkReceiver(b, replicas, inFlight, startSegments)
			})
		}
		b.Run(fmt.Sprintf("ledger=object-per-event/replicas=2/in-flight=%d", inFlight), func(b *testing.B) {
			benchmarkReceiver(b, 2, inFlight, startPlain)
		})
	}
}

func benchmarkReceiver(
	b *testing.B, replicas, inFlight int, start func(tb testing.TB, c *cluster, name string) (string, func()),
) {
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	b.Cleanup(sink.Close)
	c := newCluster(b, sink.URL)
	urls := make([]string, replicas)
	for i := range urls {
		urls[i], _ = start(b, c, fmt.Sprintf("bench-%d", i))
	}
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
				if status, err := post(urls[int(n)%replicas], body); err != nil || status != 200 {
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

// plainLedger is what the ledger is measured against: each event is an object of its own, whose name decides who has
// it. That it never settles anything is to its advantage.
type plainLedger struct {
	client    rest.Interface
	namespace string
}

func startSegments(tb testing.TB, c *cluster, name string) (url string, stop func()) {
	tb.Helper()
	return c.start(tb, name)
}

func startPlain(tb testing.TB, c *cluster, name string) (url string, stop func()) {
	tb.Helper()
	lc, err := kube.ClientFor(c.server)
	if err != nil {
		tb.Fatal(err)
	}
	return c.startWith(tb, name, plainLedger{client: lc, namespace: c.namespace})
}

func (plainLedger) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (plainLedger) Ready() error                                       { return nil }
func (plainLedger) Settle(context.Context, string, ledger.State) error { return nil }

func (plainLedger) Unknown(_ context.Context, ids []string) ([]string, error) { return ids, nil }

func (l plainLedger) Claim(ctx context.Context, e ledger.Event) (ledger.Claim, error) {
	sum := sha256.Sum256([]byte(e.ID))
	now := metav1.Now()
	body, err := json.Marshal(&v1alpha1.EventLedger{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "EventLedger"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: l.namespace, Name: "plain-" + hex.EncodeToString(sum[:16]),
			Labels: map[string]string{v1alpha1.LabelReceiver: "stripe"},
		},
		Status: v1alpha1.EventLedgerStatus{Entries: []v1alpha1.LedgerEntry{
			{ID: e.ID, Type: e.Type, ReceivedAt: now, State: v1alpha1.EntryProcessed},
		}},
	})
	if err != nil {
		return ledger.Claim{}, err
	}
	err = l.client.Post().Namespace(l.namespace).Resource("eventledgers").
		SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Error()
	if apierrors.IsAlreadyExists(err) {
		return ledger.Claim{Outcome: ledger.Duplicate, State: ledger.Processed}, nil
	}
	return ledger.Claim{Outcome: ledger.Won, ReceivedAt: now.Time}, err
}
