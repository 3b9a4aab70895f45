package webhookserver

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

func recent(id string, at time.Time, outcome v1alpha1.EventOutcome, attempts int32) v1alpha1.RecentEvent {
	return v1alpha1.RecentEvent{ID: id, ReceivedAt: metav1.NewTime(at), Outcome: outcome, Attempts: attempts}
}

// The ring stays below its bound in bytes, whatever ids it has, and loses the oldest first.
func TestTheRingIsBounded(t *testing.T) {
	var news []v1alpha1.RecentEvent
	for i := range 64 {
		news = append(news, v1alpha1.RecentEvent{
			ID: fmt.Sprintf("%03d", i) + strings.Repeat("<", 125), Type: strings.Repeat("t", 64),
			NativeType: strings.Repeat("<", 100), ReceivedAt: metav1.NewTime(time.Unix(int64(i), 0)),
			Outcome: v1alpha1.OutcomeProcessed,
		})
	}
	ring := mergeRecent(nil, news)
	encoded, err := json.Marshal(ring)
	if err != nil || len(encoded) > 16<<10 || len(encoded) < 14<<10 {
		t.Errorf("%d bytes, %v", len(encoded), err)
	}
	if !strings.HasPrefix(ring[0].ID, "063") {
		t.Errorf("the newest is %s", ring[0].ID)
	}
}

func TestMergeRecent(t *testing.T) {
	const processed, deferred, dead = v1alpha1.OutcomeProcessed, v1alpha1.OutcomeDeferred, v1alpha1.OutcomeDead
	second := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	full := func(from int) (out []v1alpha1.RecentEvent) {
		for i := range maxRecent {
			out = append(out, recent(fmt.Sprint("e", from+maxRecent-i), second(from+maxRecent-i), processed, 1))
		}
		return out
	}
	type list = []v1alpha1.RecentEvent
	for _, c := range []struct {
		reason            string
		known, news, want list
	}{
		{"first", nil, list{recent("a", second(1), processed, 1)}, list{recent("a", second(1), processed, 1)}},
		{"newest first", list{recent("b", second(2), processed, 1)},
			list{recent("a", second(1), processed, 1), recent("c", second(3), processed, 1)},
			list{recent("c", second(3), processed, 1), recent("b", second(2), processed, 1),
				recent("a", second(1), processed, 1)}},
		{"same second: the later one first", list{recent("a", second(1), processed, 1)},
			list{recent("b", second(1), processed, 1)},
			list{recent("b", second(1), processed, 1), recent("a", second(1), processed, 1)}},
		{"deferred, then processed", list{recent("a", second(1), deferred, 1)},
			list{recent("a", second(1), processed, 4)}, list{recent("a", second(1), processed, 4)}},
		{"news that come late do not undo", list{recent("a", second(1), processed, 4)},
			list{recent("a", second(1), deferred, 1)}, list{recent("a", second(1), processed, 4)}},
		{"given up, then replayed", list{recent("a", second(1), dead, 4)},
			list{recent("a", second(1), processed, 2)}, list{recent("a", second(1), processed, 4)}},
		{"the list is bounded", full(1), list{recent("x", second(99), processed, 1)},
			append(list{recent("x", second(99), processed, 1)}, full(1)[:maxRecent-1]...)},
		{"an old event does not push a newer one out", full(10), list{recent("x", second(1), processed, 1)}, full(10)},
	} {
		t.Run(c.reason, func(t *testing.T) {
			known := append(list(nil), c.known...)
			if diff := cmp.Diff(c.want, mergeRecent(c.known, c.news)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(known, c.known); diff != "" {
				t.Errorf("the argument was changed: %s", diff)
			}
		})
	}
}

func TestRecentEventsKeepOneEntryOfAnEvent(t *testing.T) {
	g := NewWithT(t)
	var r recentEvents
	for i := range maxRecent {
		r.add(recent(strconv.Itoa(i), noon, v1alpha1.OutcomeDeferred, 1))
	}
	for i := range maxRecent {
		r.add(recent(strconv.Itoa(i), noon, v1alpha1.OutcomeProcessed, 2))
	}
	got := r.take()
	g.Expect(got).To(HaveLen(maxRecent))
	g.Expect(got).To(HaveEach(HaveField("Outcome", v1alpha1.OutcomeProcessed)))
	for i := range 10 * maxRecent {
		r.add(recent(strconv.Itoa(i), noon, v1alpha1.OutcomeProcessed, 1))
	}
	got = r.take()
	g.Expect(len(got)).To(Equal(2 * maxRecent))
	g.Expect(got[len(got)-1].ID).To(Equal(strconv.Itoa(10*maxRecent - 1)))
	g.Expect(r.take()).To(BeEmpty())
}

func TestReceiverPatch(t *testing.T) {
	r := &v1alpha1.WebhookReceiver{}
	r.ResourceVersion = "7"
	oldest := new(metav1.NewTime(noon))
	for _, c := range []struct {
		reason  string
		have    v1alpha1.WebhookReceiverStatus
		counted v1alpha1.EventTotals
		pending pendingStatus
		want    string // of status; empty: no patch
	}{
		{"nothing", v1alpha1.WebhookReceiverStatus{}, v1alpha1.EventTotals{}, pendingStatus{}, ""},
		{"nothing new",
			v1alpha1.WebhookReceiverStatus{Pending: &v1alpha1.PendingEvents{Count: 2, Oldest: oldest}},
			v1alpha1.EventTotals{}, pendingStatus{Count: 2, Oldest: new(metav1.NewTime(noon.Add(time.Millisecond)))}, ""},
		{"adds", v1alpha1.WebhookReceiverStatus{Events: &v1alpha1.EventTotals{Received: 5, Processed: 4}},
			v1alpha1.EventTotals{Received: 2, Duplicate: 1}, pendingStatus{},
			`{"events":{"received":7,"processed":4,"duplicate":1,"rejected":0,"deferred":0,"dead":0,"unknown":0},
			  "pending":{"count":0,"dead":0,"oldest":null},"recentEvents":null}`},
		{"inbox emptied",
			v1alpha1.WebhookReceiverStatus{Pending: &v1alpha1.PendingEvents{Count: 1, Oldest: oldest}},
			v1alpha1.EventTotals{}, pendingStatus{},
			`{"events":{"received":0,"processed":0,"duplicate":0,"rejected":0,"deferred":0,"dead":0,"unknown":0},
			  "pending":{"count":0,"dead":0,"oldest":null},"recentEvents":null}`},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			r.Status = c.have
			patch, err := receiverPatch(r, c.counted, nil, nil, c.pending)
			g.Expect(err).NotTo(HaveOccurred())
			if c.want == "" {
				g.Expect(patch).To(BeNil())
				return
			}
			g.Expect(patch).To(MatchJSON(`{"metadata":{"resourceVersion":"7"},"status":` + c.want + `}`))
		})
	}
}

