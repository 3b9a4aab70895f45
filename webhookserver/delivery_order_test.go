package webhookserver

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

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
)

// happened is an event of a subscription at a second of the provider's clock.
func happened(id, subscription string, second int) string {
	return fmt.Sprintf(`{"id":%q,"type":"invoice.paid","created":%d,"subscription":%q,"price":"price_1"}`,
		id, 1769853600+second, subscription)
}

// takenIn are the ids, without their prefix, that the app took, in order.
func (a *app) takenIn() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for i, b := range a.got {
		if !a.refused[i] {
			var e struct{ ID string }
			_ = json.Unmarshal(b, &e)
			out = append(out, e.ID[strings.LastIndex(e.ID, ":")+1:])
		}
	}
	return out
}

// A sink is away while events of three subscriptions come to two replicas in any order. It gets each subscription's in
// the order in which they happened. One that comes when it is back does not overtake those that wait.
func TestWaitingEventsKeepTheProvidersOrder(t *testing.T) {
	var mu sync.Mutex
	down := true
	sink := newApp(t, nil)
	sink.answer = func(n int, w http.ResponseWriter) {
		mu.Lock()
		defer mu.Unlock()
		if down {
			w.WriteHeader(http.StatusBadGateway)
			sink.refuse(n)
		}
	}
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")}, func(r *v1alpha1.WebhookReceiver) {
		r.Spec.Delivery.Retry.MinBackoff = &metav1.Duration{Duration: 300 * time.Millisecond}
	})
	replicas := []*replica{f.start(), f.start()}
	const subscriptions, each = 3, 8
	var bodies []string
	for s := range subscriptions {
		for n := range each {
			bodies = append(bodies, happened(fmt.Sprintf("evt_%d_%02d", s, n), fmt.Sprint("sub_", s), n))
		}
	}
	rand.Shuffle(len(bodies), func(i, k int) { bodies[i], bodies[k] = bodies[k], bodies[i] })
	for i, body := range bodies {
		f.g.Expect(replicas[i%2].send(body).StatusCode).To(Equal(200))
	}
	f.g.Expect(f.inbox()).To(HaveLen(len(bodies)))
	for _, r := range replicas {
		f.g.Eventually(func() int { n, _ := r.server.inbox.index.volume(); return n }, patience, often).
			Should(Equal(len(bodies)))
	}
	mu.Lock()
	down = false
	mu.Unlock()
	for s := range subscriptions {
		last := happened(fmt.Sprintf("evt_%d_99", s), fmt.Sprint("sub_", s), 99)
		f.g.Expect(replicas[s%2].send(last).StatusCode).To(Equal(200))
	}
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	latest := map[string]string{}
	taken := sink.takenIn()
	f.g.Expect(taken).To(HaveLen(subscriptions * (each + 1)))
	for _, id := range taken {
		of := id[:5]
		f.g.Expect(id > latest[of]).To(BeTrue(), "%s came after %s: %v", id, latest[of], taken)
		latest[of] = id
	}
}

// Two events of a subscription at once: the second waits for the first, and a third of another does not.
func TestEventsOfAKeyAreDeliveredOneByOne(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 10)
	sink := newApp(t, func(n int, _ http.ResponseWriter) {
		arrived <- struct{}{}
		if n == 1 {
			<-release
		}
	})
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start()
	var all sync.WaitGroup
	send := func(body string) { all.Go(func() { f.g.Expect(r.send(body).StatusCode).To(Equal(200)) }) }
	send(happened("evt_1", "sub_a", 1))
	<-arrived
	for _, body := range []string{happened("evt_3", "sub_a", 3), happened("evt_2", "sub_a", 2)} {
		send(body)
	}
	k := turnKey{orderKey(&billing.Event{Subscription: &billing.EventSubscription{ID: "sub_a"}}), "app"}
	f.g.Eventually(func() int {
		r.server.turns.mu.Lock()
		defer r.server.turns.mu.Unlock()
		return len(r.server.turns.all[k].waiting)
	}, patience).Should(Equal(2))
	send(happened("evt_9", "sub_b", 9))
	<-arrived
	close(release)
	all.Wait()
	f.g.Expect(sink.takenIn()).To(Equal([]string{"evt_1", "evt_9", "evt_2", "evt_3"}))
	f.g.Expect(f.inbox()).To(BeEmpty())
}

// Whoever asks for an event again gets it, whatever became of it: delivered but not deleted yet, dead, or waiting.
func TestReplayAlsoAfterSuccess(t *testing.T) {
	sink := newApp(t, status(500))
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	stuck := &undeletable{WithWatch: f.client}
	stuck.on.Store(true)
	r := f.start(func(o *Options) { o.Client = stuck })
	f.g.Expect(r.send(of("evt_1")).StatusCode).To(Equal(200))
	sink.recover()
	f.g.Eventually(f.inbox, patience, often).Should(ConsistOf(HaveField("Status.Phase", v1alpha1.EventDelivered)))
	tried := sink.count()
	for n := range 2 {
		e := f.inbox()[0]
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"nonce-%d"}}}`, v1alpha1.AnnotationReplay, n)
		f.g.Expect(f.client.Patch(t.Context(), &e, client.RawPatch("application/merge-patch+json", patch))).To(Succeed())
		f.g.Eventually(f.inbox, patience, often).Should(ConsistOf(And(
			HaveField("Status.Phase", v1alpha1.EventDelivered), HaveField("Status.Replayed", fmt.Sprint("nonce-", n)))))
		f.g.Expect(sink.count()).To(Equal(tried + n + 1))
	}
	stuck.on.Store(false)
	f.g.Eventually(f.inbox, patience, often).Should(BeEmpty())
	f.g.Expect(sink.count()).To(Equal(tried + 2))
}
