package kube

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

func TestRaisedBoundsCoverClaims(t *testing.T) {
	const claimed, settled = 1, 0
	for _, c := range []struct {
		name   string
		claims map[uint32]uint16
		from   bounds
		floor  uint32
		gone   map[uint32]bool
		want   bounds
	}{
		{"nothing is claimed", map[uint32]uint16{1: settled, 2: settled, 3: claimed}, bounds{floor: 1}, 3, nil,
			bounds{floor: 3}},
		{"what is claimed stays covered", map[uint32]uint16{1: claimed, 2: settled, 3: claimed}, bounds{floor: 1}, 4, nil,
			bounds{floor: 4, open: []uint32{1, 3}}},
		{"what goes does not", map[uint32]uint16{1: claimed, 2: claimed}, bounds{floor: 1}, 3, map[uint32]bool{1: true},
			bounds{floor: 3, open: []uint32{2}}},
		{"what was open and goes now", map[uint32]uint16{1: claimed, 2: claimed}, bounds{floor: 3, open: []uint32{1, 2}}, 2,
			map[uint32]bool{1: true}, bounds{floor: 3, open: []uint32{2}}},
		{"what was open and is settled", map[uint32]uint16{1: settled, 2: claimed}, bounds{floor: 3, open: []uint32{1, 2}}, 4,
			nil, bounds{floor: 4, open: []uint32{2}}},
		{"what is not known here is somebody's", map[uint32]uint16{}, bounds{floor: 3, open: []uint32{1}}, 4, nil,
			bounds{floor: 4, open: []uint32{1}}},
		{"a stray is not covered again", map[uint32]uint16{1: claimed}, bounds{floor: 3}, 4, nil, bounds{floor: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			v := newView("a")
			for seq, claims := range c.claims {
				v.segments[seq] = &segment{claims: claims}
			}
			got := v.raised(c.from, c.floor, c.gone)
			g.Expect(got).To(Equal(c.want))
			for seq := range c.gone {
				g.Expect(got.cover(seq)).To(BeFalse())
			}
			o := &v1alpha1.EventLedger{}
			o.Annotations = map[string]string{AnnotationOpen: "7"}
			got.annotate(o)
			g.Expect(boundsOf(o)).To(Equal(got))
		})
	}
}

// While the anchor does not say what may have been deleted nothing may be.
func TestUnreadableAnchor(t *testing.T) {
	for _, annotations := range []map[string]string{
		nil, {AnnotationFloor: "x"}, {AnnotationFloor: "-1"}, {AnnotationFloor: "1", AnnotationOpen: "2,"},
		{AnnotationFloor: "1", AnnotationOpen: "99999999999"},
	} {
		o := &v1alpha1.EventLedger{}
		o.Annotations = annotations
		_, err := boundsOf(o)
		NewWithT(t).Expect(err).To(HaveOccurred())
	}
}

// Somebody deletes the anchor, and it is heard of when a claim is about to be written: until the ledger was listed
// again nobody knows which segment is the next.
func TestNothingIsMadeWhileTheHeadIsNotKnown(t *testing.T) {
	onStage(t, func(s *stage) {
		s.l.mu.Lock()
		known, before := s.l.view, s.server.rev
		s.l.view, s.l.loaded = newView(s.l.me), false
		s.l.appends = []*op{{kind: opAppend, key: keyOf("evt_new"), done: make(chan struct{})}}
		s.l.mu.Unlock()

		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.g.Expect(s.l.commit(ctx)).To(Succeed())
		s.g.Expect(s.server.rev).To(Equal(before))
		s.g.Expect(ctx.Err()).NotTo(HaveOccurred(), "it was tried all the time")

		s.l.mu.Lock()
		defer s.l.mu.Unlock()
		s.l.view, s.l.loaded, s.l.appends = known, true, nil
	})
}
