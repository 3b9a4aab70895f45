package kube

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// Schedules that the model's dice hardly ever find.

// blindStore is a store whose watch shows nothing while it is blind.
type blindStore struct {
	*modelClient
	mu       sync.Mutex
	blind    bool
	nextPage func() // called once, between the first page of a list and the second
}

func (s *blindStore) List(ctx context.Context, limit int64, next string) (*v1alpha1.EventLedgerList, error) {
	s.mu.Lock()
	meanwhile := s.nextPage
	if next != "" {
		s.nextPage = nil
	}
	s.mu.Unlock()
	if next != "" && meanwhile != nil {
		meanwhile()
	}
	return s.modelClient.List(ctx, limit, next)
}

func (s *blindStore) setBlind(blind bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind = blind
}

func (s *blindStore) Watch(ctx context.Context, version string) (watch.Interface, error) {
	w, err := s.modelClient.Watch(ctx, version)
	if err != nil {
		return nil, err
	}
	return watch.Filter(w, func(e watch.Event) (watch.Event, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return e, !s.blind
	}), nil
}

// stage is one ledger whose store the test changes as other replicas would.
type stage struct {
	g      *WithT
	server *modelServer
	store  *blindStore
	l      *Ledger
	others *Ledger // makes objects; does not run
}

// onStage runs one schedule in virtual time. The ledger has claimed evt_mine in segment 1.
func onStage(t *testing.T, play func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var pending sync.WaitGroup
		s := &stage{g: NewWithT(t), server: newModelServer(30*time.Second, 0, time.Hour)}
		client := &modelClient{server: s.server, dice: newDice(1), pending: &pending}
		s.store = &blindStore{modelClient: client}
		s.l, s.others = s.replica("a"), s.replica("b")
		ctx, stop := context.WithCancel(t.Context())
		pending.Go(func() { _ = s.l.Run(ctx) })
		synctest.Wait()
		s.g.Eventually(s.l.Ready).Should(Succeed())
		s.g.Expect(s.claim("evt_mine")).To(Equal(ledger.Won))
		s.g.Expect(s.l.Settle(ctx, "evt_mine", ledger.Processed)).To(Succeed())
		play(s)
		stop()
		pending.Wait()
		s.g.Expect(s.server.check.faults).To(BeEmpty())
	})
}

func (s *stage) replica(name string) *Ledger {
	l, err := newLedger(Options{Namespace: "ns", Receiver: "r", Replica: name, MaxEntries: 4,
		Retention: func() time.Duration { return 1000 * time.Hour }}, s.store)
	s.g.Expect(err).NotTo(HaveOccurred())
	return l
}

func (s *stage) claim(id string) ledger.Outcome {
	c, err := s.l.Claim(context.Background(), ledger.Event{ID: id, Type: "invoice.paid"})
	s.g.Expect(err).NotTo(HaveOccurred())
	return c.Outcome
}

func (s *stage) get(seq uint32) *v1alpha1.EventLedger {
	o, err := s.server.get(s.l.names.of(seq))
	s.g.Expect(err).NotTo(HaveOccurred())
	return o
}

// create makes a segment as another replica would, with events in it that it has claimed.
func (s *stage) create(seq uint32, ids ...string) {
	o := revised(s.others.blank(seq), s.others.me, len(ids))
	for _, id := range ids {
		e := v1alpha1.LedgerEntry{ID: id, Type: "invoice.paid", State: v1alpha1.EntryClaimed}
		e.ReceivedAt.Time = time.Now()
		setMark(&e, claimMark{by: s.others.me, at: micros(time.Now())})
		o.Status.Entries = append(o.Status.Entries, e)
	}
	_, err := s.server.create(o)
	s.g.Expect(err).NotTo(HaveOccurred())
}

// settle marks every event of a segment as processed, as the replica that claimed them would.
func (s *stage) settle(seq uint32) {
	old := s.get(seq)
	next := revised(old, old.Annotations[AnnotationWriter], 0)
	for i := range next.Status.Entries {
		e := &next.Status.Entries[i]
		e.State, e.ClaimedBy, e.ClaimedAt = v1alpha1.EntryProcessed, "", nil
	}
	_, err := s.server.update(next)
	s.g.Expect(err).NotTo(HaveOccurred())
}

