package kube

import (
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

type opKind uint8

const (
	opAppend   opKind = iota // claim an event that the ledger does not know
	opTakeOver               // claim an event whose claim is over
	opSettle                 // settle a claim, or move a deferred event on
)

// op is one caller's wish. Its fields are guarded by Ledger.mu once it is queued.
type op struct {
	kind  opKind
	event ledger.Event
	key   key
	to    v1alpha1.EntryState // of a settle

	mark     claimMark // the claim to be made; the same in every attempt, so that it is known again
	marked   time.Time // when the mark was made, by this process's clock
	received time.Time
	over     claimMark // the claim to be taken over
	resumed  bool      // the event may have been acted upon under an earlier claim

	writing   bool // in a write whose outcome is not known yet
	abandoned bool // the caller is gone
	finished  bool
	done      chan struct{} // closed when finished

	claim ledger.Claim
	err   error
}

// finish gives the caller its answer.
func (o *op) finish(c ledger.Claim, err error) {
	if o.finished {
		return
	}
	o.finished, o.claim, o.err = true, c, err
	close(o.done)
}

// verdict is what becomes of an op when the draft that it is in is durable.
type verdict struct {
	op    *op
	claim ledger.Claim
	err   error
	won   bool // the op's claim stands
	again bool // decide anew: the ledger has changed under the op
}

// draft is the next version of a segment, and the verdicts that hold once it is durable. With changed false they
// hold at once, because the version that it was made from is durable.
type draft struct {
	next     *v1alpha1.EventLedger
	changed  bool
	verdicts []verdict
}

// drafter makes drafts of one segment from ops. It decides on the segment's content and the view alone.
type drafter struct {
	view    *view
	timeout time.Duration
	now     time.Time
	where   map[string]int // entry's position by id, made when first needed
	draft
}

func newDrafter(v *view, base *v1alpha1.EventLedger, more int, timeout time.Duration, now time.Time) *drafter {
	return &drafter{view: v, timeout: timeout, now: now, draft: draft{next: revised(base, v.me, more)}}
}

func (d *drafter) entry(id string) *v1alpha1.LedgerEntry {
	if d.where == nil {
		d.where = make(map[string]int, len(d.next.Status.Entries)+8)
		for i := range d.next.Status.Entries {
			d.where[d.next.Status.Entries[i].ID] = i
		}
	}
	if i, ok := d.where[id]; ok {
		return &d.next.Status.Entries[i]
	}
	return nil
}

func (d *drafter) add(o *op) {
	var v verdict
	switch o.kind {
	case opAppend:
		v = d.append(o)
	case opTakeOver:
		v = d.takeOver(o)
	case opSettle:
		v = d.settle(o)
	}
	v.op = o
	d.verdicts = append(d.verdicts, v)
}

// append adds the event unless the ledger knows it by now. The view is at least as new as the segment and has every
// event of the segments before it.
func (d *drafter) append(o *op) verdict {
	if e := d.entry(o.event.ID); e != nil {
		if markOf(e).equal(o.mark) && e.State == v1alpha1.EntryClaimed {
			return d.wins(o, e)
		}
		return verdict{again: true}
	}
	if _, known := d.view.index[o.key]; known {
		if c := d.view.claims[o.key]; c != nil && c.equal(o.mark) {
			return verdict{won: true, claim: ledger.Claim{Outcome: outcomeOf(o), ReceivedAt: d.view.receivedAt(o.key)}}
		}
		return verdict{again: true}
	}
	e := v1alpha1.LedgerEntry{ID: o.event.ID, Type: o.event.Type, State: v1alpha1.EntryClaimed}
	e.ReceivedAt.Time = o.received
	setMark(&e, o.mark)
	d.where[e.ID] = len(d.next.Status.Entries)
	d.next.Status.Entries = append(d.next.Status.Entries, e)
	d.changed = true
	return d.wins(o, &e)
}

// takeOver replaces the claim that the op was decided against, and no other.
func (d *drafter) takeOver(o *op) verdict {
	e := d.entry(o.event.ID)
	switch {
	case e == nil || e.State != v1alpha1.EntryClaimed:
		return verdict{again: true}
	case markOf(e).equal(o.mark):
		return d.wins(o, e)
	case !markOf(e).equal(o.over):
		return verdict{again: true}
	}
	setMark(e, o.mark)
	d.changed = true
	return d.wins(o, e)
}

func (d *drafter) settle(o *op) verdict {
	e := d.entry(o.event.ID)
	switch {
	case e == nil:
		return verdict{err: ledger.ErrLost}
	case e.State == o.to:
		return verdict{}
	case e.State == v1alpha1.EntryClaimed && e.ClaimedBy == d.view.me:
	case e.State == v1alpha1.EntryDeferred && !isOpen(o.to):
	default:
		return verdict{err: ledger.ErrLost}
	}
	e.State, e.ClaimedBy, e.ClaimedAt = o.to, "", nil
	d.changed = true
	return verdict{}
}

func (d *drafter) wins(o *op, e *v1alpha1.LedgerEntry) verdict {
	return verdict{won: true, claim: ledger.Claim{Outcome: outcomeOf(o), ReceivedAt: e.ReceivedAt.Time}}
}

func outcomeOf(o *op) ledger.Outcome {
	if o.resumed {
		return ledger.Resumed
	}
	return ledger.Won
}

func setMark(e *v1alpha1.LedgerEntry, m claimMark) {
	e.ClaimedBy = m.by
	e.ClaimedAt = newMicroTime(m.at)
}
