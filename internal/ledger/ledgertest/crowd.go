package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
)

func restart(s *stage) {
	states := []ledger.State{ledger.Processed, ledger.Deferred, ledger.Dead, ledger.Claimed}
	a := s.start("a", brief)
	var all sync.WaitGroup
	for i, id := range ids(40) {
		all.Go(func() {
			if c, err := a.Claim(s.Context(), event(id)); err != nil || c.Outcome != ledger.Won {
				s.Errorf("claim of %s: %+v, %v", id, c, err)
			}
			if state := states[i%len(states)]; state != ledger.Claimed {
				if err := a.Settle(s.Context(), id, state); err != nil {
					s.Errorf("settle %s: %v", id, err)
				}
			}
		})
	}
	all.Wait()
	s.stop(a)
	_, err := a.Claim(s.Context(), event("evt_late"))
	s.g.Expect(err).To(MatchError(ledger.ErrUnavailable))

	again := s.start("a", brief)
	for i, id := range ids(40) {
		if state := states[i%len(states)]; state != ledger.Claimed {
			s.isIn(again, id, state)
			continue
		}
		got := s.claimUntil(again, id, ledger.Resumed, ledger.Won, ledger.Duplicate)
		s.g.Expect(got.Outcome).To(Equal(ledger.Resumed), id)
		s.settle(again, id, ledger.Processed)
	}
	s.g.Expect(s.claim(again, "evt_late").Outcome).To(Equal(ledger.Won))
}

// tally counts how often each event was handed out.
type tally struct {
	mu   sync.Mutex
	wins map[string]int
}

func (t *tally) note(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wins == nil {
		t.wins = map[string]int{}
	}
	t.wins[id]++
}

// once checks that every event was handed out, and once.
func (t *tally) once(s *stage, events []string) {
	s.Helper()
	for _, id := range events {
		if n := t.wins[id]; n != 1 {
			s.Errorf("%s was handed out %d times", id, n)
		}
	}
}

func sameEventsAtOnce(s *stage) {
	replicas := []*replica{s.start("a", long), s.start("b", long), s.start("c", long)}
	events := ids(150)
	var won tally
	var all sync.WaitGroup
	for _, r := range replicas {
		for range 2 {
			for _, id := range events {
				all.Go(func() {
					c, err := r.Claim(s.Context(), event(id))
					switch {
					case err != nil:
						s.Errorf("claim of %s: %v", id, err)
					case c.Outcome == ledger.Won:
						won.note(id)
						if err := r.Settle(s.Context(), id, ledger.Processed); err != nil {
							s.Errorf("settle %s: %v", id, err)
						}
					case c.Outcome == ledger.Resumed:
						s.Errorf("%s was resumed", id)
					}
				})
			}
		}
	}
	all.Wait()
	won.once(s, events)
	for _, r := range replicas {
		for _, id := range events {
			s.isIn(r, id, ledger.Processed)
		}
	}
}

// process claims an event and settles it as Processed.
func (s *stage) process(r *replica, id string, won *tally) {
	c, err := r.Claim(s.Context(), event(id))
	if err != nil || c.Outcome != ledger.Won {
		s.Errorf("claim of %s at %s: %+v, %v", id, r.name, c, err)
		return
	}
	won.note(id)
	if err := r.Settle(s.Context(), id, ledger.Processed); err != nil {
		s.Errorf("settle %s at %s: %v", id, r.name, err)
	}
}

func manyEvents(s *stage) {
	replicas := []*replica{s.start("a", long), s.start("b", long), s.start("c", long)}
	events := ids(1500)
	var won tally
	queue := make(chan int, len(events))
	for i := range events {
		queue <- i
	}
	close(queue)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := range queue {
				s.process(replicas[i%len(replicas)], events[i], &won)
			}
		})
	}
	all.Wait()
	won.once(s, events)
	late := s.start("d", long)
	for _, id := range events {
		c := s.claim(late, id)
		s.g.Expect([]any{c.Outcome, c.State}).To(Equal([]any{ledger.Duplicate, ledger.Processed}), id)
	}
}

// callerLeaves: an event whose caller left before the answer is nobody's, and need not wait for a claim to run out.
func callerLeaves(s *stage) {
	r := s.start("a", long)
	end := s.shared.Outage()
	var all sync.WaitGroup
	for _, id := range ids(5) {
		all.Go(func() {
			err := s.shortClaim(r, id)
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ledger.ErrUnavailable) {
				s.Errorf("claim of %s: %v", id, err)
			}
		})
	}
	all.Wait()
	gone, cancel := context.WithCancel(s.Context())
	cancel()
	_, err := r.Claim(gone, event("evt_gone"))
	s.g.Expect(err).To(Or(MatchError(context.Canceled), MatchError(ledger.ErrUnavailable)))
	end()
	for _, id := range append(ids(5), "evt_gone") {
		var got ledger.Claim
		s.g.Eventually(func() (err error) {
			if got, err = r.Claim(s.Context(), event(id)); err == nil && got.Outcome == ledger.Busy {
				err = fmt.Errorf("busy for %s", got.RetryAfter)
			}
			return err
		}).WithTimeout(patience).WithPolling(poll).Should(Succeed())
		s.g.Expect(got.Outcome).To(Or(Equal(ledger.Won), Equal(ledger.Resumed)), id)
		s.settle(r, id, ledger.Processed)
	}
}
