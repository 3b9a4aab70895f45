package webhookserver

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/notice"
	"github.com/kassa-dev/kassa/internal/provider"
)

// The largest body there is, of bytes that cannot be compressed, fits into a WebhookEvent, with room for its status.
func TestLargestBodyFitsIntoTheInbox(t *testing.T) {
	f := newFixture(t, nil, func(r *v1alpha1.WebhookReceiver) { // no replica takes it in hand meanwhile
		r.Spec.Delivery.Retry.MinBackoff = &metav1.Duration{Duration: time.Hour}
		r.Spec.Delivery.Retry.MaxBackoff = &metav1.Duration{Duration: time.Hour}
	})
	r := f.startUnready()
	raw := make([]byte, maxBody)
	_, _ = rand.Read(raw)
	f.g.Eventually(r.settings, patience, often).ShouldNot(BeNil())
	e := billing.Event{
		ID: strings.Repeat("e", provider.MaxEventID), NativeType: strings.Repeat("n", provider.MaxNativeType), Time: noon,
	}
	m := &message{key: strings.Repeat("k", 32), at: momentOf(noon, noon, e.ID)}
	var left []undelivered
	for i := range 8 {
		left = append(left, undelivered{fmt.Sprintf("%s%d", strings.Repeat("s", 62), i), attempt{
			gone: true, err: strings.Repeat("x", 2*maxError),
		}})
	}
	phase, err := r.server.inbox.put(t.Context(), r.settings(), &e, raw, m, left, time.Now())
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(phase).To(Equal(v1alpha1.EventDead))
	stored := f.inbox()[0]
	f.g.Expect(len(stored.Spec.Payload)).To(BeNumerically(">", maxBody), "it was not compressed")
	unpacked, err := notice.Unpack(stored.Spec.Payload)
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(bytes.Equal(unpacked, raw)).To(BeTrue())
}

// A start with a full inbox does not fill the memory. KASSA_BACKLOG sets the number of events of 100 kB that wait.
func TestMemoryOfABacklog(t *testing.T) {
	events := 100
	if text := os.Getenv("KASSA_BACKLOG"); text != "" {
		_, _ = fmt.Sscan(text, &events)
	}
	sink := newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	payload := make([]byte, 100<<10)
	_, _ = rand.Read(payload)
	slots := make(chan struct{}, 8)
	var all sync.WaitGroup
	for i := range events {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			e := &v1alpha1.WebhookEvent{}
			e.Namespace, e.Name = f.namespace, fmt.Sprintf("e%06d", i)
			e.Labels = map[string]string{v1alpha1.LabelReceiver: "stripe"}
			e.Spec = v1alpha1.WebhookEventSpec{
				Receiver: "stripe", EventID: e.Name, ReceivedAt: metav1.Now(), Payload: payload, Sinks: []string{"elsewhere"},
			}
			f.g.Expect(f.client.Create(t.Context(), e)).To(Succeed())
		})
	}
	all.Wait()
	runtime.GC()
	debug.FreeOSMemory()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	r := f.startUnready()
	most := uint64(0)
	f.g.Eventually(func() bool {
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapInuse)
		return r.server.inbox.index.loaded()
	}, 10*patience, time.Millisecond).Should(BeTrue())
	n, size := r.server.inbox.index.volume()
	f.g.Expect(n).To(Equal(events))
	f.g.Expect(size).To(Equal(int64(events * len(payload))))
	grown := (most - min(most, before.HeapInuse)) >> 20
	t.Logf("%d events, %d MB of payloads, read in %v: the heap grew by %d MB", n, size>>20, time.Since(began), grown)
	f.g.Expect(grown).To(BeNumerically("<", 30), "MB")
}
