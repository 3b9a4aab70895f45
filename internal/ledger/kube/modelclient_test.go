package kube

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// dice are shared by all goroutines of a run.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{r: rand.New(rand.NewPCG(seed, 20240229))} }

func (d *dice) float() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.Float64()
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) chance(p float64) bool { return d.float() < p }

// upTo is a random time below t.
func (d *dice) upTo(t time.Duration) time.Duration { return time.Duration(d.float() * float64(t)) }

// faults are chances per call.
type faults struct {
	before, after, late, conflict, pause, crash float64
	watchEnd, watchLag                          float64
	longest                                     time.Duration // of a pause
}

var (
	errReset   = errors.New("connection reset")
	errCrashed = errors.New("this process is dead")
)

// modelClient is one replica's way to the server, with what can go wrong on it.
type modelClient struct {
	server *modelServer
	dice   *dice

	mu      sync.Mutex
	faults  faults
	dead    bool
	onCrash func()
	pending *sync.WaitGroup // requests on their way
}

func (c *modelClient) heal() { c.setFaults(faults{}) }

func (c *modelClient) setFaults(f faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = f
}

func (c *modelClient) state() (faults, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults, c.dead
}

func (c *modelClient) crash() {
	c.mu.Lock()
	was := c.dead
	c.dead = true
	c.mu.Unlock()
	if !was && c.onCrash != nil {
		c.onCrash()
	}
}

func sleepFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call does a request with the faults that the dice choose. A request whose caller gave up may still arrive.
func call[T any](ctx context.Context, c *modelClient, write bool, do func() (T, error)) (T, error) {
	var none T
	f, dead := c.state()
	if dead {
		return none, errCrashed
	}
	if c.dice.chance(f.crash) {
		if c.dice.chance(0.5) {
			_, _ = do()
		}
		c.crash()
		return none, errCrashed
	}
	if c.dice.chance(f.pause) {
		// The whole process stands still: its context runs out only afterwards.
		time.Sleep(c.dice.upTo(f.longest))
	}
	travel := c.dice.upTo(3 * time.Millisecond)
	switch {
	case c.dice.chance(f.before):
		_ = sleepFor(ctx, travel)
		return none, errReset
	case write && c.dice.chance(f.conflict):
		return none, apierrors.NewConflict(groupResource, "any", errors.New("injected"))
	case c.dice.chance(f.late):
		c.pending.Go(func() {
			time.Sleep(c.dice.upTo(f.longest))
			_, _ = do()
		})
		_ = sleepFor(ctx, c.dice.upTo(5*time.Second))
		return none, context.DeadlineExceeded
	}
	time.Sleep(travel)
	v, err := do()
	if c.dice.chance(f.after) {
		return none, errReset
	}
	if c.dice.chance(f.pause) {
		// It stands still before it takes the answer, which is older than everything else that it knows by then.
		time.Sleep(c.dice.upTo(f.longest))
		return v, err
	}
	if err := sleepFor(ctx, c.dice.upTo(3*time.Millisecond)); err != nil {
		return none, err
	}
	if _, dead := c.state(); dead {
		return none, errCrashed
	}
	return v, err
}

func (c *modelClient) Get(ctx context.Context, name string) (*v1alpha1.EventLedger, error) {
	return call(ctx, c, false, func() (*v1alpha1.EventLedger, error) { return c.server.get(name) })
}

func (c *modelClient) List(ctx context.Context, _ int64, next string) (*v1alpha1.EventLedgerList, error) {
	return call(ctx, c, false, func() (*v1alpha1.EventLedgerList, error) { return c.server.list(next) })
}

func (c *modelClient) Create(ctx context.Context, o *v1alpha1.EventLedger) (stamp, error) {
	o = o.DeepCopy()
	return call(ctx, c, true, func() (stamp, error) { return c.server.create(o) })
}

func (c *modelClient) Update(ctx context.Context, o *v1alpha1.EventLedger) (stamp, error) {
	o = o.DeepCopy()
	return call(ctx, c, true, func() (stamp, error) { return c.server.update(o) })
}

func (c *modelClient) Delete(ctx context.Context, name string, at stamp) error {
	_, err := call(ctx, c, true, func() (stamp, error) { return stamp{}, c.server.delete(name, at) })
	return err
}

func (c *modelClient) Watch(ctx context.Context, version string) (watch.Interface, error) {
	rev, err := strconv.Atoi(version)
	if err != nil {
		return nil, err
	}
	return call(ctx, c, false, func() (watch.Interface, error) {
		w := &modelWatch{events: make(chan watch.Event), stop: make(chan struct{})}
		context.AfterFunc(ctx, w.Stop) // nobody stops a watch whose answer was lost
		c.pending.Go(func() { w.run(c, rev) })
		return w, nil
	})
}

// modelWatch delivers changes in order, late, and ends now and then.
type modelWatch struct {
	events chan watch.Event
	stop   chan struct{}
	once   sync.Once
}

func (w *modelWatch) Stop()                          { w.once.Do(func() { close(w.stop) }) }
func (w *modelWatch) ResultChan() <-chan watch.Event { return w.events }

func (w *modelWatch) run(c *modelClient, rev int) {
	defer close(w.events)
	for {
		f, dead := c.state()
		if dead || c.dice.chance(f.watchEnd) {
			return
		}
		ch, wait, err := c.server.after(rev)
		if err != nil {
			w.send(watch.Event{Type: watch.Error, Object: &metav1.Status{Reason: metav1.StatusReasonExpired}})
			return
		}
		if ch == nil {
			select {
			case <-wait:
				continue
			case <-w.stop:
				return
			}
		}
		lag := c.dice.upTo(4 * time.Millisecond)
		if c.dice.chance(f.watchLag) {
			lag = c.dice.upTo(f.longest)
		}
		select {
		case <-time.After(lag):
		case <-w.stop:
			return
		}
		rev = ch.rev
		if !w.send(watch.Event{Type: ch.kind, Object: ch.o.DeepCopy()}) {
			return
		}
	}
}

func (w *modelWatch) send(e watch.Event) bool {
	select {
	case w.events <- e:
		return true
	case <-w.stop:
		return false
	}
}
