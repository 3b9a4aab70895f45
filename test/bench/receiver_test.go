package bench

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger/kube"
	"github.com/kassa-dev/kassa/test/localnode"
	"github.com/kassa-dev/kassa/test/stack"
)

// signingSecret of the benchmark's endpoint.
const signingSecret = "whsec_" + "benchmark"

// BenchmarkReceiver sends signed events of 4 kB to deployed replicas, whose ledger is in the API server and whose sink
// takes everything at once. The latency is the whole request's. In an open loop events come at a fixed rate, whatever
// the answers.
func BenchmarkReceiver(b *testing.B) {
	for _, replicas := range []int{1, 2} {
		b.Run(fmt.Sprintf("replicas=%d", replicas), func(b *testing.B) {
			s := newStack(b)
			l, pods := deploy(b, s, int32(replicas))
			run := func(name string, send func(b *testing.B)) {
				b.Run(name, func(b *testing.B) {
					before, writes := counters(b, pods), kassaWrites(b, s)
					send(b)
					b.ReportMetric(float64(kassaWrites(b, s)-writes)/b.Elapsed().Seconds(), "API-writes/s")
					for name, unit := range ledgerUnits {
						b.ReportMetric((counters(b, pods)[name]-before[name])/float64(b.N), unit)
					}
					var now, peak float64
					for _, p := range pods {
						rss, most := memory(b, p.PID)
						now, peak = max(now, rss), max(peak, most)
					}
					b.ReportMetric(now, "replica-MB")
					b.ReportMetric(peak, "replica-peak-MB")
				})
			}
			for _, p := range pods {
				idle, _ := memory(b, p.PID)
				b.Logf("%s idle: %.0f MB", p.Name, idle)
			}
			for _, rate := range []int{200, 1000, 2000} {
				run(fmt.Sprintf("per-second=%d", rate), func(b *testing.B) { l.open(b, b.N, rate) })
			}
			for _, inFlight := range []int{64, 512} {
				run(fmt.Sprintf("in-flight=%d", inFlight), func(b *testing.B) { l.closed(b, b.N, inFlight) })
			}
		})
	}
}

// BenchmarkReceiverStart starts a replica that has 100 000 events to remember, in as many segments as a load of 2 000
// events a second makes of them. ready is the time from the process's start, as far as the node tells it, to the first
// time that it says that it is ready.
func BenchmarkReceiverStart(b *testing.B) {
	for range b.N {
		b.StopTimer()
		s := newStack(b)
		remember(b, s, 100_000, 44)
		b.StartTimer()
		started := time.Now()
		_, pods := deployWhen(b, s, 1, func() { started = time.Now() })
		b.ReportMetric(time.Since(started).Seconds(), "ready-s")
		rss, peak := memory(b, pods[0].PID)
		b.ReportMetric(rss, "replica-MB")
		b.ReportMetric(peak, "replica-peak-MB")
		b.ReportMetric(counters(b, pods)["kassa_ledger_events"], "events")
	}
}

