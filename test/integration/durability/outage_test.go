package durability

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/test/controlplane"
	"github.com/kassa-dev/kassa/test/stack"
)

// outageLength is longer than the ledger and a sink may take together.
const outageLength = 8 * time.Second

// outage is a way in which nothing can be made durable.
type outage struct {
	name       string
	begin, end func(context.Context, *controlplane.ControlPlane) error
	// long: how long the end takes is up to the machine. A claim is left to its holder for half a minute.
	long bool
}

var outages = []outage{
	{
		"the API server hangs",
		func(_ context.Context, p *controlplane.ControlPlane) error { return p.Pause() },
		func(_ context.Context, p *controlplane.ControlPlane) error { return p.Resume() },
		false,
	},
	{
		"the API server is restarted",
		func(_ context.Context, p *controlplane.ControlPlane) error { p.StopAPIServer(); return nil },
		func(ctx context.Context, p *controlplane.ControlPlane) error { return p.Restart(ctx) },
		true,
	},
	{
		"etcd is killed and restarted",
		func(_ context.Context, p *controlplane.ControlPlane) error { p.KillEtcd(); return nil },
		func(ctx context.Context, p *controlplane.ControlPlane) error { return p.StartEtcd(ctx) },
		true,
	},
}

// While nothing can be made durable nothing is acknowledged, and senders are told to come back. Afterwards everything
// is delivered, without help.
func TestNothingIsAcknowledgedDuringAnOutage(t *testing.T) {
	s, r, sink := stack.DeployReceiver(t)
	for i, o := range outages {
		ok := t.Run(o.name, func(t *testing.T) { o.test(t, s, r, sink, strconv.Itoa(i)) })
		if !ok {
			return
		}
	}
}

func (o outage) test(t *testing.T, s *stack.Stack, r *stack.Receiver, sink *stack.Sink, name string) {
	g := NewWithT(t)
	taken := len(sink.Taken())
	d, during := r.Sender("around"+name), r.Sender("during"+name)
	to := r.AnyReplica()
	stop := d.Load(20, to)
	defer stop()
	g.Eventually(func() int { return len(sink.Taken()) }, stack.Patience, often).Should(BeNumerically(">", taken+20))

	g.Expect(o.begin(t.Context(), s.Plane)).To(Succeed())
	end := sync.OnceFunc(func() { NewWithT(t).Expect(o.end(context.Background(), s.Plane)).To(Succeed()) })
	defer end()
	for until := time.Now().Add(outageLength); time.Now().Before(until); {
		during.Start(to)
		<-time.After(100 * time.Millisecond)
	}
	during.Look(func(o stack.Outcome) {
		g.Expect(o.Accepted).To(BeEmpty(), "acknowledged without a record")
		g.Expect(o.Broken).To(BeEmpty())
		g.Expect(o.Answers).NotTo(BeEmpty())
		for _, a := range o.Answers {
			g.Expect(a.Status).To(Equal(http.StatusServiceUnavailable), a.Body)
			g.Expect(strconv.Atoi(a.Header.Get("Retry-After"))).To(BeNumerically(">", 0))
		}
	})
	for id := range sink.Taken() {
		g.Expect(id).NotTo(ContainSubstring("evt_during" + name))
	}
	stop()
	end()
	ended := time.Now()
	during.Wait()
	t.Logf("recovered after %s", time.Since(ended).Round(100*time.Millisecond))
	d.Wait()
	// What the sink took just before is settled when that can be done, and does not come again.
	for _, of := range []*stack.Sender{d, during} {
		of.ExpectDelivered(t, sink, func(id string) bool { return o.long && of.Refused[id] })
	}
}
