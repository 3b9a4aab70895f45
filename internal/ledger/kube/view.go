package kube

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// recentSegments is how many sealed segments are kept decoded, for the settles that come soon after.
const recentSegments = 32

// view is what this replica knows of the ledger. It may be behind the API server, never beside it: everything in it
// was durable at some moment. It is not safe for concurrent use.
type view struct {
	me        string
	anchorUID types.UID
	floor     uint32 // segments below may have been deleted
	// head is the lowest sequence that is not known to be sealed: every event of every segment below it is in
	// index, unless the segment was deleted. It never falls.
	head     uint32
	segments map[uint32]*segment
	index    map[key]place
	claims   map[key]*claim // the entries that are Claimed
	recent   []uint32       // sealed segments with an object, oldest first
}

// segment is what is kept of every segment.
type segment struct {
	stamp
	sealed   bool
	first    bool   // proved to be the first object of its sequence; only then may events be added
	entries  uint16 // how many
	open     uint16 // how many are Claimed or Deferred
	newest   uint32 // Unix time of the newest entry, s
	writer   string
	object   *v1alpha1.EventLedger // of an unsealed segment, and of a few sealed ones
	appended int                   // entries that the newest version added to the one known before
}

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

// apply takes in a version of a segment, if it is news. keep says whether a sealed one is kept decoded.
func (v *view) apply(seq uint32, o *v1alpha1.EventLedger, now time.Time, keep bool) bool {
	s := v.segments[seq]
	if !v.fresh(seq, o) {
		if s.stamp == stampOf(&o.ObjectMeta) && s.object == nil {
			v.keepObject(seq, s, o, keep)
		}
		return false
	}
	if s != nil && s.uid != o.UID {
		v.drop(map[uint32]bool{seq: true})
		s = nil
	}
	if s == nil {
		s = &segment{}
		v.segments[seq] = s
	}
	s.appended = len(o.Status.Entries) - int(s.entries)
	s.stamp, s.sealed, s.writer = stampOf(&o.ObjectMeta), isSealed(o), o.Annotations[AnnotationWriter]
	s.entries, s.open, s.newest = uint16(len(o.Status.Entries)), 0, 0 //nolint:gosec // at most 512
	for i := range o.Status.Entries {
		v.take(seq, s, &o.Status.Entries[i], now)
	}
	v.keepObject(seq, s, o, keep)
	return true
}

func (v *view) take(seq uint32, s *segment, e *v1alpha1.LedgerEntry, now time.Time) {
	k, received := keyOf(e.ID), uint32(e.ReceivedAt.Unix()) //nolint:gosec // until 2106
	s.newest = max(s.newest, received)
	if isOpen(e.State) {
		s.open++
	}
	if p, known := v.index[k]; known && p.seq > seq {
		// The event was forgotten with this segment, which a late watch still shows, and came again since.
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

// keepObject keeps the decoded object where it will be needed.
func (v *view) keepObject(seq uint32, s *segment, o *v1alpha1.EventLedger, keep bool) {
	switch {
	case !s.sealed:
		s.object = o
	case s.object != nil && contains(v.recent, seq):
		s.object = o
	case keep || s.object != nil:
		s.object = o
		v.recent = append(v.recent, seq)
		if len(v.recent) > recentSegments {
			if old := v.segments[v.recent[0]]; old != nil {
				old.object = nil
			}
			v.recent = append(v.recent[:0], v.recent[1:]...)
		}
	}
}

func contains(list []uint32, x uint32) bool {
	for _, v := range list {
		if v == x {
			return true
		}
	}
	return false
}

// advance moves head past segments whose sealed version has been read.
func (v *view) advance() {
	for s := v.segments[v.head]; s != nil && s.sealed; s = v.segments[v.head] {
		v.head++
	}
}

// writable is the segment that takes events, or nil if the next one has to be made or looked at first.
func (v *view) writable() *segment {
	s := v.segments[v.head]
	if s == nil || !s.first || s.object == nil {
		return nil
	}
	return s
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
	v.head = max(v.head, floor, all.sealed+1)
	v.floor = max(v.floor, floor)
	for seq, uid := range all.seen {
		v.prove(seq, uid)
	}
}

// prove marks a segment as the first of its sequence. The caller knows the floor of a moment at which the object uid
// existed.
func (v *view) prove(seq uint32, uid types.UID) {
	if s := v.segments[seq]; s != nil && s.uid == uid && seq >= v.floor {
		s.first = true
	}
}

func (v *view) receivedAt(k key) time.Time {
	return time.Unix(int64(v.index[k].received), 0).UTC()
}
