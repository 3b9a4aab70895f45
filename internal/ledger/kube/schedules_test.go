package kube

import (
	"context"
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
	mu    sync.Mutex
	blind bool
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

func (s *stage) create(seq uint32) {
	_, err := s.server.create(s.others.blank(seq))
	s.g.Expect(err).NotTo(HaveOccurred())
}

// write adds processed events to a segment, and seals it if it is to be.
func (s *stage) write(seq uint32, seal bool, ids ...string) {
	old := s.get(seq)
	next := revised(old, s.others.me, len(ids))
	for _, id := range ids {
		e := v1alpha1.LedgerEntry{ID: id, Type: "invoice.paid", State: v1alpha1.EntryClaimed}
		e.ReceivedAt.Time = time.Now()
		setMark(&e, claimMark{by: s.others.me, at: time.Now()})
		next.Status.Entries = append(next.Status.Entries, e)
	}
	if seal {
		next.Annotations[AnnotationSealed] = "true"
	}
	_, err := s.server.update(next)
	s.g.Expect(err).NotTo(HaveOccurred())
}

// prune deletes segment 1 by the rules: the floor first.
func (s *stage) prune() {
	anchor := s.get(anchorSeq)
	next := revised(anchor, s.others.me, 0)
	next.Annotations[AnnotationFloor] = "2"
	_, err := s.server.update(next)
	s.g.Expect(err).NotTo(HaveOccurred())
	one := s.get(1)
	s.g.Expect(s.server.delete(one.Name, stampOf(&one.ObjectMeta))).To(Succeed())
}

// outrun has others seal segment 1, go on in segments 2 and 3, and forget segment 1, while the ledger's watch lags.
func (s *stage) outrun() {
	s.store.setBlind(true)
	s.write(1, true)
	s.create(2)
	s.write(2, true, "evt_before")
	s.create(3)
	s.write(3, false, "evt_theirs")
	s.prune()
}

// A replica that was behind makes a segment that was there before and was forgotten.
func TestPrunedSegmentIsNotMadeAnew(t *testing.T) {
	onStage(t, func(s *stage) {
		s.outrun()
		s.g.Expect(s.claim("evt_theirs")).To(Equal(ledger.Busy))
		s.g.Expect(s.claim("evt_next")).To(Equal(ledger.Won))
		s.g.Expect(s.get(3).Status.Entries).To(HaveLen(2))
		_, err := s.server.get(s.l.names.of(1))
		s.g.Expect(err).To(HaveOccurred(), "the stray was not deleted")
	})
}

// A request of long ago made such a segment, and the replica that is behind finds it in place of its head.
func TestStraySegmentTakesNoEvents(t *testing.T) {
	onStage(t, func(s *stage) {
		s.outrun()
		s.create(1)
		s.g.Expect(s.claim("evt_theirs")).To(Equal(ledger.Busy))
		s.g.Expect(s.claim("evt_next")).To(Equal(ledger.Won))
		s.g.Expect(s.get(1).Status.Entries).To(BeEmpty())
	})
}

// What is read while a list is under way is later than the list, and says nothing of what is in it.
func TestListKnowsItsMomentOnly(t *testing.T) {
	g := NewWithT(t)
	l, err := newLedger(Options{Namespace: "ns", Receiver: "r", Replica: "a",
		Retention: func() time.Duration { return time.Hour }}, nil)
	g.Expect(err).NotTo(HaveOccurred())
	object := func(seq uint32, version, uid string, sealed bool, ids ...string) *v1alpha1.EventLedger {
		o := l.blank(seq)
		o.ResourceVersion, o.UID = version, types.UID(uid)
		if sealed {
			o.Annotations = map[string]string{AnnotationSealed: "true"}
		}
		for _, id := range ids {
			o.Status.Entries = append(o.Status.Entries, v1alpha1.LedgerEntry{ID: id, State: v1alpha1.EntryProcessed})
		}
		return o
	}
	all := &listing{version: "10", seen: map[uint32]types.UID{}}
	for seq, o := range map[uint32]*v1alpha1.EventLedger{
		1: object(1, "5", "u1", true, "evt_1"), 2: object(2, "9", "u2", false, "evt_2"),
	} {
		all.add(seq, o)
		l.view.apply(seq, o, time.Now(), false)
	}
	// Meanwhile segment 2 got evt_3 and its seal, which was not read, and segment 3 was filled, and was read.
	l.view.apply(3, object(3, "20", "u3", true, "evt_4"), time.Now(), true)
	l.view.floor = 2
	l.view.listed(all, 1)
	l.view.advance()
	g.Expect(l.view.head).To(Equal(uint32(2)), "evt_3 is not known, so nothing may be added after segment 2")

	// A segment of another UID than the listed one is not proved by the list.
	l.view.apply(2, object(2, "30", "u2b", false), time.Now(), true)
	l.view.listed(all, 1)
	g.Expect(l.view.segments[2].first).To(BeFalse())
}