// merge puts the entries of segments into a later one and deletes them, by the rules.
func (s *stage) merge(target uint32, sources ...uint32) {
	old := s.get(target)
	next := revised(old, s.others.me, 2)
	for _, seq := range sources {
		next.Status.Entries = append(next.Status.Entries, s.get(seq).Status.Entries...)
	}
	_, err := s.server.update(next)
	s.g.Expect(err).NotTo(HaveOccurred())
	anchor := revised(s.get(anchorSeq), s.others.me, 0)
	anchor.Annotations[AnnotationFloor] = strconv.FormatUint(uint64(target), 10)
	_, err = s.server.update(anchor)
	s.g.Expect(err).NotTo(HaveOccurred())
	for _, seq := range sources {
		o := s.get(seq)
		s.g.Expect(s.server.delete(o.Name, stampOf(&o.ObjectMeta))).To(Succeed())
	}
}

// outrun has others go on in segments 2 to 4 and merge those before 4, while the ledger's watch lags.
func (s *stage) outrun() {
	s.store.setBlind(true)
	s.create(2, "evt_before")
	s.settle(2)
	s.create(3, "evt_merged")
	s.settle(3)
	s.create(4, "evt_theirs")
	s.merge(3, 1, 2)
}

// A replica that was behind makes a segment that was there before and was merged into another.
func TestMergedSegmentIsNotMadeAnew(t *testing.T) {
	onStage(t, func(s *stage) {
		s.outrun()
		s.g.Expect(s.claim("evt_theirs")).To(Equal(ledger.Busy))
		s.g.Expect(s.claim("evt_before")).To(Equal(ledger.Duplicate))
		s.g.Expect(s.claim("evt_mine")).To(Equal(ledger.Duplicate))
		s.g.Expect(s.claim("evt_next")).To(Equal(ledger.Won))
		s.g.Expect(s.get(5).Status.Entries).To(HaveLen(1))
		_, err := s.server.get(s.l.names.of(2))
		s.g.Expect(err).To(HaveOccurred(), "the stray was not deleted")
	})
}

// A request of long ago makes such a segment. Nobody was given what is in it, and nobody is.
func TestStrayClaimsDoNotCount(t *testing.T) {
	for _, c := range []struct {
		name  string
		blind bool
	}{{"seen by the watch", false}, {"found in place of the next segment", true}} {
		t.Run(c.name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				s.outrun()
				s.store.setBlind(c.blind)
				s.create(2, "evt_stray")
				time.Sleep(time.Second)
				s.g.Expect(s.claim("evt_theirs")).To(Equal(ledger.Busy))
				s.g.Expect(s.claim("evt_stray")).To(Equal(ledger.Won))
				s.g.Expect(s.l.Settle(context.Background(), "evt_stray", ledger.Processed)).To(Succeed())
				s.g.Expect(s.get(2).Status.Entries[0].State).To(Equal(v1alpha1.EntryClaimed), "it was settled in the stray")
				s.g.Expect(s.get(5).Status.Entries).To(HaveLen(1))
			})
		})
	}
}

// A segment that a read does not find may have been merged into one that the watch has not shown yet.
func TestMergedEventIsNotForgotten(t *testing.T) {
	onStage(t, func(s *stage) {
		s.create(2, "evt_before")
		s.settle(2)
		s.create(3, "evt_merged")
		s.settle(3)
		time.Sleep(time.Second)
		s.store.setBlind(true)
		s.create(4, "evt_theirs")
		s.merge(3, 1, 2)
		s.g.Expect(s.l.read(context.Background(), 2)).To(Succeed())
		s.g.Expect(s.claim("evt_before")).To(Equal(ledger.Duplicate))
		s.g.Expect(s.claim("evt_mine")).To(Equal(ledger.Duplicate))
	})
}

// known are the segments that the ledger knows.
func (s *stage) known() []uint32 {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return slices.Sorted(maps.Keys(s.l.view.segments))
}

// duringList makes five segments, has the ledger list them again and does something between two pages: the anchor and
// segments 1 and 2 are on the first.
func (s *stage) duringList(before, between func()) {
	s.create(2, "evt_2")
	s.create(3, "evt_3")
	s.create(4, "evt_4")
	for _, seq := range []uint32{2, 3, 4} {
		s.settle(seq)
	}
	s.create(5, "evt_theirs")
	time.Sleep(time.Second)
	before()
	s.store.nextPage = between
	s.g.Expect(s.l.catchUp(context.Background())).To(Succeed())
	s.g.Expect(s.store.nextPage).To(BeNil(), "there was no second page")
}

