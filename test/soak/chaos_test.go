package soak

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kassa-dev/kassa/test/stack"
)

// chaos kills replicas and disturbs the API server, and the database if there is one, until it is stopped.
type chaos struct {
	s      *stack.Stack
	r      *stack.Receiver
	db     *database // nil: events are objects
	began  time.Time
	random *rand.Rand
	plan   schedule

	mu       sync.Mutex
	kills    []moment
	pauses   int
	restarts int
	away     bool // the API server
	faults   map[string]int
}

// schedule says how often something happens.
type schedule struct {
	kill, pause, fault time.Duration
	// longest pause of the API server, which is restarted instead every third time, and fault of the database.
	longest time.Duration
	// atMost so many kills and half as many pauses; 0: no bound.
	atMost int
}

func (s schedule) more(n int) bool { return s.atMost == 0 || n < s.atMost }

// run returns when stop is closed, with the API server there.
func (c *chaos) run(t *testing.T, stop <-chan struct{}) {
	var all sync.WaitGroup
	all.Go(func() {
		for i := 0; c.plan.more(i) && wait(stop, c.plan.kill); i++ {
			c.killOne()
		}
	})
	all.Go(func() {
		for i := 0; c.plan.more(2*i) && wait(stop, c.plan.pause); i++ {
			if err := c.disturb(i%3 == 2); err != nil {
				t.Errorf("the API server: %v", err)
				return
			}
		}
	})
	for i := 0; c.db != nil && c.plan.more(i) && wait(stop, c.plan.fault); i++ {
		if err := c.disturbDatabase(t.Context(), i); err != nil {
			t.Errorf("the database: %v", err)
			break
		}
	}
	all.Wait()
}

func wait(stop <-chan struct{}, d time.Duration) bool {
	select {
	case <-stop:
		return false
	case <-time.After(d):
		return true
	}
}

func (c *chaos) killOne() {
	pods := c.r.Replicas()
	if len(pods) == 0 {
		return
	}
	c.mu.Lock()
	p := pods[c.random.IntN(len(pods))]
	c.mu.Unlock()
	at := time.Since(c.began)
	if c.s.Node.Kill(p) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.kills = append(c.kills, at)
	}
}

func (c *chaos) disturb(restart bool) error {
	c.mu.Lock()
	length := time.Duration(c.random.Int64N(int64(c.plan.longest)))
	c.away = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.away = false
	}()
	if restart {
		c.s.Plane.StopAPIServer()
		<-time.After(length)
		c.mu.Lock()
		c.restarts++
		c.mu.Unlock()
		return c.s.Plane.Restart(context.Background())
	}
	if err := c.s.Plane.Pause(); err != nil {
		return err
	}
	<-time.After(length)
	c.mu.Lock()
	c.pauses++
	c.mu.Unlock()
	return c.s.Plane.Resume()
}

// disturbDatabase has one fault after the other.
func (c *chaos) disturbDatabase(ctx context.Context, i int) error {
	all := c.db.faults()
	f := all[i%len(all)]
	c.mu.Lock()
	length := time.Duration(c.random.Int64N(int64(c.plan.longest)))
	c.mu.Unlock()
	if err := f.do(ctx, length); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults[f.name]++
	return nil
}

func (c *chaos) isAway() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away
}

func (c *chaos) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []string{fmt.Sprintf("%d kills, %d pauses, %d restarts", len(c.kills), c.pauses, c.restarts)}
	for _, name := range slices.Sorted(maps.Keys(c.faults)) {
		out = append(out, fmt.Sprintf("%d %s", c.faults[name], name))
	}
	return strings.Join(out, ", ")
}
