package ledgertest

import (
	"errors"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
)

func notReady(s *stage) {
	l := s.shared.Open(s.T, Options{Replica: "a", ClaimTimeout: long, CommitTimeout: time.Second})
	s.g.Expect(l.Ready()).To(MatchError(ledger.ErrUnavailable))
	_, err := l.Claim(s.Context(), event("evt_1"))
	s.g.Expect(err).To(MatchError(ledger.ErrUnavailable))
	s.g.Expect(l.Settle(s.Context(), "evt_1", ledger.Processed)).To(MatchError(ledger.ErrUnavailable))
}

func lifeOfAnEvent(s *stage) {
	a, b := s.start("a", long), s.start("b", long)
	for _, state := range []ledger.State{ledger.Processed, ledger.Deferred, ledger.Dead} {
		id := "evt_" + string(state)
		before := time.Now().Truncate(time.Second)
		won := s.claim(a, id)
		s.g.Expect(won.Outcome).To(Equal(ledger.Won))
		s.g.Expect(won.ReceivedAt).To(BeTemporally(">=", before))
		s.g.Expect(won.ReceivedAt).To(BeTemporally("<=", time.Now()))
		for _, r := range []*replica{a, b} {
			busy := s.claim(r, id)
			s.g.Expect(busy.Outcome).To(Equal(ledger.Busy), r.name)
			s.g.Expect(busy.RetryAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", long)), r.name)
			s.g.Expect(busy.ReceivedAt).To(BeTemporally("==", won.ReceivedAt), r.name)
		}
		s.settle(a, id, state)
		s.settle(a, id, state)
		s.g.Expect(s.claim(a, id)).To(Equal(
			ledger.Claim{Outcome: ledger.Duplicate, State: state, ReceivedAt: won.ReceivedAt}))
		s.isIn(b, id, state)
		s.g.Expect(s.claim(b, id).ReceivedAt).To(BeTemporally("==", won.ReceivedAt))
	}
}

func settleTransitions(s *stage) {
	r := s.start("a", long)
	states := []ledger.State{ledger.Processed, ledger.Deferred, ledger.Dead}
	for _, from := range states {
		for _, to := range states {
			id := "evt_" + string(from) + "_" + string(to)
			s.claim(r, id)
			s.settle(r, id, from)
			err := r.Settle(s.Context(), id, to)
			if from == to || from == ledger.Deferred {
				s.g.Expect(err).NotTo(HaveOccurred(), id)
				s.isIn(r, id, to)
			} else {
				s.g.Expect(err).To(MatchError(ledger.ErrLost), id)
				s.isIn(r, id, from)
			}
		}
	}
	s.claim(r, "evt_claimed")
	for _, wrong := range []ledger.State{ledger.Claimed, "", "Done"} {
		s.g.Expect(r.Settle(s.Context(), "evt_claimed", wrong)).NotTo(Succeed(), "%q", wrong)
	}
	s.g.Expect(s.claim(r, "evt_claimed").Outcome).To(Equal(ledger.Busy))
}

func settleUnknown(s *stage) {
	r := s.start("a", long)
	s.g.Expect(r.Settle(s.Context(), "evt_unknown", ledger.Processed)).To(MatchError(ledger.ErrLost))
	s.g.Expect(s.claim(r, "evt_unknown").Outcome).To(Equal(ledger.Won))
}

func tooLarge(s *stage) {
	r := s.start("a", long)
	longest := ledger.Event{ID: strings.Repeat("i", s.shared.MaxID), Type: strings.Repeat("t", s.shared.MaxType)}
	for name, e := range map[string]ledger.Event{
		"long id":     {ID: longest.ID + "i", Type: "invoice.paid"},
		"long type":   {ID: "evt_1", Type: longest.Type + "t"},
		"no id":       {Type: "invoice.paid"},
		"id no text":  {ID: "evt_\xff", Type: "invoice.paid"},
		"type is not": {ID: "evt_1", Type: "invoice.\xff"},
	} {
		_, err := r.Claim(s.Context(), e)
		s.g.Expect(err).To(MatchError(ledger.ErrTooLarge), name)
	}
	c, err := r.Claim(s.Context(), longest)
	s.g.Expect(err).NotTo(HaveOccurred())
	s.g.Expect(c.Outcome).To(Equal(ledger.Won))
	s.settle(r, longest.ID, ledger.Processed)
}

// oddIDs differ in what a store might fold, trim or escape.
func oddIDs(s *stage) {
	odd := []string{
		"evt", "EVT", "evt ", " evt", "evt\t", "evt\n", `evt"`, `evt\`, "evt/..", "evt%", "evt'--", "<evt>&",
		"évt", "e\u0301vt", "evt\u2028", "evt\u200b", "日本", "😀", "\u007f", "\x01",
	}
	r := s.start("a", long)
	for _, id := range odd {
		s.g.Expect(s.claim(r, id).Outcome).To(Equal(ledger.Won), "%q", id)
		s.settle(r, id, ledger.Processed)
	}
	s.stop(r)
	r = s.start("b", long)
	for _, id := range odd {
		s.isIn(r, id, ledger.Processed)
	}
}

func takeOver(s *stage) {
	a, b := s.start("a", brief), s.start("b", brief)
	begun := time.Now()
	won := s.claim(a, "evt_1")
	busy := s.claim(b, "evt_1")
	if time.Since(begun) < brief {
		s.g.Expect(busy.Outcome).To(Equal(ledger.Busy))
	}
	resumed := s.claimUntil(b, "evt_1", ledger.Resumed, ledger.Won, ledger.Duplicate)
	s.g.Expect(resumed.Outcome).To(Equal(ledger.Resumed))
	s.g.Expect(resumed.ReceivedAt).To(BeTemporally("==", won.ReceivedAt))
	s.g.Expect(time.Since(begun)).To(BeNumerically(">=", brief), "the holder did not have its time")
	s.g.Expect(a.Settle(s.Context(), "evt_1", ledger.Dead)).To(MatchError(ledger.ErrLost))
	s.settle(b, "evt_1", ledger.Processed)
	s.isIn(a, "evt_1", ledger.Processed)
}

func takeOverAtHome(s *stage) {
	r := s.start("a", brief)
	begun := time.Now()
	s.claim(r, "evt_1")
	resumed := s.claimUntil(r, "evt_1", ledger.Resumed, ledger.Won, ledger.Duplicate)
	s.g.Expect(resumed.Outcome).To(Equal(ledger.Resumed))
	s.g.Expect(time.Since(begun)).To(BeNumerically(">=", brief))
	s.settle(r, "evt_1", ledger.Processed)
	s.isIn(r, "evt_1", ledger.Processed)
}

func deferredElsewhere(s *stage) {
	a, b := s.start("a", long), s.start("b", long)
	for _, to := range []ledger.State{ledger.Processed, ledger.Dead} {
		id := "evt_" + string(to)
		s.claim(a, id)
		s.settle(a, id, ledger.Deferred)
		// The other replica may not have seen it yet.
		s.g.Eventually(func() error {
			err := b.Settle(s.Context(), id, to)
			if err != nil && !errors.Is(err, ledger.ErrLost) {
				s.Errorf("settle %s: %v", id, err)
			}
			return err
		}).WithTimeout(patience).WithPolling(poll).Should(Succeed())
		s.isIn(a, id, to)
		s.isIn(b, id, to)
	}
}
