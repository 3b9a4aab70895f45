package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/ledger"
)

// diskStore is a store whose writes wait for a disk, which now and then takes its time.
type diskStore struct {
	*modelClient
	writes, conflicts *atomic.Int64
}

func (s diskStore) disk() {
	d := 3*time.Millisecond + s.dice.upTo(5*time.Millisecond)
	if s.dice.chance(0.01) {
		d += s.dice.upTo(80 * time.Millisecond)
	}
	time.Sleep(d)
	s.writes.Add(1)
}

func (s diskStore) Create(ctx context.Context, o *v1alpha1.EventLedger) (stamp, error) {
	s.disk()
	return s.noted(s.modelClient.Create(ctx, o))
}

func (s diskStore) Update(ctx context.Context, o *v1alpha1.EventLedger) (stamp, error) {
	s.disk()
	return s.noted(s.modelClient.Update(ctx, o))
}

func (s diskStore) noted(at stamp, err error) (stamp, error) {
	if lost(err) {
		s.conflicts.Add(1)
	}
	return at, err
}

// load is what replicas did in virtual time.
type load struct {
	replicas  []*Ledger
	dice      *dice
	mu        sync.Mutex
	took      []time.Duration // of claim and settle together
	served    []int
	writes    atomic.Int64
	conflicts atomic.Int64
}

func (l *load) quantile(percent int) time.Duration {
	slices.Sort(l.took)
	return l.took[len(l.took)*percent/100]
}

// seconds is how long a load lasts.
const seconds = 10

// runLoad sends so many events a second to replicas in virtual time.
func runLoad(t *testing.T, replicas, perSecond int, check func(*WithT, *load)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		l := &load{served: make([]int, replicas), dice: newDice(7)}
		server := newModelServer(30*time.Second, 0, time.Hour)
		ctx, stop := context.WithCancel(t.Context())
		var pending sync.WaitGroup
		for i := range replicas {
			client := &modelClient{server: server, dice: newDice(uint64(i)), pending: &pending}
			r, err := newLedger(Options{Namespace: "ns", Receiver: "r", Replica: fmt.Sprintf("replica-%d", i),
				Retention: func() time.Duration { return time.Hour }},
				diskStore{modelClient: client, writes: &l.writes, conflicts: &l.conflicts})
			g.Expect(err).NotTo(HaveOccurred())
			pending.Go(func() { _ = r.Run(ctx) })
			l.replicas = append(l.replicas, r)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		l.writes.Store(0)
		l.conflicts.Store(0)
		var events sync.WaitGroup
		for i := range seconds * perSecond {
			time.Sleep(time.Second / time.Duration(perSecond))
			events.Go(func() { l.event(t, i) })
		}
		events.Wait()
		t.Logf("replicas %d, %d events/s: p50 %s, p99 %s, %.0f writes/s, %.1f lost/s, served %v", replicas, perSecond,
			l.quantile(50).Round(time.Millisecond), l.quantile(99).Round(time.Millisecond),
			float64(l.writes.Load())/seconds, float64(l.conflicts.Load())/seconds, l.served)
		check(g, l)
		stop()
		pending.Wait()
		g.Expect(server.check.faults).To(BeEmpty())
	})
}

func (l *load) event(t *testing.T, i int) {
	at := l.dice.n(len(l.replicas))
	id := fmt.Sprintf("evt_%d", i)
	began := time.Now()
	c, err := l.replicas[at].Claim(t.Context(), ledger.Event{ID: id, Type: "invoice.paid"})
	if err != nil || c.Outcome != ledger.Won {
		t.Errorf("%s: %+v, %v", id, c, err)
		return
	}
	claimed := time.Since(began)
	time.Sleep(2*time.Millisecond + l.dice.upTo(6*time.Millisecond)) // the sink
	began = time.Now()
	if err := l.replicas[at].Settle(t.Context(), id, ledger.Processed); err != nil {
		t.Errorf("%s: %v", id, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, claimed+time.Since(began))
	l.served[at]++
}

// TestLoad runs replicas under load, in virtual time: the API server gets no more writes than it is to, few of them are
// in vain, and no replica's events wait much longer than another's.
func TestLoad(t *testing.T) {
	for _, replicas := range []int{1, 2, 3} {
		for _, perSecond := range []int{1, 20, 200, 2000} {
			t.Run(fmt.Sprintf("replicas=%d,per-second=%d", replicas, perSecond), func(t *testing.T) {
				runLoad(t, replicas, perSecond, func(g *WithT, l *load) {
					g.Expect(l.writes.Load()).To(BeNumerically("<=", 100*seconds))
					g.Expect(l.conflicts.Load()).To(BeNumerically("<=", 3*seconds))
					g.Expect(l.quantile(99)).To(BeNumerically("<", 300*time.Millisecond))
				})
			})
		}
	}
}
