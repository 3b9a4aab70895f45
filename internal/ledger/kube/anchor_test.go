package kube

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
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

// An event whose holder died and that comes again long after: its claim counts, though all around it was merged, and
// whoever deleted the anchor meanwhile.
func TestOldClaimIsPassedByAndCounts(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		t.Run(fmt.Sprintf("deleted=%v", deleted), func(t *testing.T) {
			onStage(t, func(s *stage) {
				s.create(2, "evt_orphan")
				for seq := uint32(3); seq <= 10; seq++ {
					s.create(seq, fmt.Sprintf("evt_%d", seq))
					s.settle(seq)
				}
				time.Sleep(10 * time.Minute)
				s.g.Expect(s.known()).To(Equal([]uint32{2, 5, 9, 10}))
				s.g.Expect(boundsOf(s.get(anchorSeq))).To(Equal(bounds{floor: 9, open: []uint32{2}}))
				if deleted {
					s.server.remove(s.l.names.of(anchorSeq))
					time.Sleep(time.Minute)
					s.g.Expect(boundsOf(s.get(anchorSeq))).To(Equal(bounds{floor: 11, open: []uint32{2}}))
				}
				fresh := s.replica("c")
				ctx, stop := context.WithCancel(context.Background())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_ = fresh.Run(ctx)
				}()
				time.Sleep(time.Minute)
				claim, err := fresh.Claim(ctx, ledger.Event{ID: "evt_orphan", Type: "invoice.paid"})
				s.g.Expect(err).NotTo(HaveOccurred())
				s.g.Expect(claim.Outcome).To(Equal(ledger.Resumed))
				s.g.Expect(s.claim("evt_orphan")).To(Equal(ledger.Busy))
				s.g.Expect(fresh.Settle(ctx, "evt_orphan", ledger.Processed)).To(Succeed())
				for seq := uint32(11); seq <= 12; seq++ {
					s.create(seq, fmt.Sprintf("evt_%d", seq))
					s.settle(seq)
				}
				time.Sleep(10 * time.Minute)
				s.g.Expect(boundsOf(s.get(anchorSeq))).To(Equal(bounds{floor: 11}))
				s.g.Expect(s.known()).NotTo(ContainElement(uint32(2)))
				s.g.Expect(s.claim("evt_orphan")).To(Equal(ledger.Duplicate))
				stop()
				<-ended
			})
		})
	}
}
