package ledgertest

import (
	"context"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
)

func outage(s *stage) {
	impatient := func(name string) *replica {
		return s.run(Options{Replica: name, ClaimTimeout: long, CommitTimeout: 300 * time.Millisecond})
	}
	a, b := impatient("a"), impatient("b")
	s.claim(a, "evt_done")
	s.settle(a, "evt_done", ledger.Processed)
	s.claim(a, "evt_held")

	end := s.shared.Outage()
	for _, r := range []*replica{a, b} {
		_, err := r.Claim(s.Context(), event("evt_new_"+r.name))
		s.g.Expect(err).To(MatchError(ledger.ErrUnavailable), r.name)
	}
	s.g.Expect(a.Settle(s.Context(), "evt_held", ledger.Processed)).To(MatchError(ledger.ErrUnavailable))
	// What is known may be answered or not, and truly.
	if c, err := a.Claim(s.Context(), event("evt_done")); err == nil {
		s.g.Expect([]any{c.Outcome, c.State}).To(Equal([]any{ledger.Duplicate, ledger.Processed}))
	} else {
		s.g.Expect(err).To(MatchError(ledger.ErrUnavailable))
	}
	end()

	// Nobody repairs anything.
	for _, r := range []*replica{a, b} {
		id := "evt_new_" + r.name
		s.g.Eventually(func() error {
			c, err := r.Claim(s.Context(), event(id))
			if err == nil && c.Outcome != ledger.Won && c.Outcome != ledger.Resumed {
				return fmt.Errorf("outcome %d", c.Outcome)
			}
			return err
		}).WithTimeout(patience).WithPolling(poll).Should(Succeed(), r.name)
		s.g.Eventually(func() error { return r.Settle(s.Context(), id, ledger.Processed) }).
			WithTimeout(patience).WithPolling(poll).Should(Succeed(), r.name)
	}
	s.g.Eventually(func() error { return a.Settle(s.Context(), "evt_held", ledger.Processed) }).
		WithTimeout(patience).WithPolling(poll).Should(Succeed())
	s.isIn(b, "evt_held", ledger.Processed)
}

// lostAnswers: a write whose answer got lost is neither taken for done nor for failed.
func lostAnswers(s *stage) {
	a, b := s.start("a", long), s.start("b", long)
	end := s.shared.LoseAnswers()
	defer end()
	events := ids(60)
	var won tally
	var all sync.WaitGroup
	for _, id := range events {
		for _, r := range []*replica{a, b} {
			all.Go(func() {
				c, err := r.Claim(s.Context(), event(id))
				if err != nil {
					s.Errorf("claim of %s: %v", id, err)
				} else if c.Outcome == ledger.Won {
					won.note(id)
					if err := r.Settle(s.Context(), id, ledger.Processed); err != nil {
						s.Errorf("settle %s: %v", id, err)
					}
				}
			})
		}
	}
	all.Wait()
	won.once(s, events)
	for _, id := range events {
		s.isIn(a, id, ledger.Processed)
		s.isIn(b, id, ledger.Processed)
	}
}

// shutdown: what waits when Run's context ends is committed, and later claims are refused.
func shutdown(s *stage) {
	a := s.start("a", long)
	events := ids(20)
	end := s.shared.Outage()
	answers := make([]ledger.Outcome, len(events))
	errs := make([]error, len(events))
	var all sync.WaitGroup
	for i, id := range events {
		all.Go(func() {
			c, err := a.Claim(s.Context(), event(id))
			answers[i], errs[i] = c.Outcome, err
		})
	}
	// Once a later one has waited in vain, the others wait too.
	s.g.Expect(s.shortClaim(a, "evt_probe")).To(MatchError(context.DeadlineExceeded))
	a.cancel()
	s.g.Eventually(func() error { return s.shortClaim(a, "evt_probe") }).WithTimeout(patience).WithPolling(poll).
		Should(And(MatchError(ledger.ErrUnavailable), Not(MatchError(context.DeadlineExceeded))))
	end()
	all.Wait()
	s.stop(a)
	_, err := a.Claim(s.Context(), event("evt_after"))
	s.g.Expect(err).To(MatchError(ledger.ErrUnavailable))
	s.g.Expect(a.Settle(s.Context(), events[0], ledger.Processed)).To(MatchError(ledger.ErrUnavailable))

	b := s.start("b", long)
	for i, id := range events {
		if errs[i] != nil || answers[i] != ledger.Won {
			s.Errorf("%s waited and was not committed: %v, %v", id, answers[i], errs[i])
		}
		s.g.Expect(s.claim(b, id).Outcome).To(Equal(ledger.Busy), id)
	}
	s.g.Expect(s.claim(b, "evt_after").Outcome).To(Equal(ledger.Won))
}

// shortClaim has a caller that does not wait long.
func (s *stage) shortClaim(r *replica, id string) error {
	ctx, cancel := context.WithTimeout(s.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := r.Claim(ctx, event(id))
	return err
}
