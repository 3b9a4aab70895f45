package kube

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// loadedLedger is one that knows segments of so many entries each, from 1, all settled, and has no store.
func loadedLedger(t *testing.T, entries ...int) *Ledger {
	t.Helper()
	g := NewWithT(t)
	l, err := newLedger(Options{Namespace: "ns", Receiver: "r", Replica: "a",
		Retention: func() time.Duration { return 1000 * time.Hour }}, nil)
	g.Expect(err).NotTo(HaveOccurred())
	for i, n := range entries {
		seq := uint32(i + 1) //nolint:gosec // a few
		l.view.apply(seq, settledSegment(seq, n), time.Now())
		l.view.segments[seq].first = true
	}
	l.view.head = uint32(len(entries)) + 1 //nolint:gosec // a few
	l.loaded = true
	return l
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
