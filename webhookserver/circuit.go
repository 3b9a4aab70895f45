package webhookserver

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// tripAfter is how many different events in a row have to fail before a sink is left alone. One event that the app
	// chokes on, however often it is tried, says nothing about the sink.
	tripAfter = 5
	// minProbe and maxProbe are the first and the longest pause before one event is tried again.
	minProbe = time.Second
	maxProbe = 30 * time.Second
)

// health is what an answer says about the sink, whatever becomes of the event.
type health int

const (
	// unknown: no request was made, or it was broken off here.
	healthUnknown health = iota
	// answers: the sink works, although it may have refused the event.
	healthAnswers
	// fails: no answer, or one of a sink in trouble.
	healthFails
	// rests: the sink asked for a pause.
	healthRests
)

// circuit decides whether a sink is asked at all, so that a dead one costs neither the provider's time nor writes.
// Closed, it lets everything through. Open, it lets one event through after each pause, and closes when that one gets
// an answer. It is safe for concurrent use.
type circuit struct {
	mu      sync.Mutex
	turn    uint64   // counts openings and closings: what was let through before the last one says nothing any more
	failed  []string // different events that failed in a row
	open    bool
	since   time.Time
	until   time.Time // while open: when a probe may go
	pause   time.Duration
	probing bool
}

// permit is a request that was let through.
type permit struct {
	turn  uint64
	probe bool
}

// admit lets a request through, or not. Whoever gets a permit has to report.
func (c *circuit) admit(now time.Time) (permit, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return permit{turn: c.turn}, true
	}
	if c.probing || now.Before(c.until) {
		return permit{}, false
	}
	c.probing = true
	return permit{turn: c.turn, probe: true}, true
}

// report tells what came of a request for an event; rest is how long a resting sink asked for. It is true when the
// circuit closes.
func (c *circuit) report(now time.Time, p permit, event string, h health, rest time.Duration) (closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.turn != c.turn {
		return false
	}
	if p.probe {
		c.probing = false
	}
	switch h {
	case healthAnswers:
		c.failed = nil
		if c.open {
			c.turn++
			c.open, c.pause = false, 0
			return true
		}
	case healthFails:
		if !c.open && !slices.Contains(c.failed, event) {
			c.failed = append(c.failed, event)
		}
		if p.probe || len(c.failed) >= tripAfter {
			c.trip(now, c.longer())
		}
	case healthRests:
		c.trip(now, rest)
	}
	return false
}

// trip opens the circuit. c.mu is held.
func (c *circuit) trip(now time.Time, pause time.Duration) {
	if !c.open {
		c.turn++
		c.open, c.since = true, now
	}
	c.failed, c.until = nil, now.Add(pause)
}

// longer is the next pause, with up to half of it at random so that replicas do not probe together. c.mu is held.
func (c *circuit) longer() time.Duration {
	c.pause = min(max(2*c.pause, minProbe), maxProbe)
	return c.pause/2 + rand.N(c.pause/2)
}

// passage is what a circuit lets through now.
type passage struct {
	open  bool      // the circuit is
	probe bool      // one event may be tried
	since time.Time // open since
	until time.Time // no probe before
}

func (c *circuit) passage(now time.Time) passage {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return passage{}
	}
	return passage{open: true, probe: !c.probing && !now.Before(c.until), since: c.since, until: c.until}
}
