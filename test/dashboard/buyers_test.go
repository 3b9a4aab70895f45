package dashboard_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
	"github.com/kassa-dev/kassa/test/stack"
)

const (
	goodCard    = "4242424242424242"
	failingCard = "4000000000000341" // pays at the checkout, and fails at every renewal
)

// badCards are refused at the checkout.
var badCards = []string{"4000000000000002", "4000000000009995", "4000000000000069", "4000000000000127"}

// buyers come, and pay, leave, cancel and renew, by chance.
type buyers struct {
	*shop

	caller *stack.Receiver // reaches Services

	mu      sync.Mutex
	dice    *rand.Rand
	good    []string // subscriptions at Stripe that renew
	failing []bad

	visitors, refused atomic.Int64
}

// bad is a subscription whose card fails when it is charged again.
type bad struct {
	user, id string
	failed   int
}

func newBuyers(s *shop) *buyers {
	return &buyers{shop: s, caller: s.Receiver("stripe"), dice: rand.New(rand.NewPCG(2026, 11))}
}

// chance is whether something of that probability happens.
func (b *buyers) chance(p float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dice.Float64() < p
}

func (b *buyers) pick(of int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dice.IntN(of)
}

// perSecond is how many visitors come in a second of the run, by the hour: few at night, most in the evening.
func perSecond(hour float64) float64 {
	bump := func(at, width float64) float64 { return math.Exp(-(hour - at) * (hour - at) / (width * width)) }
	return 0.5 + 1.8*bump(11, 3.5) + 2.4*bump(19.5, 2.6)
}

// live lets visitors come until the run ends.
func (b *buyers) live(now func() time.Time, done <-chan struct{}) {
	const tick, together = 100 * time.Millisecond, 12
	var due float64
	var visits sync.WaitGroup
	places := make(chan struct{}, together)
	defer visits.Wait()
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-clock.C:
		}
		at := now()
		due += perSecond(float64(at.Hour())+float64(at.Minute())/60) * tick.Seconds()
		for ; due >= 1; due-- {
			visits.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				b.visit(fmt.Sprintf("user-%d", b.visitors.Add(1)))
			})
		}
		if n%7 == 0 {
			visits.Go(b.renew)
		}
	}
}

type opened struct{ ID, URL, Provider string }

// visit is one visitor's.
func (b *buyers) visit(user string) {
	if b.chance(0.3) {
		b.ask(user, http.MethodGet, "/v1/plans", nil, nil)
	}
	item := map[string]string{"plan": "pro", "price": "monthly"}
	switch {
	case b.chance(0.2):
		item["price"] = "yearly"
	case b.chance(0.25):
		item = map[string]string{"plan": "lifetime", "price": "once"}
	}
	var at opened
	if !b.ask(user, http.MethodPost, "/v1/checkouts", item, &at) {
		b.refused.Add(1)
		return
	}
	if b.chance(0.3) { // leaves
		if at.Provider == "Stripe" && b.chance(0.4) {
			_, err := b.Sandbox.Stripe().Account(b.APIKey()).Emit("checkout.session.expired", nil, nil)
			b.g.Expect(err).NotTo(HaveOccurred())
		}
		return
	}
	card := goodCard
	if b.chance(0.08) {
		b.pay(at, user, badCards[b.pick(len(badCards))])
		if b.chance(0.4) {
			return
		}
	} else if b.chance(0.12) {
		card = failingCard
	}
	if b.pay(at, user, card) && item["plan"] == "pro" {
		b.subscribed(user, card)
	}
}

// pay fills in the provider's page.
func (b *buyers) pay(at opened, user, card string) bool {
	page := at.URL
	if at.Provider == "Paddle" {
		page = b.SandboxURL + "/paddle-checkout/" + at.ID
	}
	return b.card(page, user, card)
}

