package webhookserver

import (
	"context"
	"log/slog"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// toldKeeper answers Attempted, and nothing else.
type toldKeeper struct {
	ledger.Keeper
	told chan ledger.Attempt
	err  error
	hold chan struct{} // nil: the answer comes at once
}

func (k *toldKeeper) Attempted(_ context.Context, a ledger.Attempt) (ledger.Told, error) {
	if k.hold != nil {
		<-k.hold
	}
	if k.err == nil {
		k.told <- a
	}
	return ledger.Told{State: ledger.Deferred, Followed: a.OrderKey != ""}, k.err
}

// newTestOutbox has a sink whose attempts take no time and are counted.
func newTestOutbox(k *toldKeeper) (*outbox, *settings, chan string) {
	k.told = make(chan ledger.Attempt, 10)
	asked := make(chan string, 10)
	cfg := &settings{
		sinks: []sink{{name: "app", timeout: 30 * time.Second}},
		retry: retry{maxAge: time.Hour, minBackoff: time.Second, maxBackoff: time.Minute},
	}
	b := newOutbox(k)
	b.config, b.turns, b.counters, b.recent = &config{}, newTurns(), &counters{}, &recentEvents{}
	b.config.live.Set(slog.New(slog.DiscardHandler), cfg, "")
	b.log = slog.New(slog.DiscardHandler)
	b.attempt = func(_ context.Context, m *message, _ *sink, _ string) attempt {
		asked <- m.event
		return attempt{taken: true}
	}
	return b, cfg, asked
}

var untried = And(HaveField("Result", ledger.Deferred), HaveField("Tried", false))

// What cannot be finished within its lease is not begun.
func TestOutboxKeepsToTheLease(t *testing.T) {
	for name, c := range map[string]struct {
		left  time.Duration
		begun int
	}{
		"enough time": {time.Minute, 1},
		// The sink alone may take this long.
		"too little": {31 * time.Second, 0},
		"none":       {-time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			k := &toldKeeper{}
			b, cfg, asked := newTestOutbox(k)
			until := time.Now().Add(c.left)
			b.begin(cfg, &billing.Event{ID: "evt_1"}, &message{event: "evt_1"}, 0, cfg.named([]string{"app"}),
				ledger.Kept{Claim: ledger.Claim{ReceivedAt: time.Now()}, Until: until})
			b.drain()
			g.Expect(asked).To(HaveLen(c.begun))
			s := b.shares.of("app", 1)
			g.Expect(b.enter(t.Context(), s, ledger.Delivery{Until: until})).To(Equal(c.begun == 1))
			if c.begun == 0 {
				g.Expect(k.told).To(Receive(untried))
			} else {
				g.Expect(k.told).To(Receive(HaveField("Result", ledger.Processed)))
			}
			g.Expect(b.counters.deferred.Load()).To(BeEquivalentTo(1-c.begun), "another sink's delivery defers nothing")
		})
	}
}

// What was due does not wait for room until its lease is over.
func TestOutboxGivesUpWaitingForRoom(t *testing.T) {
	g := NewWithT(t)
	k := &toldKeeper{}
	b, cfg, _ := newTestOutbox(k)
	s := b.shares.of("app", 1)
	g.Expect(s.room.TryAcquire(maxRest)).To(BeTrue())
	until := time.Now().Add(cfg.longest() + claimWait + tellSlack + 50*time.Millisecond)
	b.take(t.Context(), s, ledger.Delivery{
		Event: ledger.Event{ID: "evt_1"}, Sink: "app", Payload: []byte("{}"), Size: 2, Until: until,
	})
	b.drain()
	g.Expect(k.told).To(Receive(untried))
}

// An event for which there is too little time keeps its place in its order until it is handed back.
func TestOutboxKeepsTheOrderWithoutTime(t *testing.T) {
	g := NewWithT(t)
	k := &toldKeeper{hold: make(chan struct{})}
	b, cfg, asked := newTestOutbox(k)
	g.Expect(b.reserve(2, 1)).To(BeTrue())
	key := turnKey{"key", "app"}
	b.begin(cfg, &billing.Event{ID: "1"}, &message{event: "1", key: key.order, at: nth(1)}, 2,
		cfg.named([]string{"app"}), ledger.Kept{Until: time.Now()})
	g.Expect(b.turns.take(t.Context(), key, nth(2))).To(BeFalse())
	close(k.hold)
	b.drain()
	g.Expect(asked).To(BeEmpty())
	g.Expect(b.turns.all).To(BeEmpty())
	g.Expect(b.look).To(Receive(), "it is looked for")
	g.Expect(b.room.TryAcquire(maxInHand-maxRest)).To(BeTrue(), "room is given back")
}