// Three replicas under load: every event is counted, no field of the operator is touched, and all of them together
// write no more than once a second.
func TestReplicasShareTheStatus(t *testing.T) {
	f := newFixture(t, nil)
	var replicas []*replica
	for range 3 {
		replicas = append(replicas, f.start())
	}
	w, err := f.client.Watch(t.Context(), &v1alpha1.WebhookReceiverList{}, client.InNamespace(f.namespace))
	f.g.Expect(err).NotTo(HaveOccurred())
	defer w.Stop()
	var mu sync.Mutex
	var writes []time.Time
	go func() {
		for e := range w.ResultChan() {
			if r, ok := e.Object.(*v1alpha1.WebhookReceiver); ok && e.Type == watch.Modified && r.Status.Events != nil {
				mu.Lock()
				writes = append(writes, time.Now())
				mu.Unlock()
			}
		}
	}()
	const each = 200
	var all sync.WaitGroup
	began := time.Now()
	for n, r := range replicas {
		all.Go(func() {
			for i := range each {
				if a := r.send(eventBody(fmt.Sprintf("evt_%d_%d", n, i), "invoice.paid")); a.StatusCode != 200 {
					t.Errorf("status %d", a.StatusCode)
				}
			}
		})
	}
	all.Wait()
	want := v1alpha1.EventTotals{Received: 3 * each, Processed: 3 * each}
	f.g.Eventually(f.totals, patience, often).Should(Equal(want))
	mu.Lock()
	n := len(writes)
	mu.Unlock()
	f.g.Expect(n).To(BeNumerically("<=", 2+int(time.Since(began)/statusPause)))
	got := f.read()
	f.g.Expect(got.Status.RecentEvents).To(HaveLen(maxRecent))
	f.g.Expect(got.Status.URL).To(Equal(f.receiver.Spec.URL))
	f.g.Expect(got.Status.Provider).NotTo(BeNil())
	size, err := json.Marshal(got.Status.RecentEvents)
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(len(size)).To(BeNumerically("<", 16<<10))
}

// What was counted since the last write is written when a replica is told to stop, by all of them at once.
func TestStatusIsFlushedAtTheEnd(t *testing.T) {
	f := newFixture(t, nil)
	replicas := []*replica{f.start(), f.start()}
	for i := range 10 {
		for n, r := range replicas {
			f.g.Expect(r.send(eventBody(fmt.Sprintf("evt_%d_%d", n, i), "invoice.paid")).StatusCode).To(Equal(200))
		}
	}
	var all sync.WaitGroup
	for _, r := range replicas {
		all.Go(func() {
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	f.g.Expect(f.totals()).To(Equal(v1alpha1.EventTotals{Received: 20, Processed: 20}))
}
