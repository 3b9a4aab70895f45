package kube

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// grant checks that an event is handed out once, unless a claim ran out or the event was forgotten in time.
func (m *model) grant(id string, g grant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if g.outcome == ledger.Won {
		m.totals.Won++
	} else {
		m.totals.Resumed++
	}
	// What was before the event was forgotten does not count.
	_, forgotten := m.server.memory(id)
	old := slices.DeleteFunc(m.grants[id], func(o grant) bool { return !o.begun.After(forgotten) })
	if at := m.settled[id]; at.After(forgotten) && at.Before(g.begun) {
		m.problems = append(m.problems, id+" was handed out after it was settled")
	}
	if g.outcome == ledger.Won && len(old) > 0 {
		m.problems = append(m.problems, id+" was won twice")
	}
	if i := slices.IndexFunc(old, func(o grant) bool { return now.Sub(o.begun) < m.timeout }); i >= 0 {
		m.problems = append(m.problems, fmt.Sprintf("%s was handed out twice within %s", id, now.Sub(old[i].begun)))
	}
	m.grants[id] = append(old, g)
}

// settleDown gives the replicas time when nothing fails and nothing new comes. After it each of them has to know
// exactly what there is, and nothing is left that they should have merged.
func (m *model) settleDown() {
	time.Sleep(20*time.Minute + 2*m.faults.longest) // whoever stands still wakes up first
	var wrong string
	for range 50 {
		time.Sleep(time.Second)
		if wrong = m.disagreement(); wrong == "" {
			return
		}
	}
	m.problemf("after a long calm: %s", wrong)
}

func (m *model) disagreement() string {
	m.mu.Lock()
	replicas := slices.Clone(m.replicas)
	m.mu.Unlock()
	m.server.mu.Lock()
	defer m.server.mu.Unlock()
	stamps := map[uint32]stamp{}
	ids := map[key]bool{}
	for name, o := range m.server.objects {
		if seq, _ := namesOf("r").parse(name); seq != anchorSeq {
			stamps[seq] = stampOf(&o.ObjectMeta)
			for _, e := range o.Status.Entries {
				ids[keyOf(e.ID)] = true
			}
		}
	}
	for _, r := range replicas {
		if groups := r.l.mergeable(); len(groups) > 0 {
			return fmt.Sprintf("%s has %v to merge", r.l.me, groups)
		}
		if wrong := r.l.differsFrom(stamps, ids, m.server.check.events); wrong != "" {
			return r.l.me + ": " + wrong
		}
	}
	return ""
}

func (l *Ledger) differsFrom(stamps map[uint32]stamp, ids map[key]bool, events map[string]*history) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := map[uint32]stamp{}
	for seq, s := range l.view.segments {
		known[seq] = s.stamp
	}
	if !maps.Equal(known, stamps) {
		return fmt.Sprintf("knows segments %v, and there are %v", known, stamps)
	}
	for k := range l.view.index {
		if !ids[k] {
			return fmt.Sprintf("remembers an event that is in no segment: %x", k)
		}
	}
	for id, h := range events {
		p, found := l.view.index[keyOf(id)]
		if !found || v1alpha1.EntryState(stateNames[p.state]) != h.state || l.names.of(p.seq) != h.seq {
			return fmt.Sprintf("%s is %s in %s, and is known as %v: %+v", id, h.state, h.seq, found, p)
		}
	}
	return ""
}
