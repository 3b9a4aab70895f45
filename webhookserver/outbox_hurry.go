package webhookserver

import (
	"context"
	"sync"

	"github.com/kassa-dev/kassa/internal/serving"
)

// hurried are the sinks that take events again, and of which it was not said yet that what waits is due. However often
// a sink comes and goes, one goroutine says so.
type hurried struct {
	mu    sync.Mutex
	sinks map[string]bool
	some  chan struct{}
}

func newHurried() hurried { return hurried{sinks: map[string]bool{}, some: make(chan struct{}, 1)} }

func (h *hurried) add(sink string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sinks[sink] = true
	select {
	case h.some <- struct{}{}:
	default:
	}
}

// take returns one of them.
func (h *hurried) take() (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for sink := range h.sinks {
		delete(h.sinks, sink)
		return sink, true
	}
	return "", false
}

// hurry makes due what waits for a sink that takes events again.
func (b *outbox) hurry(sink string) {
	if b.keeper != nil {
		b.hurried.add(sink)
	}
}

// hurryAll does that until ctx ends: as long as it takes, because what is not hurried may wait for hours.
func (b *outbox) hurryAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.hurried.some:
		}
		for sink, ok := b.hurried.take(); ok && ctx.Err() == nil; sink, ok = b.hurried.take() {
			if err := b.keeper.Hurry(ctx, sink); err != nil {
				b.log.Debug("what waits is not hurried", "sink", sink, "error", serving.Brief(err))
				b.hurried.add(sink)
				serving.Sleep(ctx, writePause)
			}
			b.nudge()
		}
	}
}
