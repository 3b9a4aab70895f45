package webhookserver

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/serving"
)

// outbox gives to sinks what a ledger.Keeper keeps. What this replica has just kept it has in hand and tries at once;
// everything else is taken from the database when its time has come, by whichever replica asks first.
type outbox struct {
	keeper  ledger.Keeper // nil: the inbox does this
	config  *config
	plans   *plans
	turns   *turns
	attempt func(ctx context.Context, m *message, to *sink, path string) attempt

	counters *counters
	recent   *recentEvents
	log      *slog.Logger

	hands sync.WaitGroup
	// Bytes of events in hand: of those that were just kept, and of those that waited. Each have their own, so that
	// neither keep the others waiting for ever.
	room   *semaphore.Weighted
	shares shares

	hard    context.Context //nolint:containedctx // ends deliveries under way; set before anything begins
	look    chan struct{}   // something may be due
	hurried hurried
	backlog atomic.Pointer[ledger.Backlog]
}

const (
	// backlogPause is how old the count of what waits may be. Where much waits counting takes long: the pause is
	// backlogShare times as long then, up to maxBacklogPause.
	backlogPause    = 5 * time.Second
	maxBacklogPause = time.Minute
	backlogShare    = 100
	// tellSlack is kept of a lease to write down what a sink said.
	tellSlack = 3 * time.Second
	// tellLimit bounds how long it is tried to write down what a sink said. After the lease another replica delivers the
	// event again.
	tellLimit = time.Minute
	// lastTell is what is left of that once deliveries are broken off.
	lastTell = 2 * time.Second
)

func newOutbox(keeper ledger.Keeper) *outbox {
	return &outbox{
		keeper: keeper, look: make(chan struct{}, 1), hurried: newHurried(), hard: context.Background(),
		room: semaphore.NewWeighted(maxInHand - maxRest), shares: shares{},
	}
}

// weight is about what an event needs while it is delivered, in bytes.
func weight(raw int) int64 { return min(int64(3*raw), maxRest) }

// inTime says that an attempt that begins now comes to its end before its lease does.
func inTime(cfg *settings, until time.Time) bool { return time.Now().Before(lastStart(cfg, until)) }

func lastStart(cfg *settings, until time.Time) time.Time {
	return until.Add(-cfg.longest() - claimWait - tellSlack)
}

// reserve makes room for an event that so many sinks get. Without room it is to be kept for later.
func (b *outbox) reserve(raw, sinks int) bool { return b.room.TryAcquire(weight(raw) * int64(sinks)) }

func (b *outbox) release(raw, sinks int) { b.room.Release(weight(raw) * int64(sinks)) }

// begin gives an event that was just kept, and for which there is room, to these sinks. Where there is too little time
// the event is handed back, and is due at once, here or at another replica. Until then later events of its key follow
// it.
func (b *outbox) begin(cfg *settings, e *billing.Event, m *message, raw int, to []*sink, kept ledger.Kept) {
	for _, one := range to {
		d := ledger.Delivery{
			Event: ledger.Event{ID: e.ID, Type: e.NativeType}, Kind: e.Type, Sink: one.name, OrderKey: m.key,
			ReceivedAt: kept.ReceivedAt, Until: kept.Until,
		}
		b.hands.Add(1)
		if !inTime(cfg, d.Until) {
			b.release(raw, 1)
			b.pass(m, d)
			continue
		}
		go func() {
			defer b.hands.Done()
			defer b.release(raw, 1)
			b.deliver(cfg, m, one, d, pathDirect)
		}()
	}
}

// leave has an event that is in nobody's hands looked for. Later events of its key that wait for their turn follow it.
func (b *outbox) leave(m *message, to []*sink) {
	for _, one := range to {
		if m.key != "" {
			b.turns.postpone(turnKey{m.key, one.name}, m.at)
			b.turns.recorded(turnKey{m.key, one.name}, m.at)
		}
	}
	b.nudge()
}

// pass hands back an event in its order's place.
func (b *outbox) pass(m *message, d ledger.Delivery) {
	if m.key != "" {
		b.turns.postpone(turnKey{m.key, d.Sink}, m.at)
	}
	go func() {
		defer b.hands.Done()
		b.handBack(d)
		b.recorded(m.key, d.Sink, m.at)
		b.nudge()
	}()
}

// drain waits for what is under way. Nothing may be begun any more.
func (b *outbox) drain() { b.hands.Wait() }

// again delivers what was tried before, or was left by another replica.
func (b *outbox) again(d ledger.Delivery) {
	cfg, _ := b.config.current()
	if cfg == nil {
		b.handBack(d)
		return
	}
	if !b.complete(cfg, &d) {
		return
	}
	m, err := b.message(cfg, d)
	if err != nil {
		b.tell(cfg, d, attempt{gone: true, err: "the payload cannot be read"})
		return
	}
	to := cfg.named([]string{d.Sink})
	if len(to) == 0 {
		b.tell(cfg, d, withheld(classUnready, missingSink))
		return
	}
	b.deliver(cfg, m, to[0], d, pathInbox)
}

