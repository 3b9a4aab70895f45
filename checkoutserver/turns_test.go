package checkoutserver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/time/rate"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// pass lets time go by on the clock of a bubble.
func pass(d time.Duration) { <-time.After(d) }

// narrow makes an account one that admits a request a second, of which a list and a purchase take three.
func (a *account) narrow() {
	bucket := rate.NewLimiter(1, 4)
	a.admit = func(ctx context.Context) error {
		for range 3 {
			if err := bucket.Wait(ctx); err != nil {
				return &provider.Error{Class: provider.ClassUnavailable, Provider: a.kind, Operation: "wait", Err: err}
			}
			pass(50 * time.Millisecond)
		}
		return nil
	}
}

// besiege lets one user send as many requests as the default limits admit, while others buy now and then, and tells
// what became of the others. The clock is not the real one.
func besiege(t *testing.T, attack func(s *shop)) (bought, missed int) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, func(e *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
			e.Spec.RateLimit = nil
			doc.Providers[0].Weight, doc.Providers[1].Weight = 0, 1
		})
		s.paddle.narrow()
		end := time.Now().Add(time.Minute)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for time.Now().Before(end) {
					attack(s)
					pass(900 * time.Millisecond)
				}
			})
		}
		pass(6 * time.Second)
		for i := 0; time.Now().Before(end); i++ {
			if s.buy(fmt.Sprintf("buyer-%d", i)).status == http.StatusCreated {
				bought++
			} else {
				missed++
			}
			pass(time.Second)
		}
		wg.Wait()
	})
	return bought, missed
}

func TestAUserWhoListsAllTheTimeStopsNobody(t *testing.T) {
	bought, missed := besiege(t, func(s *shop) { s.as("attacker,a@example.com", http.MethodGet, "/v1/subscriptions", "") })
	NewWithT(t).Expect([]int{bought, missed}).To(HaveExactElements(BeNumerically(">", 6), 0))
}

func TestAUserWhoBuysAllTheTimeStopsNobody(t *testing.T) {
	bought, missed := besiege(t, func(s *shop) { s.buy("attacker,a@example.com") })
	NewWithT(t).Expect([]int{bought, missed}).To(HaveExactElements(BeNumerically(">", 6), 0))
}

// A page that is loaded again is told what it was told, until the user changes something or a few seconds are over.
func TestListsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
		list := func(who string) int {
			var out listed
			s.as(who, http.MethodGet, "/v1/subscriptions", "").into(&out)
			return len(out.Subscriptions)
		}
		s.g.Expect(list("u1")).To(Equal(1))
		s.stripe.subs["sub_2"] = subscribed("sub_2", "u1")
		s.g.Expect(list("u1")).To(Equal(1))
		s.g.Expect(list("u2")).To(Equal(0), "another user")
		r := s.as("u1", http.MethodPost, "/v1/subscriptions/stripe.sub_1/cancel", "")
		s.g.Expect(r.status).To(Equal(200))
		s.g.Expect(list("u1")).To(Equal(2), "something was changed")
		delete(s.stripe.subs, "sub_2")
		pass(listedFor + time.Second)
		s.g.Expect(list("u1")).To(Equal(1))
		s.stripe.fail(failure(provider.ClassUnavailable))
		pass(listedFor + time.Second)
		s.g.Expect(s.as("u1", http.MethodGet, "/v1/subscriptions", "").status).To(Equal(503))
		s.stripe.fail(nil)
		s.g.Expect(list("u1")).To(Equal(1), "what could not be told is asked for again")
	})
}

// Each purchase is asked for when the one before it is answered, and who waits too long is told so.
func TestPurchasesOfOneUserDoNotMeet(t *testing.T) {
	s := newShop(t, onlyStripe)
	s.stripe.hold = make(chan struct{})
	first := make(chan reply, 1)
	go func() { first <- s.buy("u1") }()
	s.g.Eventually(func() int { return len(s.server.turns.held()) }).Should(Equal(1))
	r := s.buy("u1")
	s.g.Expect(r.status).To(Equal(429))
	s.g.Expect(r.header.Get("Retry-After")).To(Equal("1"))
	s.stripe.hold <- struct{}{}
	s.g.Expect((<-first).status).To(Equal(201))
	close(s.stripe.hold)
	s.g.Expect(s.buy("u1").status).To(Equal(201))
	s.g.Expect(s.server.turns.held()).To(BeEmpty(), "nothing is kept of who is gone")
}

func (t *turns) held() (out []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for who := range t.users {
		out = append(out, who.ID)
	}
	return out
}

func TestAPurchaseCountsAsSeveralRequests(t *testing.T) {
	g := NewWithT(t)
	l := newLimiter(60, 10)
	for range 3 {
		ok, _ := l.take("a", noon, costChange)
		g.Expect(ok).To(BeTrue())
	}
	ok, after := l.take("a", noon, costChange)
	g.Expect(ok).To(BeFalse())
	g.Expect(after).To(Equal(2 * time.Second))
	g.Expect(admitted(l, "a", 5, noon)).To(Equal(1), "a read is cheaper")
	ok, _ = newLimiter(60, 1).take("a", noon, costChange)
	g.Expect(ok).To(BeTrue(), "who may have fewer at once pays all of them")
}
