package registration_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/registration"
)

// sequence is a change of a registration.
type sequence struct {
	name string
	// before is what somebody does to a registered receiver's world, or to an empty one with fresh.
	before func(*world)
	fresh  bool
	to     func(*goal)
	// retiring secrets in the end; gone: nothing is left.
	retiring int
	gone     bool
	// gap: there was nothing that serves, or somebody took it away.
	gap bool
	// only for these providers, if any.
	only func(provider.EndpointTraits) bool
}

// byHand is an endpoint that Kassa did not make.
func byHand(w *world, id, url string) *provider.Endpoint {
	w.at = append(w.at, provider.Endpoint{
		ID: id, URL: url, Events: []string{"z"}, Active: true, Secret: "secret-by-hand",
	})
	return &w.at[len(w.at)-1]
}

func adoptHand(to *goal) { to.adopt = &registration.Adoption{ID: "we_hand", Secret: "secret-by-hand"} }

func marked(p provider.EndpointTraits) bool { return p.Marks }

func tells(p provider.EndpointTraits) bool { return p.Secrets != provider.SecretToldOnce }

var sequences = []sequence{
	{name: "register", fresh: true, gap: true},
	{name: "register among others'", fresh: true, gap: true, only: marked, before: func(w *world) {
		byHand(w, "we_theirs", "https://elsewhere.example.com").Owner = others
	}},
	{name: "take what has the URL", fresh: true, gap: true, only: tells, before: func(w *world) {
		byHand(w, "we_hand", serverURL)
	}},
	{name: "deleted Secret", gap: true, before: func(w *world) { w.data = nil; w.version++ }},
	{name: "edited Secret", gap: true, before: func(w *world) {
		w.data[registration.KeySecret] = []byte("mine")
		w.version++
	}},
	{name: "deleted endpoint", gap: true, before: func(w *world) { w.at = nil }},
	{name: "disabled endpoint", gap: true, before: func(w *world) { w.at[0].Active = false }},
	{name: "change events", to: func(g *goal) { g.events = []string{"a", "c"} }},
	{name: "change url", to: func(g *goal) { g.url = "https://hooks.example.com/other" }},
	{name: "adopt", fresh: true, gap: true, to: adoptHand, before: func(w *world) {
		byHand(w, "we_hand", "https://old.example.com")
	}},
	{name: "adopt instead", to: adoptHand, retiring: 1, before: func(w *world) {
		byHand(w, "we_hand", "https://old.example.com")
	}},
	{name: "rotate", to: func(g *goal) { g.rotate = "now" }, retiring: 1},
	{name: "rotate and change all", retiring: 1, to: func(g *goal) {
		g.rotate, g.url, g.events = "now", "https://hooks.example.com/other", []string{"c"}
	}},
	{name: "rotate by the clock", retiring: 1, to: func(g *goal) { g.interval = 24 * time.Hour }, before: func(w *world) {
		w.now = w.now.Add(25 * time.Hour)
	}},
	{name: "retire", to: func(g *goal) { g.rotate = "now" }, before: func(w *world) {
		to := basic()
		to.rotate = "now"
		w.settle(to)
		w.now = w.now.Add(2 * time.Hour)
	}},
	{name: "rotate at the limit", to: func(g *goal) { g.rotate = "now" }, retiring: 4, only: marked,
		before: func(w *world) {
			to := basic()
			for i := range 3 {
				to.rotate = strconv.Itoa(i)
				w.settle(to)
			}
			for len(w.at) < w.traits.MaxActive {
				id := fmt.Sprintf("we_other_%d", len(w.at))
				byHand(w, id, "https://elsewhere.example.com/"+id).Owner = others
			}
		}},
	{name: "rotate once too often", to: func(g *goal) { g.rotate = "now" }, retiring: registration.MaxRetiring,
		before: func(w *world) {
			to := basic()
			for i := range registration.MaxRetiring {
				to.rotate = strconv.Itoa(i)
				w.settle(to)
			}
		}},
	{name: "leave", to: func(g *goal) { g.manual = true }, gone: true, gap: true, before: func(w *world) {
		to := basic()
		to.rotate = "now"
		w.settle(to)
	}},
	{name: "leave before the id is stored", fresh: true, to: func(g *goal) { g.manual = true }, gone: true, gap: true,
		before: func(w *world) {
			w.dies = func(int) bool { return len(w.at) > 0 }
			_ = w.reconcile(basic())
			w.dies = nil
			w.Expect(w.at).To(HaveLen(1))
		}},
	{name: "come back", gap: true, before: func(w *world) {
		to := basic()
		to.manual = true
		w.settle(to)
	}},
}

