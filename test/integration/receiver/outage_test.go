package receiver

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/stack"
)

// outage is longer than the ledger and a sink may take together.
const outage = 8 * time.Second

// While the API server hangs nothing is acknowledged, and senders are told to come back. Afterwards everything is
// delivered, without help.
func TestNothingIsAcknowledgedWhileTheAPIServerHangs(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	g := NewWithT(t)
	d, during := newSender(s, r, "hang"), newSender(s, r, "during")
	to := anyReplica(r)
	stop := d.load(20, to)
	defer stop()
	g.Eventually(func() int { return len(sink.Taken()) }, stack.Patience, often).Should(BeNumerically(">", 20))

	g.Expect(s.Plane.Pause()).To(Succeed())
	resumed := false
	resume := func() {
		if !resumed {
			resumed = true
			NewWithT(t).Expect(s.Plane.Resume()).To(Succeed())
		}
	}
	defer resume()
	for until := time.Now().Add(outage); time.Now().Before(until); {
		during.start(to)
		<-time.After(100 * time.Millisecond)
	}
	during.mu.Lock()
	g.Expect(during.accepted).To(BeEmpty(), "acknowledged without a record")
	g.Expect(during.broken).To(BeEmpty())
	g.Expect(during.answers).NotTo(BeEmpty())
	for _, a := range during.answers {
		g.Expect(a.Status).To(Equal(http.StatusServiceUnavailable), a.Body)
		g.Expect(strconv.Atoi(a.Header.Get("Retry-After"))).To(BeNumerically(">", 0))
	}
	during.mu.Unlock()
	for id := range sink.Taken() {
		g.Expect(id).NotTo(ContainSubstring("evt_during"))
	}
	stop()
	resume()
	resumedAt := time.Now()
	during.all.Wait()
	t.Logf("recovered after %s", time.Since(resumedAt).Round(100*time.Millisecond))
	d.next.Add(during.next.Load())
	d.all.Wait()
	for id := range during.accepted {
		d.accepted[id] = true
	}
	// An event that the sink took, and that could not be settled, was not acknowledged and came again.
	d.expectDelivered(t, sink, func(id string) bool { return d.refused[id] || d.broken[id] })
}
