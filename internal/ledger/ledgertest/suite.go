// Package ledgertest is the conformance suite of ledger.Ledger: what every implementation promises, whatever it stands
// on. It runs several replicas on one store, takes the store away, and loses its answers.
package ledgertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
)

// Options of one replica.
type Options struct {
	Replica string
	// ClaimTimeout is how long a claim is left to its holder, CommitTimeout how long a call waits for the store.
	ClaimTimeout, CommitTimeout time.Duration
}

// Shared is one store, empty at first, with any number of replicas on it.
type Shared struct {
	// Open makes a replica that the suite runs. A name may come again, as that of a process which was restarted.
	Open func(t *testing.T, o Options) ledger.Ledger
	// Outage makes the store refuse every request of every replica until end is called.
	Outage func() (end func())
	// LoseAnswers lets every other write take effect and its answer get lost, until end is called.
	LoseAnswers func() (end func())
	// MaxID and MaxType are the longest that an event's id and type may be, in bytes.
	MaxID, MaxType int
}

// Run runs the suite. The factory makes a store for each scenario; scenarios run at the same time.
func Run(t *testing.T, factory func(t *testing.T) Shared) {
	scenarios := []struct {
		name string
		run  func(*stage)
	}{
		{"nothing is answered before the ledger is loaded", notReady},
		{"an event is claimed once and settled once", lifeOfAnEvent},
		{"a settled state moves on from Deferred only", settleTransitions},
		{"an unknown event cannot be settled", settleUnknown},
		{"what is too long or no text is refused", tooLarge},
		{"ids are kept as they are", oddIDs},
		{"another replica takes over after the deadline", takeOver},
		{"so does another caller of the same replica", takeOverAtHome},
		{"a deferred event is moved on by another replica", deferredElsewhere},
		{"a restarted replica remembers", restart},
		{"what is not known is told", unknown},
		{"what nobody finished is not known", unknownAfterDeadline},
		{"several replicas get the same events at once", sameEventsAtOnce},
		{"many events go through several replicas", manyEvents},
		{"a caller that left keeps nobody waiting", callerLeaves},
		{"nothing is acknowledged while the store is away", outage},
		{"answers get lost after the write", lostAnswers},
		{"a shutdown commits what waits and refuses the rest", shutdown},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(&stage{T: t, g: NewWithT(t), shared: factory(t)})
		})
	}
}

const (
	patience = 30 * time.Second // what is waited for at most; nothing takes nearly as long
	poll     = 10 * time.Millisecond
	long     = time.Hour // a claim timeout that does not come
	brief    = 700 * time.Millisecond
)

// stage is what a scenario plays on.
type stage struct {
	*testing.T
	g      *WithT
	shared Shared
}

// replica is one running ledger.
type replica struct {
	ledger.Ledger
	name   string
	cancel context.CancelFunc
	ended  chan error
}

// start runs a replica and waits until it is ready.
func (s *stage) start(name string, claimTimeout time.Duration) *replica {
	s.Helper()
	return s.run(Options{Replica: name, ClaimTimeout: claimTimeout, CommitTimeout: patience})
}

func (s *stage) run(o Options) *replica {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{Ledger: s.shared.Open(s.T, o), name: o.Replica, cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- r.Run(ctx) }()
	s.Cleanup(func() { s.stop(r) })
	s.g.Eventually(r.Ready).WithTimeout(patience).WithPolling(poll).Should(Succeed())
	return r
}

// stop ends a replica and waits for its end. It may be called twice.
func (s *stage) stop(r *replica) {
	s.Helper()
	r.cancel()
	select {
	case err, first := <-r.ended:
		if first {
			close(r.ended)
		}
		if err != nil {
			s.Errorf("%s: Run: %v", r.name, err)
		}
	case <-time.After(patience):
		s.Errorf("%s does not end", r.name)
	}
}

func event(id string) ledger.Event { return ledger.Event{ID: id, Type: "invoice.paid"} }

func ids(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("evt_%04d", i)
	}
	return list
}

func (s *stage) claim(r *replica, id string) ledger.Claim {
	s.Helper()
	c, err := r.Claim(s.Context(), event(id))
	s.g.Expect(err).NotTo(HaveOccurred(), "claim of %s at %s", id, r.name)
	return c
}

// claimUntil claims again and again until the answer is one of those that are waited for.
func (s *stage) claimUntil(r *replica, id string, wanted ...ledger.Outcome) ledger.Claim {
	s.Helper()
	var got ledger.Claim
	s.g.Eventually(func(g Gomega) {
		c, err := r.Claim(s.Context(), event(id))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(wanted).To(ContainElement(c.Outcome))
		got = c
	}).WithTimeout(patience).WithPolling(poll).Should(Succeed(), "claim of %s at %s", id, r.name)
	return got
}

func (s *stage) settle(r *replica, id string, to ledger.State) {
	s.Helper()
	s.g.Expect(r.Settle(s.Context(), id, to)).To(Succeed(), "settle %s as %s at %s", id, to, r.name)
}

// isIn waits until a replica answers for an event that it is in a state. Another replica may learn of it a moment
// after it was settled.
func (s *stage) isIn(r *replica, id string, state ledger.State) {
	s.Helper()
	got := s.claimUntil(r, id, ledger.Duplicate, ledger.Won, ledger.Resumed)
	s.g.Expect(got.Outcome).To(Equal(ledger.Duplicate), "%s at %s", id, r.name)
	if got.State != state {
		s.g.Eventually(func() ledger.State { return s.claim(r, id).State }).
			WithTimeout(patience).WithPolling(poll).Should(Equal(state), "%s at %s", id, r.name)
	}
}