// remember makes a ledger of settled events.
func remember(b *testing.B, s *stack.Stack, events, each int) {
	b.Helper()
	c, err := kube.ClientFor(s.Plane.Config())
	if err != nil {
		b.Fatal(err)
	}
	create := func(seq int, change func(*v1alpha1.EventLedger)) error {
		o := &v1alpha1.EventLedger{
			TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "EventLedger"},
			ObjectMeta: metav1.ObjectMeta{
				Namespace: s.Namespace, Name: fmt.Sprintf("bench-0-%010d", seq),
				Labels: map[string]string{v1alpha1.LabelReceiver: "bench"}, Annotations: map[string]string{},
			},
		}
		change(o)
		return c.Post().Namespace(s.Namespace).Resource("eventledgers").Body(o).Do(b.Context()).Error()
	}
	err = create(0, func(o *v1alpha1.EventLedger) { o.Annotations[kube.AnnotationFloor] = "1" })
	if err != nil {
		b.Fatal(err)
	}
	group, _ := errgroup.WithContext(b.Context())
	group.SetLimit(16)
	for seq := 1; seq <= events/each+1; seq++ {
		group.Go(func() error {
			return create(seq, func(o *v1alpha1.EventLedger) {
				o.Annotations[kube.AnnotationWriter] = "bench-receiver-0/0123456789"
				for i := (seq - 1) * each; i < min(seq*each, events); i++ {
					o.Status.Entries = append(o.Status.Entries, v1alpha1.LedgerEntry{
						ID: fmt.Sprintf("evt_1OtwMC2eZvKYlo2C%08d", i), Type: "customer.subscription.updated",
						ReceivedAt: metav1.Now(), State: v1alpha1.EntryProcessed,
					})
				}
			})
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func kassaWrites(b *testing.B, s *stack.Stack) int {
	b.Helper()
	n, err := s.KassaWrites()
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// ledgerUnits are the receivers' metrics that are reported for each event.
var ledgerUnits = map[string]string{
	"kassa_ledger_commits_total":       "commits/event",
	"kassa_ledger_conflicts_total":     "conflicts/event",
	"kassa_ledger_written_bytes_total": "ledger-B/event",
}

// counters sums up the receivers' metrics over labels and replicas.
func counters(b *testing.B, pods []localnode.Pod) map[string]float64 {
	b.Helper()
	sums := map[string]float64{}
	for _, p := range pods {
		res, err := http.Get("http://" + p.IP + ":8081/metrics")
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			name, _, _ = strings.Cut(name, "{")
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				sums[name] += v
			}
		}
	}
	return sums
}

// newStack runs an operator with a node and an account.
func newStack(b *testing.B) *stack.Stack {
	b.Helper()
	s := stack.New(b, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	return s
}

// deploy lets the operator deploy a receiver and returns a load for its replicas.
func deploy(b *testing.B, s *stack.Stack, replicas int32) (*load, []localnode.Pod) {
	b.Helper()
	return deployWhen(b, s, replicas, func() {})
}

// deployWhen is deploy, and calls started when the first process runs.
func deployWhen(
	b *testing.B, s *stack.Stack, replicas int32, started func(), edit ...func(*v1alpha1.WebhookReceiver),
) (*load, []localnode.Pod) {
	b.Helper()
	once := sync.OnceFunc(started)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	b.Cleanup(sink.Close)
	receiver := &v1alpha1.WebhookReceiver{
		ObjectMeta: metav1.ObjectMeta{Name: "bench"},
		Spec: v1alpha1.WebhookReceiverSpec{
			ProviderRef: v1alpha1.ProviderReference{Name: "stripe"}, URL: "http://bench.example.com/hooks",
			Registration: v1alpha1.Registration{
				Manual: &v1alpha1.ManualRegistration{SigningSecretRef: v1alpha1.SigningSecretReference{Name: "signing"}},
			},
			Delivery: &v1alpha1.Delivery{Sinks: []v1alpha1.Sink{{Name: "app", HTTP: v1alpha1.HTTPSink{URI: sink.URL}}}},
			Workload: &v1alpha1.Workload{Replicas: &replicas},
		},
	}
	for _, e := range edit {
		e(receiver)
	}
	s.Create(stack.Secret("signing", "signing-secret", signingSecret), receiver)
	var pods []localnode.Pod
	await(b, func() bool {
		pods = s.Node.Pods(s.Namespace, "bench-receiver")
		ready := 0
		for _, p := range pods {
			if p.PID != 0 {
				once()
			}
			if p.Ready {
				ready++
			}
		}
		return ready == int(replicas)
	})
	l := &load{secret: signingSecret, prefix: strings.ReplaceAll(s.Namespace, "-", "")}
	for _, p := range pods {
		t := newTarget(p.IP+":8080", "/hooks")
		b.Cleanup(t.close)
		l.targets = append(l.targets, t)
	}
	return l, pods
}
