package kube

import (
	"math"
	"slices"
	"time"
)

const (
	contentionMemory = time.Second
	leastSlot        = 2 * time.Millisecond
	longestSlot      = 50 * time.Millisecond
	longestJitter    = 100 * time.Millisecond
)

// turns lets replicas that append at the same time do so one after another. It is only about speed. They go round
// by name: after a write the next in the ring may go at once, the one after it a slot later, the writer itself last.
// A replica that writes nothing leaves the ring within a second. One that is not in the ring cannot get in by trying:
// it learns of a version later than its writer, who has begun the next one by then. So it asks, by a note on the
// anchor that everybody watches.
type turns struct {
	me      string
	window  time.Duration
	others  map[string]time.Time // when each was last seen to write or to ask
	last    string               // who wrote last
	lastAt  time.Time
	ownAt   time.Time     // when this replica's last write began
	askedAt time.Time     // when this replica last asked to be let in
	pace    time.Duration // what a write takes, smoothed
	answer  time.Duration // from the end of an own write until the next one's was seen, smoothed
	losses  int           // in a row
	hold    time.Time     // no write before this, after losses
	writers []string
}

func newTurns(me string, window time.Duration) turns {
	return turns{
		me: me, window: window, others: map[string]time.Time{}, pace: 2 * leastSlot, answer: 3 * leastSlot,
	}
}

// saw notes a version of the head that another replica wrote.
func (t *turns) saw(writer string, now time.Time) {
	if writer == "" || writer == t.me {
		return
	}
	if gap := now.Sub(t.lastAt); t.last == t.me && gap < longestSlot {
		t.answer += (gap - t.answer) / 8
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

// slot is the time in which a replica whose turn it is shows that it takes it.
func (t *turns) slot() time.Duration {
	return min(max(t.pace*3/2, t.answer*5/4, leastSlot), longestSlot)
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
		return 0
	}
	turn := t.lastAt.Add(time.Duration(t.distance(place)-1) * t.slot())
	return max(turn.Sub(now), t.ownAt.Add(t.window).Sub(now), t.hold.Sub(now), 0)
}

// stagger is how long a settle in a sealed segment waits: those of several replicas come at once, because they claimed
// at once.
func (t *turns) stagger(now time.Time) time.Duration {
	_, place := t.ring(now)
	return time.Duration(place) * t.slot()
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

const (
	entryBytes    = 150     // what an entry costs in a write, about
	rewriteBudget = 200_000 // bytes/s that a replica may rewrite before segments get shorter
	leastEntries  = 16
	batchesEach   = 2 // a segment holds this many batches at least, of one replica or of all together
)

// tempo measures how fast the head is rewritten and says how long a segment may get: long at quiet times, for few
// objects; short under load, because every write repeats the whole segment and etcd keeps every version for minutes.
type tempo struct {
	at    time.Time
	rate  float64 // versions of the head per second
	batch float64 // events that a version adds
}

func (t *tempo) note(now time.Time, appended int) {
	if dt := now.Sub(t.at).Seconds(); dt > 0 && !t.at.IsZero() {
		t.rate += (1 - math.Exp(-dt)) * (1/dt - t.rate)
	}
	t.at = now
	if appended > 0 {
		t.batch += 0.1 * (float64(appended) - t.batch)
	}
}

// limit is the number of entries at which a segment is sealed, with so many replicas in the ring. The more they are the
// larger is a batch; and the fewer of them have events in a segment, the fewer meet when they settle.
func (t *tempo) limit(most, replicas int) int {
	long := float64(most)
	if t.rate > 0 {
		long = rewriteBudget / entryBytes / t.rate
	}
	return int(min(max(long, batchesEach*t.batch/float64(replicas), leastEntries), float64(most)))
}