// A list shows a segment whose end the watch has shown already, and will not show again.
func TestListBringsNothingBack(t *testing.T) {
	onStage(t, func(s *stage) {
		s.duringList(func() {}, func() {
			s.merge(4, 2, 3)
			time.Sleep(time.Second)
		})
		s.g.Expect(s.known()).To(Equal([]uint32{1, 4, 5}))
		s.g.Expect(s.claim("evt_3")).To(Equal(ledger.Duplicate))
	})
}

// An answer that is taken late says nothing of a segment whose end was seen meanwhile.
func TestLateAnswerBringsNothingBack(t *testing.T) {
	onStage(t, func(s *stage) {
		s.create(2, "evt_2")
		s.settle(2)
		s.create(3, "evt_3")
		time.Sleep(time.Second)
		anchor, late := s.get(anchorSeq), s.get(2)
		s.settle(3)
		s.merge(3, 1, 2)
		time.Sleep(time.Second)
		proved, err := s.l.proveBy(anchor, 2, late)
		s.g.Expect(err).NotTo(HaveOccurred())
		s.g.Expect(proved).To(BeTrue())
		s.g.Expect(s.known()).To(Equal([]uint32{3}))
	})
}

// The first page of a list shows a stray in place of a segment that was merged into one on the second page.
func TestNothingIsForgottenBetweenPages(t *testing.T) {
	onStage(t, func(s *stage) {
		s.duringList(func() {
			s.store.setBlind(true)
			s.merge(3, 2)
			s.create(2, "evt_stray")
		}, func() {
			s.g.Expect(s.claim("evt_2")).To(Equal(ledger.Duplicate))
		})
		s.g.Expect(s.claim("evt_2")).To(Equal(ledger.Duplicate))
		s.g.Expect(s.claim("evt_stray")).To(Equal(ledger.Won))
	})
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

// What is read while a list is under way is later than the list, and says nothing of what is in it.
func TestListKnowsItsMomentOnly(t *testing.T) {
	g := NewWithT(t)
	l, err := newLedger(Options{Namespace: "ns", Receiver: "r", Replica: "a",
		Retention: func() time.Duration { return time.Hour }}, nil)
	g.Expect(err).NotTo(HaveOccurred())
	object := func(seq uint32, version, uid string, ids ...string) *v1alpha1.EventLedger {
		o := l.blank(seq)
		o.ResourceVersion, o.UID = version, types.UID(uid)
		for _, id := range ids {
			o.Status.Entries = append(o.Status.Entries, v1alpha1.LedgerEntry{ID: id, State: v1alpha1.EntryProcessed})
		}
		return o
	}
	all := &listing{version: "10", seen: map[uint32]types.UID{}}
	for seq, o := range map[uint32]*v1alpha1.EventLedger{
		1: object(1, "5", "u1", "evt_1"), 2: object(2, "9", "u2", "evt_2"),
	} {
		all.add(seq, o)
		l.view.apply(seq, o, time.Now())
	}
	// Meanwhile segment 3 was made, which was not read, and segment 4, which was.
	l.view.apply(4, object(4, "20", "u4", "evt_4"), time.Now())
	l.view.floor = 2
	l.view.listed(all, 1)
	l.view.advance()
	g.Expect(l.view.head).To(Equal(uint32(3)), "segment 3 is not known, so none may be made after it")

	// A segment of another UID than the listed one is not proved by the list.
	l.view.apply(2, object(2, "30", "u2b"), time.Now())
	l.view.listed(all, 1)
	g.Expect(l.view.segments[2].first).To(BeFalse())
}

// Claims do not age while the API server is away: their holders cannot settle them either.
func TestAnOutageDoesNotAgeClaims(t *testing.T) {
	onStage(t, func(s *stage) {
		s.create(2, "evt_theirs")
		time.Sleep(time.Second)
		s.g.Expect(s.claim("evt_theirs")).To(Equal(ledger.Busy))
		s.store.setFaults(faults{before: 1})
		_, err := s.l.Claim(context.Background(), ledger.Event{ID: "evt_other"})
		s.g.Expect(err).To(MatchError(ledger.ErrUnavailable))
		time.Sleep(5 * time.Minute)
		s.store.setFaults(faults{})
		s.g.Eventually(func() error {
			time.Sleep(100 * time.Millisecond)
			_, err := s.l.Claim(context.Background(), ledger.Event{ID: "evt_other"})
			return err
		}, DefaultClaimTimeout/2).Should(Succeed()) // the pause after many failures is a few seconds
		s.g.Expect(s.claim("evt_theirs")).To(Equal(ledger.Busy))
		time.Sleep(DefaultClaimTimeout)
		s.g.Expect(s.claim("evt_theirs")).To(Equal(ledger.Resumed))
	})
}
