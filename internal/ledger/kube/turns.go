package kube

import (
	"math"
	"slices"
	"time"
)

const (
	contentionMemory = time.Second
	firstPace        = 8 * time.Millisecond // what a write is taken to need until some were made
	longestSlot      = 200 * time.Millisecond
	longestJitter    = 100 * time.Millisecond
)

// turns lets replicas that append do so one after another, about one append of them all in each window: more would be
// writes that the API server need not have, and two at once would be one too many. It is only about speed. They go
// round by name: after a write the next in the ring waits for what is left of the window; the one after it, and at last
// the writer itself, a slot longer each, in which they would have seen the one before. A replica that writes nothing
// leaves the ring within a second. One that is not in the ring cannot get in by trying: it learns of a version later
// than its writer, who has begun the next one by then. So it asks, by a note on the anchor that everybody watches.
type turns struct {
	me      string
	window  time.Duration
	others  map[string]time.Time // when each was last seen to write or to ask
	last    string               // who wrote last
	lastAt  time.Time            // when that was seen here
	ownAt   time.Time            // when this replica's last write began
	askedAt time.Time            // when this replica last asked to be let in
	pace    time.Duration        // what a write takes, smoothed
	answer  time.Duration        // from the end of an own write until the next one's was seen, smoothed
	losses  int                  // in a row
	hold    time.Time            // no write before this, after losses
	writers []string
}

func newTurns(me string, window time.Duration) turns {
	return turns{me: me, window: window, others: map[string]time.Time{}, pace: firstPace, answer: window}
}

// saw notes a segment that another replica made.
func (t *turns) saw(writer string, now time.Time) {
	if writer == "" || writer == t.me {
		return
	}
	if took := now.Sub(t.lastAt); t.last == t.me && took < longestSlot {
		t.answer += (took - t.answer) / 8
	}
	t.others[writer] = now
	t.last, t.lastAt = writer, now
}

// asked lets another replica into the ring.
func (t *turns) asked(replica string, now time.Time) {
	if replica != "" && replica != t.me {
		t.others[replica] = now
	}
}

// wrote notes an append of this replica that began at begun.
func (t *turns) wrote(begun, now time.Time) {
	t.pace += (now.Sub(begun) - t.pace) / 8
	t.last, t.lastAt, t.ownAt, t.losses = t.me, now, begun, 0
}

// lost notes that another replica's write came first, and says whether to ask to be let into the ring. Those that lose
// again and again part by chance: random is in [0, 1). The pause has an end that later writes of others do not put
// off, or a busy ring would starve who lost.
func (t *turns) lost(now time.Time, random float64) (ask bool) {
	t.losses++
	if t.losses > 2 {
		most := min(t.slot()<<min(t.losses-2, 8), longestJitter)
		t.hold = now.Add(time.Duration(random * float64(most)))
	}
	if now.Sub(t.ownAt) < contentionMemory/2 || now.Sub(t.askedAt) < contentionMemory/2 {
		return false
	}
	t.askedAt = now
	return true
}

// gap is what is left of the window when a write is seen. When writes are slow they are made less often, with more in
// each, so that the API server can catch up.
func (t *turns) gap() time.Duration {
	return max(t.window-t.pace, t.pace)
}

// slot is the time in which a replica whose turn it is shows that it takes it.
func (t *turns) slot() time.Duration {
	return min(max(t.gap()+t.pace*3/2, t.answer*5/4), longestSlot)
}

// ring is how many replicas take turns now, and this one's place among them, from 0.
func (t *turns) ring(now time.Time) (size, place int) {
	t.writers = append(t.writers[:0], t.me)
	for w, at := range t.others {
		if now.Sub(at) > contentionMemory {
			delete(t.others, w)
			continue
		}
		t.writers = append(t.writers, w)
	}
	slices.Sort(t.writers)
	place, _ = slices.BinarySearch(t.writers, t.me)
	return len(t.writers), place
}

// delay is how long the next append should wait.
func (t *turns) delay(now time.Time) time.Duration {
	size, place := t.ring(now)
	if size == 1 {
		t.losses = 0
		return max(t.ownAt.Add(t.gap()+t.pace).Sub(now), 0)
	}
	turn := t.lastAt.Add(t.gap() + time.Duration(t.distance(place)-1)*t.slot())
	return max(turn.Sub(now), t.ownAt.Add(t.window).Sub(now), t.hold.Sub(now), 0)
}

// distance from the last writer to the replica at a place, 1 for the next and the ring's length for the writer itself.
func (t *turns) distance(place int) int {
	last, found := slices.BinarySearch(t.writers, t.last)
	if !found {
		return 1
	}
	d := place - last
	if d <= 0 {
		d += len(t.writers)
	}
	return d
}

// tempo measures how often segments are made, by all replicas together.
type tempo struct {
	at   time.Time
	rate float64 // segments a second, of about the last second
}

func (t *tempo) note(now time.Time) {
	if dt := now.Sub(t.at).Seconds(); dt > 0 && !t.at.IsZero() {
		t.rate += (1 - math.Exp(-dt)) * (1/dt - t.rate)
	}
	t.at = now
}

// now is the rate, which falls while nothing is noted.
func (t *tempo) now(now time.Time) float64 {
	return min(t.rate, 1/max(now.Sub(t.at).Seconds(), 1e-3))
}
