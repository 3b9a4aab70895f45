package durability

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/test/stack"
)

// The same event in a row, at once at both replicas, and again after both were killed: one delivery each.
func TestRepeatedEventsAreDeliveredOnce(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	g := NewWithT(t)
	secret := r.SigningSecret()
	accept := func(to, id string) {
		body := stack.Event(id)
		NewWithT(t).Eventually(func() (int, error) {
			answer, err := r.Send(to, body, secret)
			return answer.Status, err
		}, stack.Patience, often).Should(Equal(http.StatusOK))
	}
	replicas := r.Replicas()
	g.Expect(replicas).To(HaveLen(2))

	ids := []string{"evt_row"}
	for range 2 {
		accept(r.URL(), "evt_row")
	}
	for _, p := range replicas {
		accept(r.ReplicaURL(p), "evt_row")
	}
	g.Expect(sink.Taken()).To(Equal(s.Once(ids...)))

	var together sync.WaitGroup
	for i := range 150 {
		id := fmt.Sprintf("evt_both_%d", i)
		ids = append(ids, id)
		begin := make(chan struct{})
		for _, p := range replicas {
			together.Go(func() {
				<-begin
				accept(r.ReplicaURL(p), id)
			})
		}
		close(begin)
	}
	together.Wait()
	g.Expect(sink.Taken()).To(Equal(s.Once(ids...)))
	g.Eventually(func(g Gomega) {
		now := r.Object().Status.Events
		g.Expect(now).NotTo(BeNil())
		// One that had to wait for the other replica longer than a request may was received again.
		g.Expect(now.Received).To(BeNumerically(">=", 4+2*150))
		g.Expect([]int64{now.Processed, now.Duplicate, now.Deferred}).To(Equal([]int64{int64(len(ids)), 3 + 150, 0}))
	}, stack.Patience, often).Should(Succeed())

	for _, p := range replicas {
		g.Expect(s.Node.Kill(p)).To(BeTrue())
	}
	g.Eventually(func(g Gomega) {
		for i, p := range r.Replicas() {
			g.Expect(p.Restarts).To(Equal(replicas[i].Restarts + 1))
			g.Expect(p.Ready).To(BeTrue())
		}
	}, stack.Patience, often).Should(Succeed())
	for i, id := range ids {
		together.Go(func() { accept(r.ReplicaURL(replicas[i%2]), id) })
	}
	together.Wait()
	g.Expect(sink.Taken()).To(Equal(s.Once(ids...)))
	g.Expect(sink.Tried()).To(Equal(sink.Taken()))
}

// A sink that fails three times gets the events from the inbox, and nothing is left behind.
func TestFailingSinkGetsEveryEventInTheEnd(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	g := NewWithT(t)
	sink.Answer(func(id string, attempt int) int {
		if attempt <= 3 && strings.Contains(id, "late") {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	var ids []string
	for i := range 10 {
		for _, kind := range []string{"late", "direct"} {
			id := fmt.Sprintf("evt_%s_%d", kind, i)
			ids = append(ids, id)
			answer, err := r.Send(r.URL(), stack.Event(id), r.SigningSecret())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(answer.Status).To(Equal(http.StatusOK), answer.Body)
		}
	}
	g.Eventually(sink.Taken, stack.Patience, often).Should(Equal(s.Once(ids...)))
	s.AwaitEmptyInbox()
	for i := range 10 {
		g.Expect(sink.Tried()).To(HaveKeyWithValue(s.CloudEventID(fmt.Sprintf("evt_late_%d", i)), 4))
	}
	r.AwaitTotals(v1alpha1.EventTotals{Received: 20, Processed: 10, Deferred: 10})
	g.Eventually(func(g Gomega) {
		now := r.Object().Status
		g.Expect(now.Pending).To(Equal(&v1alpha1.PendingEvents{}))
		g.Expect(now.RecentEvents).To(HaveLen(len(ids)))
		for _, e := range now.RecentEvents {
			g.Expect(e.Outcome).To(Equal(v1alpha1.OutcomeProcessed), e.ID)
		}
	}, stack.Patience, often).Should(Succeed())
}
