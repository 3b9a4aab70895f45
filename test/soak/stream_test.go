package soak

import (
	"container/heap"
	"iter"
	"math/rand/v2"
	"testing"

	. "github.com/onsi/gomega"
)

const (
	duplicated = 0.2 // of the events are sent twice
	reordered  = 0.1 // of the events are sent late
	// How many events later a late event, or a copy, is sent at most.
	lateBy, copyAfter = 1000, 2000
)

// sending is the number of an event and its place in the stream.
type sending struct{ place, event int }

type sendings []sending

func (s sendings) Len() int           { return len(s) }
func (s sendings) Less(i, j int) bool { return s[i].place < s[j].place }
func (s sendings) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sendings) Push(x any)        { *s = append(*s, x.(sending)) }
func (s *sendings) Pop() any {
	old := *s
	last := old[len(old)-1]
	*s = old[:len(old)-1]
	return last
}

// stream is the order in which events 0 to n-1 are sent: each once, some of them late, and some of them again, some at
// the same moment.
func stream(seed uint64, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		random, waiting := rand.New(rand.NewPCG(seed, 1)), &sendings{}
		for i := range n {
			place := i
			if random.Float64() < reordered {
				place += 1 + random.IntN(lateBy)
			}
			heap.Push(waiting, sending{place, i})
			if random.Float64() < duplicated {
				if random.IntN(4) > 0 {
					place += random.IntN(copyAfter)
				}
				heap.Push(waiting, sending{place, i})
			}
			for waiting.Len() > 0 && (*waiting)[0].place <= i {
				if !yield(heap.Pop(waiting).(sending).event) {
					return
				}
			}
		}
		for waiting.Len() > 0 {
			if !yield(heap.Pop(waiting).(sending).event) {
				return
			}
		}
	}
}

func TestStream(t *testing.T) {
	g := NewWithT(t)
	const n = 20_000
	times, late, highest, sent := make([]int, n), 0, -1, 0
	for event := range stream(7, n) {
		sent++
		times[event]++
		if times[event] == 1 && event < highest {
			late++
		}
		highest = max(highest, event)
	}
	twice := 0
	for _, k := range times {
		g.Expect(k).To(BeElementOf(1, 2))
		if k == 2 {
			twice++
		}
	}
	g.Expect(float64(twice) / n).To(BeNumerically("~", duplicated, 0.01))
	g.Expect(float64(late) / n).To(BeNumerically("~", reordered, 0.01))
	g.Expect(sent).To(Equal(n + twice))
	var again []int
	for event := range stream(7, 100) {
		again = append(again, event)
	}
	i := 0
	for event := range stream(7, 100) {
		g.Expect(event).To(Equal(again[i]), "a seed repeats a run")
		i++
	}
}
