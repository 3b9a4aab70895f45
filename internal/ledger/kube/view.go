package kube

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// view is what this replica knows of the ledger. It may be behind the API server, never beside it: everything in it
// was durable at some moment. It is not safe for concurrent use.
type view struct {
	me            string
	anchorUID     types.UID
	bounds        // which segments cannot have been deleted, and the version of the anchor that says so
	anchorVersion string
	// head is the sequence of the next segment: every event of every segment below it is in index, unless the segment
	// was deleted. It never falls.
	head     uint32
	segments map[uint32]*segment
	index    map[key]place
	claims   map[key]*claim // the entries that are Claimed
}

// segment is what is kept of every segment.
type segment struct {
	stamp
	first    bool   // proved to be the first object of its sequence; only then do its claims count
	entries  uint16 // how many
	claims   uint16 // how many are Claimed
	deferred uint16 // how many are Deferred
	newest   uint32 // Unix time of the newest entry or claim, s
	writer   string
	object   *v1alpha1.EventLedger // while this replica has claims in it, for the settles that come soon
}

// settled says that nothing in it can change any more.
func (s *segment) settled() bool { return s.claims == 0 && s.deferred == 0 }

// place is where an event is.
type place struct {
	seq      uint32
	received uint32 // Unix time, s
	state    uint8  // index into stateNames
}

// claim is what is kept of an entry that is Claimed.
type claim struct {
	claimMark
	seen    time.Time // when this replica first saw this claim, by its own clock
	held    bool      // a caller of this process has it in hand
	resumed bool      // an earlier claim may have been acted upon
}

func newView(me string) view {
	return view{me: me, segments: map[uint32]*segment{}, index: map[key]place{}, claims: map[key]*claim{}}
}

// fresh says whether o is news.
func (v *view) fresh(seq uint32, o *v1alpha1.EventLedger) bool {
	s := v.segments[seq]
	return s == nil || newer(o.ResourceVersion, s.version)
}

// apply takes in a version of a segment, if it is news.
func (v *view) apply(seq uint32, o *v1alpha1.EventLedger, now time.Time) bool {
	if !v.fresh(seq, o) {
		return false
	}
	s := v.segments[seq]
	if s != nil && s.uid != o.UID {
		v.drop(map[uint32]bool{seq: true})
		s = nil
	}
	if s == nil {
		s = &segment{}
		v.segments[seq] = s
	}
	s.stamp, s.writer, s.object = stampOf(&o.ObjectMeta), o.Annotations[AnnotationWriter], nil
	s.entries, s.claims, s.deferred, s.newest = uint16(len(o.Status.Entries)), 0, 0, 0 //nolint:gosec // at most 512
	for i := range o.Status.Entries {
		v.take(seq, s, &o.Status.Entries[i], now)
	}
	if s.claims > 0 && s.writer == v.me {
		s.object = o
	}
	v.disown(seq, s)
	return true
}

func (v *view) take(seq uint32, s *segment, e *v1alpha1.LedgerEntry, now time.Time) {
	k, received := keyOf(e.ID), uint32(e.ReceivedAt.Unix()) //nolint:gosec // until 2106
	s.newest = max(s.newest, received)
	switch e.State {
	case v1alpha1.EntryClaimed:
		s.claims++
		if e.ClaimedAt != nil {
			s.newest = max(s.newest, uint32(e.ClaimedAt.Unix())) //nolint:gosec // until 2106
		}
	case v1alpha1.EntryDeferred:
		s.deferred++
	}
	if p, known := v.index[k]; known && p.seq > seq {
		// The event was merged into another segment, or was forgotten with this one and came again since.
		return
	}
	v.index[k] = place{seq: seq, received: received, state: stateCodes[e.State]}
	if e.State != v1alpha1.EntryClaimed {
		delete(v.claims, k)
		return
	}
	mark := markOf(e)
	if c := v.claims[k]; c == nil || !c.equal(mark) {
		// A claim of this process that no caller has in hand can be had at once; one of whose past nothing is
		// known counts as resumed.
		v.claims[k] = &claim{claimMark: mark, seen: now, resumed: true}
	}
}

// advance moves head past segments that were read.
func (v *view) advance() {
	for s := v.segments[v.head]; s != nil && s.first; s = v.segments[v.head] {
		v.head++
	}
}

// forget drops a segment that was deleted; o is its last version.
func (v *view) forget(seq uint32, o *v1alpha1.EventLedger) {
	if !v.fresh(seq, o) && v.segments[seq] != nil && v.segments[seq].version != o.ResourceVersion {
		return
	}
	if s := v.segments[seq]; s == nil || s.uid != o.UID {
		return
	}
	for i := range o.Status.Entries {
		v.remove(keyOf(o.Status.Entries[i].ID), seq)
	}
	delete(v.segments, seq)
}

// drop drops segments whose content is not at hand.
func (v *view) drop(gone map[uint32]bool) {
	if len(gone) == 0 {
		return
	}
	for k, p := range v.index {
		if gone[p.seq] {
			v.remove(k, p.seq)
		}
	}
	for seq := range gone {
		delete(v.segments, seq)
	}
}

func (v *view) remove(k key, seq uint32) {
	if v.index[k].seq == seq {
		delete(v.index, k)
		delete(v.claims, k)
	}
}

// listed ends a list. The head is that of the list's moment, or one known before: what was read meanwhile is of a later
// moment, in which the segments below may have got events that the list does not have.
func (v *view) listed(all *listing, floor uint32) {
	gone := map[uint32]bool{}
	for seq, s := range v.segments {
		if _, seen := all.seen[seq]; !seen && !newer(s.version, all.version) {
			gone[seq] = true
		}
	}
	v.drop(gone)
	for k := range v.claims {
		if _, known := v.index[k]; !known {
			delete(v.claims, k)
		}
	}
	v.head = max(v.head, floor, all.highest+1)
	for seq, uid := range all.seen {
		v.prove(seq, uid)
	}
}

// prove marks a segment as the first of its sequence. The bounds that the view knows are of a moment at which the
// object uid existed, or of a later one. They cover all segments with claims in them, so one that is not covered and
// has some is not the first: nobody was given them, and they do not count.
func (v *view) prove(seq uint32, uid types.UID) {
	s := v.segments[seq]
	if s == nil || s.uid != uid || s.first {
		return
	}
	if v.cover(seq) {
		s.first = true
		v.advance()
		return
	}
	v.disown(seq, s)
}

// disown forgets the claims of a segment that cannot be the first of its sequence.
func (v *view) disown(seq uint32, s *segment) {
	if s.first || s.claims == 0 || v.cover(seq) {
		return
	}
	for k := range v.claims {
		v.remove(k, seq)
	}
}

func (v *view) receivedAt(k key) time.Time {
	return time.Unix(int64(v.index[k].received), 0).UTC()
}
