package webhookserver

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/kassa-dev/kassa/internal/ledger"
	"github.com/kassa-dev/kassa/internal/serving"
)

const (
	// finishPause is the pause between two tries to write down what became of an event, or half of it.
	finishPause = time.Second
	// Bounds of what is kept: events, and bytes of their bodies.
	maxUnfinished      = 4096
	maxUnfinishedBytes = 4 << 20
	// putLimit is how long after its arrival an event is put into the inbox late. The last try is over before anybody
	// else may take over the claim, which is left to its holder for 30 s.
	putLimit = 15 * time.Second
)

// errLeft ends the tries: the rest is the repetition's, or done.
var errLeft = errors.New("left to the provider's repetition")

// unfinished are events that sinks were offered, and of which it could not be made durable what came of that, because
// the API server was away. The provider was not told that they are well, and repeats them. They are finished as soon as
// the API server is back, so that the repetition finds them settled, and no sink gets again what it took. What is over
// the bounds is left to the repetition, as is what a killed replica had.
type unfinished struct {
	mu     sync.Mutex
	ctx    context.Context
	events map[string]chan struct{} // by id; closed at the end
	bytes  int
	all    sync.WaitGroup
}

// begin sets for how long finishing goes on. Before it nothing is kept.
func (u *unfinished) begin(ctx context.Context) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ctx, u.events = ctx, map[string]chan struct{}{}
}

// keep calls finish until it succeeds, or fails in a way that trying again does not help. size is what it holds on to.
// It is false if the event is not kept. Otherwise ended is called in the end.
func (u *unfinished) keep(id string, size int, finish func(context.Context) error, ended func()) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, known := u.events[id]
	if u.events == nil || known || len(u.events) >= maxUnfinished || u.bytes+size > maxUnfinishedBytes {
		return false
	}
	ctx, done := u.ctx, make(chan struct{})
	u.events[id] = done
	u.bytes += size
	u.all.Go(func() {
		defer func() {
			ended()
			u.mu.Lock()
			defer u.mu.Unlock()
			delete(u.events, id)
			u.bytes -= size
			close(done)
		}()
		for ctx.Err() == nil {
			serving.Sleep(ctx, finishPause/2+rand.N(finishPause/2))
			try, cancel := context.WithTimeout(ctx, workLimit)
			err := finish(try)
			cancel()
			if err == nil || slices.ContainsFunc([]error{ledger.ErrLost, errOtherSinks, errLeft},
				func(final error) bool { return errors.Is(err, final) }) {
				return
			}
		}
	})
	return true
}

// await returns once an event is not among them any more; false: it still is at the given time.
func (u *unfinished) await(ctx context.Context, id string, until time.Time) bool {
	u.mu.Lock()
	done, known := u.events[id]
	u.mu.Unlock()
	if !known {
		return true
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}

// drain waits until there are none, or ctx ends. No more are kept then, not of requests that were cut off either.
func (u *unfinished) drain(ctx context.Context) {
	u.mu.Lock()
	u.events = nil
	u.mu.Unlock()
	done := make(chan struct{})
	go func() { u.all.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
