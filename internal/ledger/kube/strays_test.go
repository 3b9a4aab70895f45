package kube

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// Strays that are the very image of the segment whose place they have: the second of two Creates, of which the first
// was answered or found, takes effect when the segment is gone.

// becomesStray has others settle segment 2 and merge it into 3, and puts its first version in its place again.
func (s *stage) becomesStray() {
	image := s.get(2)
	s.settle(2)
	s.create(3, "evt_3")
	s.settle(3)
	s.create(4, "evt_theirs")
	s.merge(3, 2)
	image.UID, image.ResourceVersion = "", ""
	_, err := s.server.create(image)
	s.g.Expect(err).NotTo(HaveOccurred())
}

func (s *stage) expectUntouched() {
	entries := s.get(2).Status.Entries
	s.g.Expect(entries).To(HaveLen(1))
	s.g.Expect(entries[0].State).To(Equal(v1alpha1.EntryClaimed))
	s.g.Expect(entries[0].ClaimedBy).To(Equal(s.others.me))
}

// A replica that was behind is about to take a claim over, and finds the claim that it looks for in the stray.
func TestClaimIsNotTakenOverInAStray(t *testing.T) {
	onStage(t, func(s *stage) {
		s.create(2, "evt_orphan")
		time.Sleep(time.Minute)
		s.store.setBlind(true)
		s.becomesStray()
		s.g.Expect(s.claim("evt_orphan")).To(Equal(ledger.Duplicate))
		s.expectUntouched()
	})
}

// What a replica is about to merge is a stray by the time that it has read it.
func TestStrayIsNotMerged(t *testing.T) {
	onStage(t, func(s *stage) {
		s.create(2, "evt_orphan")
		s.becomesStray()
		time.Sleep(time.Second)
		s.g.Expect(s.l.merge(context.Background(), []uint32{2, 3})).To(MatchError(errBehind))
		s.g.Expect(s.l.merge(context.Background(), []uint32{1, 2})).NotTo(Succeed())
		s.expectUntouched()
	})
}

// A replica that was far behind lists the ledger, and finds a stray before it has read what the anchor says.
func TestStrayIsNotGivenUpBetweenPages(t *testing.T) {
	onStage(t, func(s *stage) {
		s.store.setBlind(true)
		s.create(2, "evt_orphan")
		old := s.get(2)
		old.Status.Entries[0].ReceivedAt.Time = time.Now().Add(-2000 * time.Hour)
		setMark(&old.Status.Entries[0], claimMark{by: s.others.me, at: time.Now().Add(-2000 * time.Hour)})
		s.settle(2)
		for seq := uint32(3); seq <= 5; seq++ {
			s.create(seq, fmt.Sprintf("evt_%d", seq))
			s.settle(seq)
		}
		s.merge(3, 2)
		old.UID, old.ResourceVersion = "", ""
		_, err := s.server.create(old)
		s.g.Expect(err).NotTo(HaveOccurred())
		seen := false
		s.store.nextPage = func() {
			seen = slices.Contains(s.known(), 2)
			s.g.Expect(s.l.giveUp(context.Background(), 2)).To(MatchError(errBehind))
		}
		s.g.Expect(s.l.catchUp(context.Background())).To(Succeed())
		s.g.Expect(seen).To(BeTrue())
		s.expectUntouched()
	})
}

// Another replica merged as much into a segment as it can hold, just before.
func TestSegmentIsNotMergedBeyondItsBounds(t *testing.T) {
	onStage(t, func(s *stage) {
		s.create(2, "evt_a", "evt_b", "evt_c", "evt_d")
		s.settle(2)
		s.create(3, "evt_theirs")
		time.Sleep(time.Second)
		s.g.Expect(s.l.merge(context.Background(), []uint32{1, 2})).To(MatchError(errBehind))
		s.g.Expect(s.get(2).Status.Entries).To(HaveLen(4))
		s.g.Expect(s.known()).To(Equal([]uint32{1, 2, 3}))
	})
}

// A replica is about to give up what nobody settled for too long, and another has taken it over just now.
func TestFreshClaimIsNotGivenUp(t *testing.T) {
	onStage(t, func(s *stage) {
		s.create(2, "evt_orphan")
		time.Sleep(time.Second)
		s.g.Expect(s.l.giveUp(context.Background(), 2)).To(MatchError(errBehind))
		s.expectUntouched()
	})
}

// A settle that was about to be written is one that took effect, if that is how the event is.
func TestSettleOfWhatIsSettled(t *testing.T) {
	onStage(t, func(s *stage) {
		for _, c := range []struct {
			to   v1alpha1.EntryState
			want error
		}{{v1alpha1.EntryProcessed, nil}, {v1alpha1.EntryDead, ledger.ErrLost}} {
			o := &op{kind: opSettle, key: keyOf("evt_mine"), to: c.to, done: make(chan struct{})}
			s.l.mu.Lock()
			s.l.redecide(o)
			s.l.mu.Unlock()
			<-o.done
			if c.want == nil {
				s.g.Expect(o.err).NotTo(HaveOccurred(), string(c.to))
			} else {
				s.g.Expect(o.err).To(MatchError(c.want), string(c.to))
			}
		}
	})
}
