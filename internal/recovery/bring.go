package recovery

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"

	"github.com/kassa-dev/kassa/internal/billing"
)

// lanes is how many events are on their way to the receiver at once.
const lanes = 16

// bring gives events to the receiver. Those of one customer go one after the other. It ends at the first error that is
// not about the event itself.
func (s Sweep) bring(ctx context.Context, events []billing.Event, f *Found) error {
	var queues [lanes][]*billing.Event
	for i := range events {
		h := fnv.New32a()
		_, _ = h.Write([]byte(lane(&events[i])))
		n := h.Sum32() % lanes
		queues[n] = append(queues[n], &events[i])
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, queue := range queues {
		all.Go(func() {
			for _, e := range queue {
				if ctx.Err() != nil {
					return
				}
				result, err := s.Receiver.Take(ctx, e)
				mu.Lock()
				var refused *RefusedError
				switch {
				case errors.As(err, &refused):
					f.Refused++
				case err != nil:
					cancel(err)
				case result.took():
					f.Recovered++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
