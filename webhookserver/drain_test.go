package webhookserver

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/workload"
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

// A connection that idles when the server is told to stop is no trap for the request that is about to come over it: it
// is answered, and only then closed, with a word to the client.
func TestDrainAnswersOverIdleConnections(t *testing.T) {
	f := newFixture(t, nil)
	r := f.start(func(o *Options) { o.LameDuck = 2 * time.Second })
	c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(r.url, "http://"), "/stripe"))
	f.g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = c.Close() })
	answers := bufio.NewReader(c)
	send := func(id string) *http.Response {
		t.Helper()
		body := eventBody(id, "invoice.paid")
		_, err := fmt.Fprintf(c, "POST /stripe HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s: %s\r\n\r\n%s", len(body),
			signatureHeader, sign(testSecret, time.Now(), []byte(body)), body)
		f.g.Expect(err).NotTo(HaveOccurred())
		res, err := http.ReadResponse(answers, nil)
		f.g.Expect(err).NotTo(HaveOccurred())
		f.g.Expect(res.Body.Close()).To(Succeed())
		return res
	}
	first := send("evt_1")
	f.g.Expect([]any{first.StatusCode, first.Close}).To(Equal([]any{200, false}))
	var all sync.WaitGroup
	all.Go(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	f.g.Eventually(func() int { return get(t, r.health+"/readyz").StatusCode }, patience, often).Should(Equal(503))
	last := send("evt_2")
	f.g.Expect([]any{last.StatusCode, last.Close}).To(Equal([]any{200, true}))
	all.Wait()
	f.g.Expect(f.totals().Received).To(BeEquivalentTo(2))
}

// All stages of a drain together end before the kubelet would kill the process.
func TestDrainEndsInTime(t *testing.T) {
	t.Parallel()
	longest := DefaultLameDuck + drainLimit + lastTell + 2*flushLimit
	if grace := workload.GraceSeconds * time.Second; longest >= grace {
		t.Errorf("a drain may take %s of %s", longest, grace)
	}
}