// card gives a card to a page of the provider, and says whether that took it.
func (b *buyers) card(page, user, number string) bool {
	fields := url.Values{
		"number": {number}, "exp": {"12/40"}, "cvc": {"123"}, "email": {user + "@example.com"}, "action": {"card"},
	}
	req, err := http.NewRequestWithContext(b.T.Context(), http.MethodPost, page, strings.NewReader(fields.Encode()))
	b.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	answer, err := b.caller.Do(req)
	return err == nil && answer.Status < http.StatusBadRequest
}

// subscribed is what a user does with a subscription.
func (b *buyers) subscribed(user, card string) {
	if card != failingCard && !b.chance(0.3) {
		return
	}
	var mine struct {
		Subscriptions []struct{ ID, Provider string }
	}
	if !b.ask(user, http.MethodGet, "/v1/subscriptions", nil, &mine) || len(mine.Subscriptions) == 0 {
		return
	}
	sub := mine.Subscriptions[0]
	id := sub.ID[strings.LastIndex(sub.ID, ".")+1:]
	if card == failingCard {
		if sub.Provider == "Stripe" {
			b.mu.Lock()
			b.failing = append(b.failing, bad{user: user, id: id})
			b.mu.Unlock()
		}
		return
	}
	switch {
	case b.chance(0.3):
		b.ask(user, http.MethodPost, "/v1/subscriptions/"+sub.ID+"/cancel", struct{}{}, nil)
		if b.chance(0.4) {
			b.ask(user, http.MethodPost, "/v1/subscriptions/"+sub.ID+"/resume", struct{}{}, nil)
		}
	case b.chance(0.1): // somebody else's
		b.ask("eve", http.MethodPost, "/v1/subscriptions/"+sub.ID+"/cancel", struct{}{}, nil)
	case b.chance(0.2):
		b.ask(user, http.MethodPost, "/v1/portal", struct{}{}, nil)
	case sub.Provider == "Stripe":
		b.mu.Lock()
		b.good = append(b.good, id)
		b.mu.Unlock()
	}
}

// renew charges one of the subscriptions again. Of those that fail, some customers give another card.
func (b *buyers) renew() {
	b.mu.Lock()
	account, next := b.Sandbox.Stripe().Account(b.APIKey()), bad{}
	switch {
	case len(b.failing) > 0 && b.dice.Float64() < 0.5:
		next, b.failing = b.failing[0], b.failing[1:]
	case len(b.good) > 0:
		_ = account.Renew(b.good[b.dice.IntN(len(b.good))]) // one that has ended is refused
	}
	b.mu.Unlock()
	if next.id == "" {
		return
	}
	err := account.Renew(next.id)
	b.g.Expect(errors.Is(err, stripe.ErrNotFound)).To(BeFalse(), next.id)
	if err != nil { // it has ended
		return
	}
	next.failed++
	if next.failed == 2 && b.chance(0.4) { // Stripe counts its own attempts alone: after one, nothing has recovered
		var portal opened
		if b.ask(next.user, http.MethodPost, "/v1/portal", struct{}{}, &portal) {
			b.card(portal.URL, next.user, goodCard)
		}
		return
	}
	if next.failed < 3 {
		b.mu.Lock()
		b.failing = append(b.failing, next)
		b.mu.Unlock()
	}
}

// ask is a request of the application's server for a user. It says whether the shop did what was asked.
func (b *buyers) ask(user, method, path string, in, into any) bool {
	var body []byte
	if in != nil {
		var err error
		body, err = json.Marshal(in)
		b.g.Expect(err).NotTo(HaveOccurred())
	}
	req, err := http.NewRequestWithContext(b.T.Context(), method, b.checkout.URL()+path, bytes.NewReader(body))
	b.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+shopToken)
	req.Header.Set("Kassa-User-Id", user)
	req.Header.Set("Content-Type", "application/json")
	answer, err := b.caller.Do(req)
	if err != nil || answer.Status >= http.StatusBadRequest {
		return false
	}
	return into == nil || json.Unmarshal([]byte(answer.Body), into) == nil
}
