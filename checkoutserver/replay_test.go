package checkoutserver

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/provider"
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
	g.Eventually(func() string { return keyOf("u1", "k1", monthly) }, time.Second).Should(Equal(one))
	g.Expect(one).To(HaveLen(64))
	g.Expect([]string{one, keyOf("u2", "k1", monthly), keyOf("u1", "k2", monthly), keyOf("u1", "k1", yearly)}).
		To(HaveExactElements(one, Not(Equal(one)), Not(Equal(one)), Not(Equal(one))))
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
