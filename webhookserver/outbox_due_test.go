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

	"github.com/kassa-dev/kassa/internal/billing"
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

// A large payload that cannot be read is tried again ever later, with the reason, and given up after retry.maxAge. The
// event is deferred once.
func TestOutboxWithoutPayload(t *testing.T) {
	g := NewWithT(t)
	k := &unreadKeeper{}
	b, cfg, asked := newTestOutbox(&k.toldKeeper)
	b.keeper = k
	b.attempt = func(context.Context, *message, *sink, string) attempt { return attempt{status: 500, err: "500"} }
	g.Expect(b.reserve(1, 1)).To(BeTrue())
	b.begin(cfg, &billing.Event{ID: "evt_1"}, &message{event: "evt_1"}, 1, cfg.named([]string{"app"}), ledger.Kept{
		Claim: ledger.Claim{ReceivedAt: time.Now()}, Until: time.Now().Add(time.Minute),
	})
	b.drain()
	g.Expect(k.told).To(Receive(HaveField("Tried", true)))
	again := func(age time.Duration) {
		b.again(ledger.Delivery{
			Event: ledger.Event{ID: "evt_1"}, Sink: "app", Hold: "/1", Attempts: 1, Size: 1 << 20,
			ReceivedAt: time.Now().Add(-age), Until: time.Now().Add(time.Minute),
		})
	}
	for _, c := range []struct{ age, pause time.Duration }{
		{5 * time.Second, 5 * time.Second},
		{20 * time.Second, 20 * time.Second},
		{30 * time.Minute, cfg.retry.maxBackoff},
	} {
		again(c.age)
		g.Expect(k.told).To(Receive(And(untried, HaveField("Error", ContainSubstring("did not give the payload")),
			HaveField("Next", BeTemporally("~", time.Now().Add(c.pause), time.Second)))))
	}
	again(cfg.retry.maxAge)
	g.Expect(k.told).To(Receive(And(HaveField("Result", ledger.Dead), HaveField("Tried", false))))
	g.Expect(asked).To(BeEmpty())
	g.Expect(b.counters.deferred.Load()).To(BeEquivalentTo(1))
}

// A payload that came too late, or was broken off, says nothing about the event, which is due at once.
func TestOutboxHandsBackWithoutTime(t *testing.T) {
	for name, edit := range map[string]func(*outbox, *ledger.Delivery){
		"too late": func(b *outbox, d *ledger.Delivery) {
			b.keeper.(*unreadKeeper).payload, d.Until = []byte("{}"), time.Now()
		},
		"ended": func(b *outbox, _ *ledger.Delivery) {
			ended, cancel := context.WithCancel(b.hard)
			cancel()
			b.hard = ended
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			k := &unreadKeeper{}
			b, _, asked := newTestOutbox(&k.toldKeeper)
			b.keeper = k
			d := ledger.Delivery{
				Event: ledger.Event{ID: "evt_1"}, Sink: "app", Hold: "/1", Size: 1 << 20,
				ReceivedAt: time.Now().Add(-time.Minute), Until: time.Now().Add(time.Minute),
			}
			edit(b, &d)
			b.again(d)
			g.Expect(asked).To(BeEmpty())
			g.Expect(k.told).To(Receive(And(untried, HaveField("Error", ""),
				HaveField("Next", BeTemporally("~", time.Now(), time.Second)))))
		})
	}
}

// unreadKeeper does not give a payload unless it has one.
type unreadKeeper struct {
	toldKeeper
	payload []byte
}

func (k *unreadKeeper) Payload(context.Context, string) ([]byte, error) {
	if k.payload == nil {
		return nil, ledger.ErrUnavailable
	}
	return k.payload, nil
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
