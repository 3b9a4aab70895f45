package webhookserver

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// Told to stop, a server takes readiness back, still answers what comes in the lame-duck time, finishes what is under
// way, and ends without an error.
func TestDrain(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	sink := newApp(t, func(n int, _ http.ResponseWriter) {
		if n == 1 {
			close(arrived)
			<-release
		}
	})
	f := newFixture(t, []v1alpha1.Sink{sink.sink("app")})
	r := f.start(func(o *Options) { o.LameDuck = 2 * time.Second })

	var all sync.WaitGroup
	all.Go(func() {
		if a := r.send(eventBody("evt_1", "invoice.paid")); a.StatusCode != 200 {
			t.Errorf("the request under way got %d", a.StatusCode)
		}
	})
	<-arrived
	all.Go(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	f.g.Eventually(func() int { return get(t, r.health+"/readyz").StatusCode }, patience, often).Should(Equal(503))
	// Of another subscription: one of the same waits for its turn.
	f.g.Expect(r.send(strings.ReplaceAll(eventBody("evt_2", "invoice.paid"), "sub_1", "sub_2")).StatusCode).To(Equal(200))
	close(release)
	all.Wait()
	f.g.Expect(f.ledger.state("evt_1")).To(Equal(ledger.Processed))
	f.g.Expect(f.totals()).To(Equal(v1alpha1.EventTotals{Received: 2, Processed: 2}))
	_, err := http.Get(r.url)
	f.g.Expect(err).To(HaveOccurred())
}
