package webhookserver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
)

// dueKeeper has events wait for sinks, in their order, each of them 100 kB, and leaves out what they say.
type dueKeeper struct {
	toldKeeper
	mu   sync.Mutex
	left map[string]int
	read map[string]int // payloads that were read
}

func (k *dueKeeper) Payload(_ context.Context, id string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.read[strings.Split(id, "_")[1]]++
	return fmt.Appendf(nil, `{"id":%q,"type":"x","pad":%q}`, id, strings.Repeat("a", 100_000)), nil
}

func (k *dueKeeper) Due(_ context.Context, limit int, except ...string) (out []ledger.Delivery, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for sink, n := range k.left {
		if slices.Contains(except, sink) {
			continue
		}
		for range min(n, limit) {
			id := fmt.Sprintf("evt_%s_%03d", sink, 1000-k.left[sink])
			k.left[sink]--
			out = append(out, ledger.Delivery{
				Event: ledger.Event{ID: id, Type: "x"}, Sink: sink, ReceivedAt: time.Now(),
				Size: 100_000, Until: time.Now().Add(time.Minute),
			})
		}
	}
	return out, nil
}

func (*dueKeeper) Backlog(context.Context) (ledger.Backlog, error) { return ledger.Backlog{}, nil }

// A large payload that cannot be read now is left to whoever finds it due again.
func TestOutboxHandsBackWithoutPayload(t *testing.T) {
	g := NewWithT(t)
	k := &unreadKeeper{}
	b, _, asked := newTestOutbox(&k.toldKeeper)
	b.keeper = k
	b.again(ledger.Delivery{
		Event: ledger.Event{ID: "evt_1"}, Sink: "app", Size: 1 << 20, Until: time.Now().Add(time.Minute),
	})
	g.Expect(asked).To(BeEmpty())
	g.Expect(k.told).To(Receive(untried))
}

// unreadKeeper has no payload for anybody.
type unreadKeeper struct{ toldKeeper }

func (*unreadKeeper) Payload(context.Context, string) ([]byte, error) {
	return nil, ledger.ErrUnavailable
}

// What waits for one sink is delivered while another one, for which as much waits, answers nothing: that has its own
// share of the room, and no more of its events are taken in hand than there is room for.
func TestOutboxSharesRoom(t *testing.T) {
	g := NewWithT(t)
	const events = 200
	k := &dueKeeper{left: map[string]int{"app": events, "hung": events}, read: map[string]int{}}
	b, cfg, _ := newTestOutbox(&k.toldKeeper)
	b.keeper = k
	k.told = make(chan ledger.Attempt, 3*events)
	cfg.codec = testCodec{}
	cfg.sinks = append(cfg.sinks, sink{name: "hung", timeout: 30 * time.Second})
	b.plans = newPlans("", "shop")
	hang := make(chan struct{})
	b.attempt = func(_ context.Context, _ *message, to *sink, _ string) attempt {
		if to.name == "hung" {
			<-hang
		}
		return attempt{taken: true}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.run(ctx) }()
	for range events {
		g.Eventually(k.told, patience).Should(Receive(And(
			HaveField("Sink", "app"), HaveField("Result", ledger.Processed))))
	}
	k.mu.Lock()
	g.Expect(k.left["hung"]).To(BeNumerically(">=", events-pollLimit))
	g.Expect(k.read["hung"]).To(BeNumerically("<=", maxRest/2/weight(100_000)), "those that there is room for")
	k.mu.Unlock()
	close(hang)
	for range events {
		g.Eventually(k.told, patience).Should(Receive(And(
			HaveField("Sink", "hung"), HaveField("Result", ledger.Processed))))
	}
	cancel()
	g.Eventually(ended, patience).Should(BeClosed())
	b.drain()
	for _, s := range b.shares {
		g.Expect(s.room.TryAcquire(maxRest/2)).To(BeTrue(), "room is given back")
	}
}

// Counting what waits never keeps the database busy.
func TestOutboxCountsLess(t *testing.T) {
	g := NewWithT(t)
	g.Expect(nextCount(time.Millisecond)).To(Equal(backlogPause))
	g.Expect(nextCount(180 * time.Millisecond)).To(Equal(18 * time.Second))
	g.Expect(nextCount(10 * time.Second)).To(Equal(maxBacklogPause))
}
