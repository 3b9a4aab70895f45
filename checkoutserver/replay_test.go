package checkoutserver

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/signin"
	"github.com/kassa-dev/kassa/internal/storefront"
)

func TestSameKeySameAnswer(t *testing.T) {
	s := newShop(t, onlyStripe)
	first, second := s.buy("u1", "Idempotency-Key", "k1"), s.buy("u1", "Idempotency-Key", "k1")
	s.g.Expect(first.status).To(Equal(201))
	s.g.Expect(second.status).To(Equal(201))
	s.g.Expect(second.body).To(Equal(first.body))
	s.g.Expect(first.header.Get("Idempotent-Replayed")).To(BeEmpty())
	s.g.Expect(second.header.Get("Idempotent-Replayed")).To(Equal("true"))
	s.g.Expect(s.stripe.checkouts()).To(HaveLen(1))

	s.g.Expect(s.buy("u2", "Idempotency-Key", "k1").body).NotTo(Equal(first.body), "a key is its user's")
	s.g.Expect(s.buy("u1", "Idempotency-Key", "k2").body).NotTo(Equal(first.body))
	s.g.Expect(s.buy("u1").body).NotTo(Equal(first.body))
	// The same body in other words.
	r := s.as("u1", http.MethodPost, "/v1/checkouts", `{ "price":"monthly", "plan":"pro" }`, "Idempotency-Key", "k1")
	s.g.Expect(r.body).To(Equal(first.body))
}

// Users whom the app knows by their emails alone must not be given each other's answers.
func TestKeyIsItsUsersWithoutAnID(t *testing.T) {
	s := newShop(t, onlyStripe)
	ada := s.buy(",ada@example.com", "Idempotency-Key", "k1")
	s.g.Expect(ada.status).To(Equal(201))
	s.g.Expect(s.buy(",eve@example.com", "Idempotency-Key", "k1").body).NotTo(Equal(ada.body))
	s.g.Expect(s.buy(",Ada@example.com", "Idempotency-Key", "k1").body).To(Equal(ada.body))

	s.paddle.traits.NoUserID = true
	s.server.config.connections.open = map[string]opened{}
	s.resolve()
	sub := subscribed("sub_1", "")
	sub.Email = "ada@example.com"
	s.paddle.subs["sub_1"] = sub
	change := func(who string) reply {
		return s.as(who, http.MethodPatch, "/v1/subscriptions/paddle.sub_1", `{"plan":"pro","price":"yearly"}`,
			"Idempotency-Key", "k1")
	}
	s.g.Expect(change(",ada@example.com").status).To(Equal(200))
	s.g.Expect(change(",eve@example.com").status).To(Equal(404))
}

// Buyers whom nobody knows think of the same weak keys. Neither the server nor the provider takes them for one.
func TestKeyIsOfAnAddressWhereNobodyIsKnown(t *testing.T) {
	s := newShop(t, onlyStripe, anonymous, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
		e.Spec.RateLimit.TrustedProxies = new(int32(1))
	})
	from := func(address string) reply {
		return s.send(http.MethodPost, "/v1/checkouts", buyMonthly, "X-Forwarded-For", address, "Idempotency-Key", "1")
	}
	first := from("192.0.2.1")
	s.g.Expect(first.status).To(Equal(201))
	s.g.Expect(from("192.0.2.2").body).NotTo(Equal(first.body))
	s.g.Expect(from("192.0.2.1").body).To(Equal(first.body))
	opened := s.stripe.checkouts()
	s.g.Expect(opened).To(HaveLen(2))
	s.g.Expect(opened[0].IdempotencyKey).NotTo(Equal(opened[1].IdempotencyKey))
}

