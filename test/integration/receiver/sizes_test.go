package receiver

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger/kube"
	"github.com/kassa-dev/kassa/internal/workload"
	"github.com/kassa-dev/kassa/test/stack"
)

// etcdLimit is the size of a request that etcd takes by default.
const etcdLimit = 1536 << 10

// longType is as long as a type may be. Nothing of Kassa's has that name, so that the sink has to ask for it.
var longType = "x" + strings.Repeat("_", kube.MaxType-1)

// sized deploys a receiver whose sink asks for longType too.
func sized(t *testing.T, sink *stack.Sink) (*stack.Stack, *stack.Receiver) {
	s := stack.New(t, stack.Options{Node: true})
	s.Operator()
	s.CreateProvider()
	r := s.CreateReceiver("hooks", sink, func(r *v1alpha1.WebhookReceiver) {
		// Registered by hand, since Stripe has no event of that name. So the receiver never says that it is ready.
		r.Spec.Registration = v1alpha1.Registration{Manual: &v1alpha1.ManualRegistration{
			SigningSecretRef: v1alpha1.SigningSecretReference{Name: "hooks-signing"},
		}}
		r.Spec.Delivery.Sinks[0].Events = []string{longType, "subscription.*"}
	})
	s.Create(stack.Secret("hooks-signing", "signing-secret", "whsec_"+"sizes"))
	NewWithT(t).Eventually(r.Replicas, stack.Patience, often).
		Should(And(HaveLen(workload.DefaultReplicas), HaveEach(HaveField("Ready", true))))
	return s, r
}

// The longest ids and types that are let through fill segments and the status without coming near the limit of an
// object: plain ones, and such that JSON makes six times as long.
func TestLongestEventsFit(t *testing.T) {
	sink := stack.NewSink(t)
	s, r := sized(t, sink)
	g := NewWithT(t)
	secret := r.SigningSecret()
	const n = 2 * kube.DefaultMaxEntries
	for _, filler := range []string{"x", "<"} {
		ids := make([]string, n)
		slots := make(chan struct{}, 64)
		var all sync.WaitGroup
		for i := range ids {
			number := fmt.Sprint(filler, i)
			ids[i] = number + strings.Repeat(filler, kube.MaxID-len(number))
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				body := fmt.Appendf(nil, `{"id":%q,"type":%q,"created":1712000000,"livemode":false,"data":{"object":{}}}`,
					ids[i], longType)
				NewWithT(t).Eventually(func() (int, error) {
					answer, err := r.Send(r.URL(), body, secret)
					return answer.Status, err
				}, stack.Patience, often).Should(Equal(http.StatusOK))
			})
		}
		all.Wait()
		var ledgers v1alpha1.EventLedgerList
		g.Expect(s.Client.List(t.Context(), &ledgers, client.InNamespace(s.Namespace))).To(Succeed())
		known, longest := map[string]bool{}, 0
		for i := range ledgers.Items {
			longest = max(longest, size(t, &ledgers.Items[i]))
			for _, e := range ledgers.Items[i].Status.Entries {
				known[e.ID] = true
			}
		}
		for _, id := range ids {
			g.Expect(known).To(HaveKey(id))
		}
		g.Expect(longest).To(BeNumerically("<", etcdLimit/2))
		var ring int
		g.Eventually(func() []v1alpha1.RecentEvent {
			recent := r.Object().Status.RecentEvents
			ring = size(t, recent)
			return recent
		}, stack.Patience, often).Should(And(Not(BeEmpty()), HaveEach(HaveField("ID", HavePrefix(filler)))))
		g.Expect(ring).To(BeNumerically("<=", 16<<10))
		t.Logf("%s: the longest segment has %d kB, the status' ring %d kB", filler, longest/1000, ring/1000)
	}

	// The largest segment that any setting allows, full of claims, written as it is.
	segment := &v1alpha1.EventLedger{}
	segment.Namespace, segment.Name = s.Namespace, "full-0-0000000001"
	for i := range kube.MaxMaxEntries {
		e := v1alpha1.LedgerEntry{
			ID: fmt.Sprintf("%04d", i) + strings.Repeat("<", kube.MaxID-4), Type: longType, State: v1alpha1.EntryClaimed,
			ClaimedBy: strings.Repeat("p", 63), ClaimedAt: &metav1.MicroTime{Time: time.Now()},
		}
		e.ReceivedAt.Time = r.Object().CreationTimestamp.Time
		segment.Status.Entries = append(segment.Status.Entries, e)
	}
	g.Expect(s.Client.Create(t.Context(), segment)).To(Succeed())
	g.Expect(size(t, segment)).To(BeNumerically("<", 1<<20))
}

// A body of the largest size, of a text that hardly compresses, goes through the inbox.
func TestLargestPayloadFitsIntoTheInbox(t *testing.T) {
	sink := stack.NewSink(t)
	goOn := make(chan struct{})
	sink.Answer(func(_ string, attempt int) int {
		if attempt == 1 {
			return http.StatusServiceUnavailable
		}
		<-goOn
		return http.StatusOK
	})
	s, r := sized(t, sink)
	g := NewWithT(t)
	const id = "evt_large"
	body := stack.Event(id)
	body = append(body[:len(body)-1], `,"padding":"`...)
	random := rand.New(rand.NewPCG(1, 2))
	for len(body) < maxBody-2 {
		// Everything of one byte that a JSON text may have between quotes, as it is.
		if c := ' ' + byte(random.IntN('~'-' ')); c != '"' && c != '\\' {
			body = append(body, c)
		}
	}
	body = append(body, '"', '}')
	answer, err := r.Send(r.URL(), body, r.SigningSecret())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer.Status).To(Equal(http.StatusOK), answer.Body)
	var list v1alpha1.WebhookEventList
	g.Expect(s.Client.List(t.Context(), &list, client.InNamespace(s.Namespace))).To(Succeed())
	g.Expect(list.Items).To(HaveLen(1))
	stored := size(t, &list.Items[0])
	g.Expect(stored).To(BeNumerically(">", maxBody), "it was compressed: this is not the largest payload")
	g.Expect(stored).To(BeNumerically("<", etcdLimit))
	t.Logf("stored in %d kB of %d", stored/1000, etcdLimit/1000)
	close(goOn)
	s.AwaitEmptyInbox()
	g.Expect(sink.Taken()).To(Equal(s.Once(id)))
}

func size(t *testing.T, o any) int {
	t.Helper()
	text, err := json.Marshal(o)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return len(text)
}