// start is the world before the change.
func (q *sequence) start(t *testing.T, traits provider.EndpointTraits) (*world, goal) {
	t.Helper()
	w := newWorld(t, traits)
	if !q.fresh {
		w.settle(basic())
	}
	if q.before != nil {
		q.before(w)
	}
	to := basic()
	if q.to != nil {
		q.to(&to)
	}
	w.writes = 0
	return w, to
}

// follow watches that no endpoint is ever sent an event that would be refused, and that one always serves.
func (q *sequence) follow(w *world) {
	began := q.gap
	strange := map[string]bool{} // those whose secrets were not known before
	for _, e := range w.at {
		strange[e.ID] = true
	}
	w.watch = func() {
		if !q.gap && !q.gone {
			w.Expect(w.serving()).To(BeNumerically(">=", 1), "write %d: nothing serves: %+v", w.writes, w.at)
		}
		for _, e := range w.at {
			if !isQuiet(e) && (!strange[e.ID] || !began) && !e.Owner.Same(others) && e.ID != "we_hand" && !q.gone {
				w.Expect(w.live()).To(ContainElement(e.Secret), "write %d: %s is sent events that are refused", w.writes, e.ID)
			}
		}
	}
}

func (q *sequence) check(w *world, to goal) {
	w.dies = nil
	w.settle(to)
	if q.gone {
		w.Expect(w.at).To(BeEmpty())
		w.Expect(w.record()).To(Equal(registration.Record{}))
		return
	}
	w.expectGood(to, q.retiring)
}

// Each sequence is killed after every single write, and after every pair of writes; the end is always the same.
func TestEveryCrashEndsWell(t *testing.T) {
	for kind, traits := range kinds {
		for _, q := range sequences {
			if q.only != nil && !q.only(traits) {
				continue
			}
			t.Run(kind+"/"+q.name, func(t *testing.T) {
				w, to := q.start(t, traits)
				q.follow(w)
				q.check(w, to)
				steps := w.writes
				NewWithT(t).Expect(steps).To(BeNumerically(">", 0), "the sequence does nothing")
				runs := 0
				for first := 1; first <= steps; first++ {
					for second := first + 1; second <= steps+4; second++ {
						w, to := q.start(t, traits)
						q.follow(w)
						w.dies = func(n int) bool { return n == first || n == second }
						for range 3 {
							_ = w.reconcile(to)
						}
						q.check(w, to)
						runs++
					}
				}
				t.Logf("%d writes, %d runs", steps, runs)
			})
		}
	}
}

// A process that never gets further than its n-th write never uses up the account's endpoints.
func TestCrashLoopLeavesNothingBehind(t *testing.T) {
	for kind, traits := range kinds {
		for writes := 1; writes <= 3; writes++ {
			t.Run(fmt.Sprintf("%s/%d", kind, writes), func(t *testing.T) {
				w := newWorld(t, traits)
				to := basic()
				for range 50 {
					w.writes = 0
					w.dies = func(n int) bool { return n >= writes }
					_ = w.reconcile(to)
					w.Expect(len(w.at)).To(BeNumerically("<=", 2))
				}
				w.dies = nil
				w.settle(to)
				w.expectGood(to, 0)
			})
		}
	}
}

func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv("KASSA_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		n = given
	}
	t.Logf("KASSA_SEED=%d", n)
	return n
}

// Two processes of the operator work at once, their calls in any order. What one of them does afterwards alone puts
// everything in order, and no more is left than was asked for.
func TestTwoLeaders(t *testing.T) {
	random := rand.New(rand.NewPCG(seed(t), 0))
	for kind, traits := range kinds {
		for _, q := range sequences {
			if q.only != nil && !q.only(traits) {
				continue
			}
			t.Run(kind+"/"+q.name, func(t *testing.T) {
				for range 40 {
					w, to := q.start(t, traits)
					together(w, to, random)
					w.turn = nil
					q.check(w, to)
				}
			})
		}
	}
}

// together reconciles in two processes, one call at a time, each time that of a process chosen at random.
func together(w *world, to goal, random *rand.Rand) {
	const processes = 2
	type ended struct{}
	asks := make(chan chan struct{})
	done := make(chan ended)
	var current chan struct{} // whose turn it is to ask
	w.turn = func() {
		mine := current
		asks <- mine
		<-mine
		current = mine
	}
	for range processes {
		self := make(chan struct{})
		go func() {
			asks <- self
			<-self
			current = self
			defer func() { done <- ended{} }() // also when an expectation fails
			for range 2 {
				_ = w.reconcile(to)
			}
		}()
	}
	var waiting []chan struct{}
	left := processes
	for range processes {
		waiting = append(waiting, <-asks)
	}
	for left > 0 {
		i := random.IntN(len(waiting))
		next := waiting[i]
		waiting = append(waiting[:i], waiting[i+1:]...)
		next <- struct{}{}
		select {
		case again := <-asks:
			waiting = append(waiting, again)
		case <-done:
			left--
		}
	}
}
