package kube

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// loadedLedger is one that knows segments of so many entries each, from 1, all settled, and has no store.
func loadedLedger(t *testing.T, entries ...int) *Ledger {
	t.Helper()
	g := NewWithT(t)
	l, err := newLedger(Options{Namespace: "ns", Receiver: "r", Replica: "a",
		Retention: func() time.Duration { return 1000 * time.Hour }}, nil)
	g.Expect(err).NotTo(HaveOccurred())
	for i, n := range entries {
		seq := uint32(i + 1)
		l.view.apply(seq, settledSegment(seq, n), time.Now())
		l.view.segments[seq].first = true
	}
	l.view.head = uint32(len(entries)) + 1
	l.loaded = true
	return l
}

// claimIn makes the first event of a segment one that is still claimed, since so long.
func claimIn(l *Ledger, seq uint32, since time.Duration) {
	o := settledSegment(seq, 1)
	e := &o.Status.Entries[0]
	at := time.Now().Add(-since)
	e.State, e.ReceivedAt.Time = v1alpha1.EntryClaimed, at
	setMark(e, claimMark{by: "gone/1", at: micros(at)})
	o.ResourceVersion = "1000000"
	l.view.apply(seq, o, time.Now())
	l.view.segments[seq].first = true
}

func repeat(n, times int) []int {
	all := make([]int, times)
	for i := range all {
		all[i] = n
	}
	return all
}

func TestMergeableGroups(t *testing.T) {
	for _, c := range []struct {
		name    string
		entries []int
		groups  []int // how many segments each has
	}{
		{"few short ones are not worth it", repeat(1, 7), nil},
		{"the last segment stays as it is", repeat(1, 9), []int{8}},
		{"what fits into one segment", repeat(16, 33), []int{16, 16}},
		{"longer ones, of which few fit into one, hold up nobody", append(repeat(44, mergeMost+5), repeat(1, 100)...),
			[]int{5 + 36, 63}},
		{"a round has an end", repeat(1, 3*mergeMost), []int{256, 256, 256, 256}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []int
			for _, group := range loadedLedger(t, c.entries...).mergeable() {
				got = append(got, len(group))
			}
			NewWithT(t).Expect(got).To(Equal(c.groups))
		})
	}
}

// A claim whose holder died and whose event the provider does not send again stays for the whole retention.
func TestMergePassesOldClaimsBy(t *testing.T) {
	old, young := 3*time.Minute, time.Minute
	for _, c := range []struct {
		name   string
		claims map[uint32]time.Duration // how old, by segment
		want   []int
	}{
		{"young ones are about to be settled", map[uint32]time.Duration{12: young}, []int{11}},
		{"old ones are passed by", map[uint32]time.Duration{12: old, 20: old}, []int{37}},
		{"an old one and a young one", map[uint32]time.Duration{12: old, 20: young}, []int{18}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := loadedLedger(t, repeat(1, 40)...)
			for seq, age := range c.claims {
				claimIn(l, seq, age)
			}
			var got []int
			for _, group := range l.mergeable() {
				got = append(got, len(group))
			}
			NewWithT(t).Expect(got).To(Equal(c.want))
		})
	}
	l := loadedLedger(t, repeat(1, mostOpen+100)...)
	for seq := range uint32(mostOpen + 1) {
		claimIn(l, seq+1, old)
	}
	NewWithT(t).Expect(l.mergeable()).To(BeEmpty(), "there is an end to what the anchor can name")
}
