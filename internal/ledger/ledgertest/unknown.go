package ledgertest

import (
	"slices"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/ledger"
)

func (s *stage) unknown(r *replica, ids ...string) []string {
	s.Helper()
	got, err := r.Unknown(s.Context(), ids)
	s.g.Expect(err).NotTo(HaveOccurred(), "unknown at %s", r.name)
	return got
}

func unknown(s *stage) {
	cold := s.shared.Open(s.T, Options{Replica: "cold", ClaimTimeout: long, CommitTimeout: time.Second})
	_, err := cold.Unknown(s.Context(), []string{"evt_1"})
	s.g.Expect(err).To(MatchError(ledger.ErrUnavailable))

	a, b := s.start("a", long), s.start("b", long)
	s.g.Expect(s.unknown(a)).To(BeEmpty())
	s.g.Expect(s.unknown(a, "evt_2", "evt_1", "évt", "evt'--")).To(Equal([]string{"evt_2", "evt_1", "évt", "evt'--"}))
	for _, state := range []ledger.State{ledger.Processed, ledger.Deferred, ledger.Dead} {
		s.claim(a, "evt_"+string(state))
		s.settle(a, "evt_"+string(state), state)
	}
	s.claim(a, "evt_Claimed")
	asked := []string{"evt_2", "evt_Claimed", "evt_Processed", "evt_Deferred", "evt_1", "evt_Dead"}
	s.g.Expect(s.unknown(a, asked...)).To(Equal([]string{"evt_2", "evt_1"}))
	s.g.Eventually(func() []string { return s.unknown(b, asked...) }).WithTimeout(patience).WithPolling(poll).
		Should(Equal([]string{"evt_2", "evt_1"}))
	// Asking is not claiming.
	s.g.Expect(s.claim(b, "evt_1").Outcome).To(Equal(ledger.Won))

	many := ids(1000)
	s.claim(a, many[500])
	s.g.Expect(s.unknown(a, many...)).To(Equal(slices.Concat(many[:500], many[501:])))
}

func unknownAfterDeadline(s *stage) {
	a, b := s.start("a", brief), s.start("b", brief)
	s.claim(a, "evt_1")
	s.stop(a)
	s.g.Eventually(func() []string { return s.unknown(b, "evt_1") }).WithTimeout(patience).WithPolling(poll).
		Should(Equal([]string{"evt_1"}))
	// It may have been unknown because b had not heard of it yet; then it is a's for a moment.
	s.g.Eventually(func() ledger.Outcome { return s.claim(b, "evt_1").Outcome }).WithTimeout(patience).WithPolling(poll).
		Should(Equal(ledger.Resumed))
	s.settle(b, "evt_1", ledger.Processed)
	s.g.Expect(s.unknown(b, "evt_1")).To(BeEmpty())
}
