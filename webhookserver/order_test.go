package webhookserver

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

func TestMoments(t *testing.T) {
	g := NewWithT(t)
	second := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	inOrder := []moment{
		momentOf(second(0), second(9), "z"),
		momentOf(time.Time{}, second(1), "m"), // when it was received counts for when it happened
		momentOf(second(2), second(3), "b"),
		momentOf(second(2), second(4), "a"),
		momentOf(second(2), second(4).Add(900*time.Millisecond), "c"),
		momentOf(second(2).Add(time.Millisecond), second(0), "a"),
	}
	for i, a := range inOrder {
		for k, b := range inOrder {
			g.Expect(a.before(b)).To(Equal(i < k), "%d before %d", i, k)
		}
	}
}

func TestOrderKey(t *testing.T) {
	g := NewWithT(t)
	of := func(sub, cus string) string {
		e := billing.Event{}
		if sub != "" {
			e.Subscription = &billing.EventSubscription{ID: sub}
		}
		if cus != "" {
			e.Customer = &billing.EventCustomer{ID: cus, Email: cus + "@example.com"}
		}
		return orderKey(&e)
	}
	g.Expect(of("sub_1", "cus_1")).To(Equal(of("sub_1", "cus_2")), "the subscription counts")
	g.Expect(of("", "cus_1")).To(HaveLen(32))
	g.Expect(of("", "")).To(BeEmpty())
	distinct := []string{of("1", ""), of("", "1"), of("2", ""), of("", "2")}
	slices.Sort(distinct)
	g.Expect(slices.Compact(distinct)).To(HaveLen(4))
	g.Expect(orderKey(&billing.Event{Subscription: &billing.EventSubscription{}, Customer: &billing.EventCustomer{}})).
		To(BeEmpty())
}

var k1 = turnKey{"key", "app"}

func nth(n int) moment {
	return momentOf(noon.Add(time.Duration(n)*time.Second), noon, strconv.Itoa(n))
}

// waitFor waits until n events wait for their turn.
func (t *turns) waitFor(g *WithT, n int) {
	g.Eventually(func() int {
		t.mu.Lock()
		defer t.mu.Unlock()
		return len(t.all[k1].waiting)
	}, patience).Should(Equal(n))
}

func TestTurnsGoByTheProvidersTime(t *testing.T) {
	g, turns := NewWithT(t), newTurns()
	g.Expect(turns.take(t.Context(), k1, nth(5))).To(BeTrue())
	g.Expect(turns.take(t.Context(), turnKey{"key", "other"}, nth(6))).To(BeTrue(), "another sink")
	g.Expect(turns.take(t.Context(), turnKey{"other", "app"}, nth(6))).To(BeTrue(), "another key")
	got := make(chan int, 3)
	for i, n := range []int{3, 1, 2} {
		go func() {
			if turns.take(t.Context(), k1, nth(n)) {
				got <- n
				turns.give(k1)
			}
		}()
		turns.waitFor(g, i+1)
	}
	turns.give(k1)
	for n := 1; n <= 3; n++ {
		g.Eventually(got, patience).Should(Receive(Equal(n)))
	}
	turns.give(turnKey{"key", "other"})
	turns.give(turnKey{"other", "app"})
	g.Eventually(func() int { turns.mu.Lock(); defer turns.mu.Unlock(); return len(turns.all) }, patience).Should(BeZero())
}

// What waits behind an event that goes into the inbox follows it there, and what comes, until it has arrived there.
func TestEventsFollowAnEarlierOneIntoTheInbox(t *testing.T) {
	g, turns := NewWithT(t), newTurns()
	g.Expect(turns.take(t.Context(), k1, nth(2))).To(BeTrue())
	later, earlier := make(chan bool, 1), make(chan bool, 1)
	go func() { later <- turns.take(t.Context(), k1, nth(3)) }()
	turns.waitFor(g, 1)
	go func() { earlier <- turns.take(t.Context(), k1, nth(1)) }()
	turns.waitFor(g, 2)
	turns.postpone(k1, nth(2))
	g.Eventually(later, patience).Should(Receive(BeFalse()))
	turns.give(k1)
	g.Eventually(earlier, patience).Should(Receive(BeTrue()))
	turns.give(k1)
	g.Expect(turns.take(t.Context(), k1, nth(4))).To(BeFalse())
	turns.recorded(k1, nth(2))
	g.Expect(turns.take(t.Context(), k1, nth(4))).To(BeTrue())
	turns.give(k1)
	g.Expect(turns.all).To(BeEmpty())
}

func TestTurnIsNotWaitedForBeyondTheContext(t *testing.T) {
	g, turns := NewWithT(t), newTurns()
	g.Expect(turns.take(t.Context(), k1, nth(1))).To(BeTrue())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	g.Expect(turns.take(ended, k1, nth(2))).To(BeFalse())
	turns.give(k1)
	g.Expect(turns.all).To(BeEmpty())
}

// Many at once: never two in hand, none forgotten.
func TestTurnsUnderLoad(t *testing.T) {
	g, turns := NewWithT(t), newTurns()
	var all sync.WaitGroup
	var mu sync.Mutex
	inHand := 0
	for i := range 300 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(40))*time.Millisecond)
			defer cancel()
			at := nth(rand.IntN(100))
			at.id = strconv.Itoa(i)
			mine := turns.take(ctx, k1, at)
			if mine {
				mu.Lock()
				inHand++
				if inHand != 1 {
					t.Error("two turns at once")
				}
				mu.Unlock()
			}
			left := !mine || rand.IntN(2) == 0
			if left {
				turns.postpone(k1, at)
			}
			if mine {
				mu.Lock()
				inHand--
				mu.Unlock()
				turns.give(k1)
			}
			if left {
				turns.recorded(k1, at)
			}
		})
	}
	all.Wait()
	g.Expect(turns.all).To(BeEmpty())
}
