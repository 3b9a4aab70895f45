package faults

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// disturbances are what can happen to a call. A reset comes twice, because a client may repeat a call by itself when a
// connection that it used before breaks.
var disturbances = []traffic.Fault{
	{Status: 429},
	{Status: 429, RetryAfter: "2"},
	{Status: 500},
	{Status: 502, After: true},
	{Reset: true, Times: 2},
	{Reset: true, Times: 2, After: true},
	{DelayMillis: 3 * int(timeout.Milliseconds()), After: true},
	{Body: traffic.BodyGarbage},
	{Body: traffic.BodyTruncated},
}

// Every call of every sequence is disturbed in every way, and the Plan settles as if nothing had been: nothing is there
// twice, nothing is missing, and the status never says that it is done before it is.
func TestEveryFaultAtEveryCall(t *testing.T) {
	for _, p := range stack.Peers {
		for _, s := range stack.Sequences {
			t.Run(p.Name+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				calls, first, second := undisturbed(t, p, s)
				g := NewWithT(t)
				g.Expect(calls).To(BeNumerically(">=", 4))
				g.Expect(first.Amounts).To(Equal(s.First))
				g.Expect(second.Amounts).To(Equal(s.Second))
				for _, f := range disturbances {
					for n := 1; n <= calls; n++ {
						where := fmt.Sprintf("%s at call %d of %d", f, n, calls)
						w := newWorld(t, p)
						w.begin(s)
						f.N, f.Path = int64(n), p.Path
						g.Expect(w.sandbox.Faults().Add(f)).To(Succeed())
						sale := stack.NewSale(s, w.shelf)
						w.sandbox.OnRequest(sale.Look)
						w.settle(true)
						g.Expect(sale.Lost()).To(BeEmpty(), where)
						g.Expect(w.shelf("first")).To(Equal(first), where)
						g.Expect(w.shelf("second")).To(Equal(second), where)
						onlyCatalogue(t, w)
					}
				}
				t.Logf("%d calls, %d ways", calls, len(disturbances))
			})
		}
	}
}

// undisturbed is the number of calls that a sequence makes when nothing goes wrong, and what is there in the end.
func undisturbed(t *testing.T, p stack.Peer, s stack.Sequence) (calls int, first, second stack.Shelf) {
	t.Helper()
	w := newWorld(t, p)
	w.begin(s)
	before := len(w.sandbox.Requests())
	w.settle(false)
	return len(w.sandbox.Requests()) - before, w.shelf("first"), w.shelf("second")
}

// onlyCatalogue: no change of a Plan touches a subscription, or anything else that is not the catalogue.
func onlyCatalogue(t *testing.T, w *world) {
	t.Helper()
	for _, r := range w.sandbox.Requests() {
		path := strings.TrimPrefix(r.Path, w.peer.Path)
		NewWithT(t).Expect(r.Method == "GET" || strings.HasPrefix(path, "products") || strings.HasPrefix(path, "prices")).
			To(BeTrue(), "%s %s", r.Method, r.Path)
	}
}

// A process that lost the lead goes on for a moment: it is held up in the middle of a call while the next one makes the
// whole change, and its call takes effect only then.
func TestALateCallOfTheFormerLeader(t *testing.T) {
	for _, p := range stack.Peers {
		for _, s := range stack.Sequences {
			t.Run(p.Name+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				calls, first, second := undisturbed(t, p, s)
				for n := 1; n <= calls; n++ {
					late(t, p, s, n, first, second)
				}
			})
		}
	}
}

func late(t *testing.T, p stack.Peer, s stack.Sequence, n int, first, second stack.Shelf) {
	t.Helper()
	g := NewWithT(t)
	w := newWorld(t, p)
	w.begin(s)
	var mu sync.Mutex
	count, held, release := 0, make(chan struct{}), make(chan struct{})
	w.sandbox.OnRequest(func(phase traffic.Phase, _ traffic.Request) {
		if phase != traffic.BeforeCommit {
			return
		}
		mu.Lock()
		count++
		mine := count == n
		mu.Unlock()
		if mine {
			close(held)
			<-release
		}
	})
	former, ended := w.operator, make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = former.Reconcile(t.Context(), request(w.namespace))
	}()
	select {
	case <-held:
	case <-ended:
		t.Fatalf("the former leader made no call %d", n)
	}
	w.restart()
	w.settle(false)
	close(release)
	<-ended
	w.sandbox.OnRequest(nil)
	w.restart()
	if now := w.get(); now.Name != "" {
		w.change(func(p *v1alpha1.Plan) { p.Annotations = map[string]string{"kassa.dev/reconcile-at": "now"} })
		w.settle(false)
	}
	where := fmt.Sprintf("held at call %d", n)
	if p.Exact {
		g.Expect(w.shelf("first")).To(Equal(first), where)
		g.Expect(w.shelf("second")).To(Equal(second), where)
	}
	same(g, w.shelf("first"), first, where)
	same(g, w.shelf("second"), second, where)
	onlyCatalogue(t, w)
}

// same compares what is on sale.
func same(g Gomega, got, want stack.Shelf, where string) {
	g.Expect(got.OnSale).To(Equal(want.OnSale), where)
	g.Expect(got.Amounts).To(Equal(want.Amounts), where)
}