// An application's own server retries from whichever of its addresses.
func TestKeyOfAnApplicationIsOfNoAddress(t *testing.T) {
	s := newShop(t, onlyStripe, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
		e.Spec.RateLimit.TrustedProxies = new(int32(1))
	})
	first := s.buy("", "Idempotency-Key", "1", "X-Forwarded-For", "192.0.2.1")
	s.g.Expect(s.buy("", "Idempotency-Key", "1", "X-Forwarded-For", "192.0.2.2").body).To(Equal(first.body))
	// Two users who are known by their emails alone, and buy the same: no provider takes these addresses.
	gift := func(who string) reply {
		return s.as(who, http.MethodPost, "/v1/checkouts", buyMonthly, "Idempotency-Key", "1")
	}
	s.g.Expect(gift(",ada@[127.0.0.1]").body).NotTo(Equal(gift(",eve@[127.0.0.1]").body))
	opened := s.stripe.checkouts()
	s.g.Expect(opened).To(HaveLen(3))
	s.g.Expect(opened[1].IdempotencyKey).NotTo(Equal(opened[2].IdempotencyKey))
}

func TestSameKeyOtherBody(t *testing.T) {
	s := newShop(t, onlyStripe)
	s.buy("u1", "Idempotency-Key", "k1")
	r := s.as("u1", http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"yearly"}`, "Idempotency-Key", "k1")
	s.g.Expect(r.status).To(Equal(422))
	s.g.Expect(r.problem()).To(Equal("idempotency-key-reused"))
	s.g.Expect(s.stripe.checkouts()).To(HaveLen(1))
}

func TestStrangeKeysAreRefused(t *testing.T) {
	s := newShop(t)
	for _, key := range []string{"", strings.Repeat("k", 256), "a\tb", "kä"} {
		s.g.Expect(s.buy("u1", "Idempotency-Key", key).problem()).To(Equal("malformed"), key)
	}
}

// What did not go well may go well when it is sent again, with the same key at the provider.
func TestFailuresAreNotRemembered(t *testing.T) {
	s := newShop(t, onlyStripe)
	s.stripe.fail(failure(provider.ClassUnavailable))
	s.g.Expect(s.buy("u1", "Idempotency-Key", "k1").status).To(Equal(503))
	s.stripe.fail(nil)
	s.g.Expect(s.buy("u1", "Idempotency-Key", "k1").status).To(Equal(201))
}

// The provider's key is the same at every replica, and another one for each user, key, endpoint and content.
func TestProvidersKeys(t *testing.T) {
	g := NewWithT(t)
	keyOf := func(who, key, body string) string {
		s := newShop(t, onlyStripe)
		g.Expect(s.as(who, http.MethodPost, "/v1/checkouts", body, "Idempotency-Key", key).status).To(Equal(201))
		return s.stripe.checkouts()[0].IdempotencyKey
	}
	monthly, yearly := `{"plan":"pro","price":"monthly"}`, `{"plan":"pro","price":"yearly"}`
	one := keyOf("u1", "k1", monthly)
	g.Expect(keyOf("u1", "k1", monthly)).To(Equal(one))
	g.Expect(one).To(HaveLen(64))
	g.Expect([]string{one, keyOf("u2", "k1", monthly), keyOf("u1", "k2", monthly), keyOf("u1", "k1", yearly)}).
		To(HaveExactElements(one, Not(Equal(one)), Not(Equal(one)), Not(Equal(one))))
}

// Nothing but its end tells a purchase from the same one at another time, so that its key at the provider stays.
func TestPurchaseIsTheSameTomorrow(t *testing.T) {
	for _, life := range []time.Duration{30 * time.Minute, 8 * time.Hour, 20 * time.Hour, 24 * time.Hour} {
		s := newShop(t, onlyStripe, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
			e.Spec.Checkout = &v1alpha1.CheckoutOptions{ExpiresAfter: &metav1.Duration{Duration: life}}
		})
		cfg, _ := s.server.config.current()
		o, refused := cfg.order(&purchase{Plan: "pro", Price: "monthly"}, signin.User{ID: "u1"})
		s.g.Expect(refused).To(BeNil())
		o.key = "k1"
		start := time.Now()
		for _, after := range []time.Duration{0, 7 * time.Minute, 23 * time.Hour} {
			_, err := s.server.open(t.Context(), &call{cfg: cfg, now: start.Add(after)}, o, cfg.sites[0])
			s.g.Expect(err).NotTo(HaveOccurred())
		}
		first := s.stripe.checkouts()[0]
		for _, in := range s.stripe.checkouts() {
			if later := in.ExpiresAt.Sub(first.ExpiresAt); first.ExpiryStep > 0 {
				s.g.Expect(later%first.ExpiryStep).To(BeZero(), life.String())
			}
			in.ExpiresAt = first.ExpiresAt
			s.g.Expect(in).To(Equal(first), life.String())
		}
	}
}

// What has expired is opened again.
func TestExpiredAnswersAreNotRepeated(t *testing.T) {
	g := NewWithT(t)
	r, made := newReplays(), 0
	ask := func(after time.Duration) bool {
		_, again := r.do(digest{}, digest{}, noon.Add(after), func() *answer {
			made++
			return &answer{status: 201, until: noon.Add(after + time.Hour)}
		})
		return again
	}
	g.Expect([]bool{ask(0), ask(59 * time.Minute), ask(time.Hour), ask(time.Hour)}).
		To(Equal([]bool{false, true, false, true}))
	g.Expect(made).To(Equal(2))

	s := newShop(t, onlyStripe)
	cfg, _ := s.server.config.current()
	o, _ := cfg.order(&purchase{Plan: "pro", Price: "monthly"}, signin.User{ID: "u1"})
	o.sites, o.key = cfg.sites[:1], "k1"
	now := time.Now()
	a := s.server.sellTo(&call{cfg: cfg, now: now, r: httptest.NewRequest(http.MethodPost, "/", http.NoBody)}, o)
	g.Expect(a.until).To(BeTemporally("==", now.Add(24*time.Hour)))
}

// A replica that did not make the purchase learns from the provider that it was paid.
func TestPaidPurchaseIsNotOpenedAgain(t *testing.T) {
	s := newShop(t, onlyStripe)
	busy := &provider.Error{Class: provider.ClassConflict, Provider: billing.Stripe, Operation: "open checkout"}
	s.stripe.fail(busy)
	s.g.Expect(s.buy("u1", "Idempotency-Key", "k1").problem()).To(Equal("provider-unavailable"))
	paid := *busy
	paid.Err = provider.ErrPaid
	s.stripe.fail(&paid)
	r := s.buy("u1", "Idempotency-Key", "k1")
	s.g.Expect(r.status).To(Equal(http.StatusConflict))
	s.g.Expect(r.problem()).To(Equal("already-paid"))
}

func TestConcurrentRequestsOfOneKeyAreOne(t *testing.T) {
	s := newShop(t, onlyStripe)
	s.stripe.hold = make(chan struct{})
	var wg sync.WaitGroup
	bodies := make([]string, 8)
	for i := range bodies {
		wg.Go(func() { bodies[i] = s.buy("u1", "Idempotency-Key", "k1").body })
	}
	close(s.stripe.hold)
	wg.Wait()
	for _, b := range bodies {
		s.g.Expect(b).To(Equal(bodies[0]))
	}
	s.g.Expect(s.stripe.checkouts()).To(HaveLen(1))
}

func TestReplaysAreBounded(t *testing.T) {
	g := NewWithT(t)
	r, now := newReplays(), time.Now()
	work := func() *answer { return &answer{status: 201} }
	for i := range maxReplays + 10 {
		r.do(digestOf(strconv.Itoa(i)), digest{}, now, work)
	}
	g.Expect(r.known.Len()).To(Equal(maxReplays))
	_, again := r.do(digestOf(strconv.Itoa(maxReplays)), digest{}, now, work)
	g.Expect(again).To(BeTrue())
	_, again = r.do(digestOf(strconv.Itoa(maxReplays)), digest{}, now.Add(replayFor), work)
	g.Expect(again).To(BeFalse(), "an old one is forgotten")
}
