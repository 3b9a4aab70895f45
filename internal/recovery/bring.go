package recovery

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"

	"github.com/kassa-dev/kassa/internal/billing"
)

const (
	// lanes is how many events are on their way to the receiver at once.
	lanes = 16
	// maxUntaken is how many events a receiver may not take now before it is left alone.
	maxUntaken = 16
)

// bringer gives events to a receiver.
type bringer struct {
	Receiver

	mu      sync.Mutex
	found   *Found
	failure error // the first
	untaken int
}

// bring gives events to the receiver. Those of one customer go one after the other: when one of them cannot be taken
// now, the later ones wait with it for another sweep, and nobody else does.
func (s Sweep) bring(ctx context.Context, events []billing.Event, f *Found) error {
	var queues [lanes][]*billing.Event
	for i := range events {
		h := fnv.New32a()
		_, _ = h.Write([]byte(lane(&events[i])))
		n := h.Sum32() % lanes
		queues[n] = append(queues[n], &events[i])
	}
	b := &bringer{Receiver: s.Receiver, found: f}
	var all sync.WaitGroup
	for _, queue := range queues {
		all.Go(func() { b.run(ctx, queue) })
	}
	all.Wait()
	return errors.Join(b.failure, ctx.Err())
}

func (b *bringer) run(ctx context.Context, queue []*billing.Event) {
	waits := map[string]bool{}
	for _, e := range queue {
		if waits[lane(e)] {
			continue
		}
		if b.over() || ctx.Err() != nil {
			return
		}
		result, err := b.Take(ctx, e)
		waits[lane(e)] = b.note(result, err)
	}
}

// note counts what came of an event, and says whether later ones have to wait with it.
func (b *bringer) note(result Result, err error) (wait bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		b.found.Refused++
		b.found.Problem = refused.Problem
	case err != nil:
		b.untaken++
		if b.failure == nil {
			b.failure = err
		}
		return true
	case result.took():
		b.found.Recovered++
	}
	return false
}

func (b *bringer) over() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.untaken >= maxUntaken
}