// What is due while new events have all of their room is delivered, and the other way round.
func TestOutboxHasRoomForBoth(t *testing.T) {
	g := NewWithT(t)
	b, _, _ := newTestOutbox(&toldKeeper{})
	for b.reserve(4096, 1) {
	}
	s := b.shares.of("app", 1)
	waited := ledger.Delivery{Size: 4096, Until: time.Now().Add(time.Minute)}
	g.Expect(b.enter(t.Context(), s, waited)).To(BeTrue())
	g.Expect(s.room.TryAcquire(maxRest - weight(4096))).To(BeTrue())
	b.release(4096, 1)
	g.Expect(b.reserve(4096, 1)).To(BeTrue())
}

// An event that was left is looked for, and what waits for its turn behind it here follows it.
func TestOutboxLeaves(t *testing.T) {
	g := NewWithT(t)
	b, cfg, _ := newTestOutbox(&toldKeeper{})
	key := turnKey{"key", "app"}
	g.Expect(b.turns.take(t.Context(), key, nth(1))).To(BeTrue())
	follows := make(chan bool, 1)
	go func() { follows <- b.turns.take(t.Context(), key, nth(3)) }()
	g.Eventually(func() int {
		b.turns.mu.Lock()
		defer b.turns.mu.Unlock()
		return len(b.turns.all[key].waiting)
	}, patience, often).Should(Equal(1))
	b.leave(&message{event: "2", key: key.order, at: nth(2)}, cfg.named([]string{"app"}))
	g.Eventually(follows, patience).Should(Receive(BeFalse()))
	g.Expect(b.look).To(Receive())
	b.turns.give(key)
	g.Expect(b.turns.all).To(BeEmpty())
}

// hurriedKeeper fails once, and then says which sinks were hurried.
type hurriedKeeper struct {
	ledger.Keeper
	failed  bool
	hurried chan string
}

func (k *hurriedKeeper) Hurry(_ context.Context, sink string) error {
	if !k.failed {
		k.failed = true
		return ledger.ErrUnavailable
	}
	k.hurried <- sink
	return nil
}

// What waits for a sink is hurried once, also if the database failed at first.
func TestOutboxHurries(t *testing.T) {
	g := NewWithT(t)
	k := &hurriedKeeper{hurried: make(chan string, 10)}
	b := newOutbox(k)
	b.log = slog.New(slog.DiscardHandler)
	for range 5 {
		b.hurry("app")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.hurryAll(ctx) }()
	g.Eventually(k.hurried, patience).Should(Receive(Equal("app")))
	g.Consistently(k.hurried, 100*time.Millisecond).ShouldNot(Receive())
	cancel()
	g.Eventually(ended, patience).Should(BeClosed())
}

// Once deliveries are broken off, it is not tried for long to tell of them.
func TestOutboxEndsTelling(t *testing.T) {
	g := NewWithT(t)
	b, _, _ := newTestOutbox(&toldKeeper{err: ledger.ErrUnavailable})
	hard, stop := context.WithCancel(t.Context())
	b.hard = hard
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.handBack(ledger.Delivery{Event: ledger.Event{ID: "evt_1"}, Sink: "app"})
	}()
	stop()
	g.Eventually(ended, tellLimit/2).Should(BeClosed())
}

// A payload that cannot be read is given up.
func TestOutboxGivesUpWhatItCannotRead(t *testing.T) {
	g := NewWithT(t)
	k := &toldKeeper{}
	b, cfg, asked := newTestOutbox(k)
	cfg.codec = testCodec{}
	b.again(ledger.Delivery{Event: ledger.Event{ID: "evt_1"}, Sink: "app", ReceivedAt: time.Now()})
	g.Expect(asked).To(BeEmpty())
	g.Expect(k.told).To(Receive(HaveField("Result", ledger.Dead)))
}