// message makes the CloudEvent again from the payload.
func (b *outbox) message(cfg *settings, d ledger.Delivery) (*message, error) {
	parsed, err := cfg.codec.Parse(d.Payload)
	if err != nil {
		return nil, err
	}
	if parsed.ID != d.ID {
		return nil, provider.ErrMalformedEvent
	}
	b.plans.name(&parsed)
	return cloudEvent(cfg, &parsed, d.ReceivedAt)
}

// deliver makes one attempt and writes down what came of it. Until that is done, later events of its order follow it.
func (b *outbox) deliver(cfg *settings, m *message, to *sink, d ledger.Delivery, path string) {
	limit, cancel := context.WithTimeout(b.hard, cfg.longest()+claimWait)
	a := b.attempt(limit, m, to, path)
	cancel()
	b.tell(cfg, d, a)
	b.recorded(m.key, to.name, m.at)
}

// recorded ends what holds later events of a key.
func (b *outbox) recorded(key, sink string, at moment) {
	if key != "" {
		b.turns.recorded(turnKey{key, sink}, at)
	}
}

// tell writes down what came of an attempt.
func (b *outbox) tell(cfg *settings, d ledger.Delivery, a attempt) {
	end := d.ReceivedAt.Add(cfg.retry.maxAge)
	before := v1alpha1.SinkDelivery{Attempts: bounded(d.Attempts), Phase: v1alpha1.EventPending}
	after := afterAttempt(before, a, cfg.retry, time.Now(), end, randomPause)
	out := ledger.Attempt{
		EventID: d.ID, Sink: d.Sink, OrderKey: d.OrderKey, Result: ledger.Deferred, Tried: a.withheld == "",
		Error: after.LastError, Next: time.Now(),
	}
	switch {
	case after.Phase == v1alpha1.EventDelivered:
		out.Result, out.Error = ledger.Processed, ""
	case after.Phase == v1alpha1.EventDead:
		out.Result = ledger.Dead
	case after.NextAttempt != nil:
		out.Next = after.NextAttempt.Time
	}
	b.write(d, out, after.Attempts)
}

// handBack makes a delivery due, untried.
func (b *outbox) handBack(d ledger.Delivery) {
	b.write(d, ledger.Attempt{
		EventID: d.ID, Sink: d.Sink, OrderKey: d.OrderKey, Result: ledger.Deferred, Next: time.Now(),
	}, bounded(d.Attempts))
}

func (b *outbox) write(d ledger.Delivery, a ledger.Attempt, attempts int32) {
	a.Hold = d.Hold
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.hard), tellLimit)
	defer cancel()
	stop := context.AfterFunc(b.hard, func() { time.AfterFunc(lastTell, cancel) })
	defer stop()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, writePause) {
		told, err := b.keeper.Attempted(ctx, a)
		if err == nil {
			b.note(d, a, told.State, attempts)
			if told.Followed {
				b.nudge()
			}
			return
		}
		serving.Sleep(ctx, pause)
		if ctx.Err() != nil {
			b.log.Warn("what a sink said is not written down", "sink", d.Sink, "error", serving.Brief(err))
			return
		}
	}
}

// note counts what became of the event. It is deferred once: when a sink did not get it while it was in hand for the
// first time.
func (b *outbox) note(d ledger.Delivery, a ledger.Attempt, state ledger.State, attempts int32) {
	outcome := v1alpha1.OutcomeProcessed
	switch state {
	case ledger.Processed:
		b.counters.processed.Add(1)
	case ledger.Dead:
		b.counters.dead.Add(1)
		outcome = v1alpha1.OutcomeDead
	default:
		outcome = v1alpha1.OutcomeDeferred
		if a.Result == ledger.Deferred && d.Hold == "" {
			b.counters.deferred.Add(1)
		}
	}
	r := recentOf(&billing.Event{ID: d.ID, Type: d.Kind, NativeType: d.Type}, d.ReceivedAt, outcome)
	r.Attempts = attempts
	b.recent.add(r)
}

// nudge has the database asked at once.
func (b *outbox) nudge() {
	select {
	case b.look <- struct{}{}:
	default:
	}
}

// count keeps the count of what waits.
func (b *outbox) count(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		if n, err := b.keeper.Backlog(ctx); err == nil {
			b.backlog.Store(&n)
		}
		serving.Sleep(ctx, nextCount(time.Since(began)))
	}
}

// nextCount is the pause after a count that took so long.
func nextCount(took time.Duration) time.Duration {
	return min(max(backlogPause, backlogShare*took), maxBacklogPause)
}

// waiting is the latest count of what waits.
func (b *outbox) waiting() ledger.Backlog {
	if n := b.backlog.Load(); n != nil {
		return *n
	}
	return ledger.Backlog{}
}

func without(sinks []*sink, names []string) []*sink {
	return slices.DeleteFunc(slices.Clone(sinks), func(to *sink) bool { return slices.Contains(names, to.name) })
}
