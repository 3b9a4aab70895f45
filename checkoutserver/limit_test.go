package checkoutserver

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func admitted(l *limiter, key string, n int, at time.Time) (out int) {
	for range n {
		if ok, _ := l.allow(key, at); ok {
			out++
		}
	}
	return out
}

func TestLimiterAllowsABurstAndThenTheRate(t *testing.T) {
	g := NewWithT(t)
	l := newLimiter(60, 20)
	g.Expect(admitted(l, "a", 50, noon)).To(Equal(20))
	g.Expect(admitted(l, "b", 50, noon)).To(Equal(20), "another client has its own")
	ok, after := l.allow("a", noon)
	g.Expect(ok).To(BeFalse())
	g.Expect(after).To(Equal(time.Second))
	ok, after = l.allow("a", noon.Add(700*time.Millisecond))
	g.Expect(ok).To(BeFalse())
	g.Expect(after).To(Equal(300 * time.Millisecond))
	g.Expect(admitted(l, "a", 5, noon.Add(time.Second))).To(Equal(1), "who was refused has not paid")
	g.Expect(admitted(l, "a", 50, noon.Add(11*time.Second))).To(Equal(10))
	g.Expect(admitted(l, "a", 50, noon.Add(time.Hour))).To(Equal(20), "no more than a burst is saved")
	total := 0
	for s := range 600 {
		total += admitted(l, "c", 3, noon.Add(time.Duration(s)*time.Second))
	}
	g.Expect(total).To(BeNumerically("~", 600+20, 1))
}

func TestLimiterSurvivesAClockThatIsPutBack(t *testing.T) {
	g := NewWithT(t)
	l := newLimiter(120, 2)
	g.Expect(admitted(l, "a", 5, noon)).To(Equal(2))
	g.Expect(admitted(l, "a", 5, noon.Add(-time.Hour))).To(BeZero())
	ok, after := l.allow("a", noon.Add(-time.Hour))
	g.Expect(ok).To(BeFalse())
	g.Expect(after).To(Equal(time.Second / 2))
	g.Expect(admitted(l, "a", 5, noon.Add(-time.Hour+time.Second))).To(Equal(2))
}

// A flood of clients that come once each neither frees the one that is over its limit, nor holds up the one that is
// not, nor takes memory.
func TestLimiterUnderAFloodOfClients(t *testing.T) {
	g := NewWithT(t)
	l := newLimiter(60, 20)
	g.Expect(admitted(l, "greedy", 100, noon)).To(Equal(20))
	before := heap()
	for i := range 300_000 {
		l.allow("flood-"+strconv.Itoa(i), noon)
	}
	g.Expect(heap()-before).To(BeNumerically("<", 64<<10), "bytes")
	g.Expect(admitted(l, "greedy", 100, noon)).To(BeZero())
	held := 0
	for i := range 1000 {
		if ok, _ := l.allow("honest-"+strconv.Itoa(i), noon); !ok {
			held++
		}
	}
	g.Expect(held).To(BeZero())
}

// Whoever drains its own cells over and over seldom drains both of another's.
func TestLimiterKeepsGreedyClientsAmongThemselves(t *testing.T) {
	g := NewWithT(t)
	l := newLimiter(60, 20)
	for i := range 1000 {
		g.Expect(admitted(l, "greedy-"+strconv.Itoa(i), 30, noon)).To(BeNumerically("<=", 20))
	}
	held := 0
	for i := range 1000 {
		if admitted(l, "honest-"+strconv.Itoa(i), 20, noon) < 15 {
			held++
		}
	}
	g.Expect(held).To(BeNumerically("<=", 5))
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkLimiter(b *testing.B) {
	keys := make([]string, 1<<16)
	for i := range keys {
		keys[i] = "2001:db8::" + strconv.Itoa(i)
	}
	for name, n := range map[string]int{"one client": 1, "many clients": len(keys)} {
		b.Run(name, func(b *testing.B) {
			l := newLimiter(60, 20)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					l.allow(keys[i%n], noon)
				}
			})
		})
	}
}
