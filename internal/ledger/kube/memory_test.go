package kube

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/api/v1alpha1"
)

// BenchmarkMemory measures what a remembered event costs in memory: a million of them, in segments of 32 and of 256
// entries, listed as a replica lists them at its start.
func BenchmarkMemory(b *testing.B) {
	const events = 1_000_000
	for _, each := range []int{32, 256} {
		b.Run(fmt.Sprintf("entries=%d", each), func(b *testing.B) {
			for range b.N {
				before := heap()
				v := newView("a")
				for seq := range uint32(events / each) {
					v.apply(seq+1, settledSegment(seq+1, each), time.Now())
				}
				b.ReportMetric(float64(heap()-before)/float64(len(v.index)), "bytes/id")
				runtime.KeepAlive(&v)
			}
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func settledSegment(seq uint32, entries int) *v1alpha1.EventLedger {
	o := &v1alpha1.EventLedger{}
	o.Name, o.UID = namesOf("r").of(seq), types.UID(fmt.Sprintf("%036d", seq))
	o.ResourceVersion = strconv.FormatUint(uint64(seq), 10)
	o.Annotations = map[string]string{AnnotationWriter: fmt.Sprintf("replica/%010d", seq%3)}
	for i := range entries {
		e := v1alpha1.LedgerEntry{ID: fmt.Sprintf("evt_%d_%d", seq, i), State: v1alpha1.EntryProcessed}
		e.ReceivedAt.Time = time.Unix(1_700_000_000, 0)
		o.Status.Entries = append(o.Status.Entries, e)
	}
	return o
}
