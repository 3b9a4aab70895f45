package webhookserver

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/serving"
)

const (
	// pollPause is how often the database is asked for what is due, when nothing says that there is something.
	pollPause = time.Second
	// pollLimit is about how many deliveries are taken in hand at once, of all sinks.
	pollLimit = 64
	// maxRest is the part of maxInHand that what waited may have.
	maxRest = maxInHand / 3
)

// shares are the parts of maxRest that sinks have, by name: one that hangs fills its own, and the others' events go on.
// It is used by one goroutine.
type shares map[string]*share

type share struct {
	size int64
	room *semaphore.Weighted
	// full: some of what was taken in hand waits for room, so that nothing more is.
	full atomic.Bool
}

// of is a sink's share where there are so many sinks.
func (s shares) of(sink string, sinks int) *share {
	size := int64(maxRest / max(sinks, 1))
	if have := s[sink]; have != nil && (have.size == size || have.full.Load()) {
		return have
	}
	s[sink] = &share{size: size, room: semaphore.NewWeighted(size)}
	return s[sink]
}

func (s shares) full() (sinks []string) {
	for name, one := range s {
		if one.full.Load() {
			sinks = append(sinks, name)
		}
	}
	return sinks
}

// need is the room that a delivery needs. One that is larger than the share has it for itself.
func (s *share) need(d ledger.Delivery) int64 { return min(weight(d.Size), s.size) }

// run takes what is due until ctx ends.
func (b *outbox) run(ctx context.Context) {
	if b.keeper == nil {
		return
	}
	var others sync.WaitGroup
	others.Go(func() { b.count(ctx) })
	others.Go(func() { b.hurryAll(ctx) })
	for ctx.Err() == nil {
		if b.poll(ctx, &others) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-b.look:
		case <-time.After(pollPause/2 + rand.N(pollPause)):
		}
	}
	others.Wait()
}

// poll takes once what is due, of each sink that has room, and says whether there may be more of one.
func (b *outbox) poll(ctx context.Context, waits *sync.WaitGroup) (more bool) {
	cfg, _ := b.config.current()
	if cfg == nil {
		return false // nothing can be delivered yet
	}
	sinks := max(len(cfg.sinks), 1)
	limit := max(pollLimit/sinks, 1)
	due, err := b.keeper.Due(ctx, limit, b.shares.full()...)
	if err != nil && ctx.Err() == nil {
		b.log.Debug("what is due is not known", "error", serving.Brief(err))
	}
	bySink := map[string][]ledger.Delivery{}
	for _, d := range due {
		bySink[d.Sink] = append(bySink[d.Sink], d)
	}
	for sink, of := range bySink {
		s := b.shares.of(sink, sinks)
		b.takeAll(ctx, s, of, waits)
		more = more || len(of) >= limit && !s.full.Load()
	}
	return more
}

// takeAll takes what was due to a sink. What its share has no room for waits for that, and keeps nothing else waiting.
func (b *outbox) takeAll(ctx context.Context, s *share, due []ledger.Delivery, waits *sync.WaitGroup) {
	for i, d := range due {
		if b.tryTake(s, d) { //nolint:contextcheck // it outlives what is due
			continue
		}
		s.full.Store(true)
		waits.Go(func() {
			for _, d := range due[i:] {
				b.take(ctx, s, d)
			}
			s.full.Store(false)
			b.nudge()
		})
		return
	}
}

// tryTake delivers what was due if there is time and room for it now.
func (b *outbox) tryTake(s *share, d ledger.Delivery) bool {
	cfg, _ := b.config.current()
	if cfg == nil || !inTime(cfg, d.Until) || !s.room.TryAcquire(s.need(d)) {
		return false
	}
	b.hands.Add(1)
	b.start(s, d)
	return true
}

// start gives the room back when the delivery is over.
func (b *outbox) start(s *share, d ledger.Delivery) {
	go func() {
		defer b.hands.Done()
		defer s.room.Release(s.need(d))
		b.again(d)
	}()
}

// complete reads the payload of a large event, for which there is room now. Without one it is false, and the delivery
// is in nobody's hands any more.
func (b *outbox) complete(cfg *settings, d *ledger.Delivery) bool {
	if d.Payload != nil || d.Size == 0 {
		return true
	}
	ctx, cancel := context.WithDeadline(b.hard, lastStart(cfg, d.Until))
	defer cancel()
	payload, err := b.keeper.Payload(ctx, d.ID)
	switch {
	case err != nil && b.hard.Err() == nil:
		b.tell(cfg, *d, unreadable(cfg, *d))
		return false
	case err != nil || !inTime(cfg, d.Until):
		b.handBack(*d)
		return false
	}
	d.Payload = payload
	return true
}

// unreadable is an attempt without a payload. No sink was asked, so that the pauses cannot follow from the attempts:
// each is as long as the event has waited.
func unreadable(cfg *settings, d ledger.Delivery) attempt {
	a := withheld(classUnready, "not sent: the database did not give the payload")
	a.retryAfter = min(time.Since(d.ReceivedAt), cfg.retry.maxBackoff)
	return a
}

// take delivers what was due, or hands it back if there is no room before ctx ends, or so late that it could not be
// delivered within the lease.
func (b *outbox) take(ctx context.Context, s *share, d ledger.Delivery) {
	b.hands.Add(1)
	if b.enter(ctx, s, d) {
		b.start(s, d) //nolint:contextcheck // it outlives what is due
		return
	}
	go func() { //nolint:contextcheck // so does this
		defer b.hands.Done()
		b.handBack(d)
	}()
}

// enter waits for room.
func (b *outbox) enter(ctx context.Context, s *share, d ledger.Delivery) bool {
	cfg, _ := b.config.current()
	if cfg == nil {
		return false
	}
	ctx, cancel := context.WithDeadline(ctx, lastStart(cfg, d.Until))
	defer cancel()
	return ctx.Err() == nil && s.room.Acquire(ctx, s.need(d)) == nil
}
