package checkoutserver

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// mostlyStripe makes Stripe the first choice of everybody, for all that chance can do.
func mostlyStripe(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
	doc.Providers[0].Weight, doc.Providers[1].Weight = 1<<30, 1
}

func withoutFailover(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
	e.Spec.Failover = v1alpha1.FailoverDisabled
}

func TestFailover(t *testing.T) {
	for _, c := range []struct {
		class    provider.Class
		failover v1alpha1.ProviderFailover
		want     int
	}{
		{provider.ClassUnavailable, "", 201},
		{provider.ClassCredentials, v1alpha1.FailoverEnabled, 201},
		{provider.ClassUnavailable, v1alpha1.FailoverDisabled, 503},
		{provider.ClassCredentials, v1alpha1.FailoverDisabled, 503},
		{provider.ClassRateLimited, "", 201},
		{provider.ClassRateLimited, v1alpha1.FailoverDisabled, 503},
		{provider.ClassTerminal, "", 502},
		{provider.ClassConflict, "", 503},
	} {
		s := newShop(t, mostlyStripe, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
			e.Spec.Failover = c.failover
		})
		s.stripe.fail(failure(c.class))
		r := s.buy("user-1")
		s.g.Expect(r.status).To(Equal(c.want), "%s %s: %s", c.class, c.failover, r.body)
		if c.want == 201 {
			s.g.Expect(s.paddle.checkouts()).To(HaveLen(1))
		} else {
			s.g.Expect(s.paddle.checkouts()).To(BeEmpty())
		}
		if c.want == 503 {
			s.g.Expect(r.header.Get("Retry-After")).To(Equal("7"))
		}
	}
}

// A provider that was silent is the last choice for a while, so that not every buyer waits for it.
func TestSilentProviderRests(t *testing.T) {
	s := newShop(t, mostlyStripe)
	s.stripe.fail(failure(provider.ClassUnavailable))
	s.g.Expect(s.buy("user-1").status).To(Equal(201))
	s.stripe.fail(nil)
	s.g.Expect(s.buy("user-1").status).To(Equal(201))
	s.g.Expect(s.paddle.checkouts()).To(HaveLen(2))
	sites := s.settings().sites
	s.g.Expect(s.server.resting.last(sites, time.Now().Add(restTime))).To(Equal(sites), "not for ever")
}

// A provider that refuses the key is the last choice for longer, until there is another key. Who can buy nowhere else
// has it asked all the same.
func TestProviderThatRefusesTheKeyRests(t *testing.T) {
	s := newShop(t, mostlyStripe)
	s.stripe.fail(keyRefused())
	s.g.Expect(s.buy("user-1").status).To(Equal(201))
	sites := s.settings().sites
	g, resting, now := s.g, &s.server.resting, time.Now()
	behind := []*site{sites[1], sites[0]}
	g.Expect(resting.last(sites, now.Add(refusedTime-time.Second))).To(Equal(behind))
	g.Expect(resting.last(sites, now.Add(refusedTime))).To(Equal(sites), "not for ever")
	g.Expect(resting.last(sites[:1], now)).To(Equal(sites[:1]))

	for name, secret := range s.server.config.secrets {
		if name.Name == "stripe-key" {
			secret.data = map[string][]byte{"apiKey": []byte("key-stripe/2")}
		}
	}
	s.resolve()
	rotated := s.settings().sites
	g.Expect(resting.last(rotated, now)).To(Equal(rotated))
	resting.fails(sites[0], keyRefused(), now) // a request that was on its way
	g.Expect(resting.last(rotated, now)).To(Equal(rotated))
}

func keyRefused() error {
	e := failure(provider.ClassCredentials)
	e.Status = http.StatusUnauthorized
	return e
}

// What the key may not do for one purchase moves that one, and no other buyer.
func TestProviderThatRefusesOnePurchaseDoesNotRest(t *testing.T) {
	s := newShop(t, mostlyStripe)
	forbidden := failure(provider.ClassCredentials)
	forbidden.Status = http.StatusForbidden
	s.stripe.fail(forbidden)
	s.g.Expect(s.buy("user-1").status).To(Equal(201))
	s.g.Expect(s.paddle.checkouts()).To(HaveLen(1))
	s.stripe.fail(nil)
	s.g.Expect(s.buy("user-2").status).To(Equal(201))
	s.g.Expect(s.stripe.checkouts()).To(HaveLen(1))
}

// A limit of requests that is used up moves the buyers that it keeps back, and no others.
func TestProviderThatIsAskedTooOftenDoesNotRest(t *testing.T) {
	s := newShop(t, mostlyStripe)
	s.stripe.fail(failure(provider.ClassRateLimited))
	s.g.Expect(s.buy("user-1").status).To(Equal(201))
	s.g.Expect(s.paddle.checkouts()).To(HaveLen(1))
	s.stripe.fail(nil)
	s.g.Expect(s.buy("user-1").status).To(Equal(201))
	s.g.Expect(s.stripe.checkouts()).To(HaveLen(1))
}

// Without failover nobody comes to another provider, however often somebody tries, and whatever keeps the first choice
// from selling.
func TestNobodyMovesWithoutFailover(t *testing.T) {
	for name, edit := range map[string]func(*shop){
		"silent":  func(s *shop) { s.stripe.fail(failure(provider.ClassUnavailable)) },
		"refused": func(s *shop) { s.stripe.fail(failure(provider.ClassCredentials)) },
		"limited": func(s *shop) { s.stripe.fail(failure(provider.ClassRateLimited)) },
		"not ready": func(s *shop) {
			s.server.config.doc.Providers[0].Ready = false
			s.resolve()
		},
		"no Secret": func(s *shop) {
			for n, secret := range s.server.config.secrets {
				if n.Name == "stripe-key" {
					secret.data, secret.why = nil, "does not exist"
				}
			}
			s.resolve()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, mostlyStripe, withoutFailover)
			edit(s)
			for range 3 {
				r := s.buy("user-1")
				s.g.Expect(r.problem()).To(Equal("provider-unavailable"))
				s.g.Expect(r.header.Get("Retry-After")).NotTo(BeEmpty())
			}
			s.g.Expect(s.paddle.checkouts()).To(BeEmpty())
			s.g.Expect(s.server.resting.until).To(BeEmpty())

			s = newShop(t, mostlyStripe, withoutFailover, anonymous, priced)
			edit(s)
			cookies := s.browser(http.MethodGet, "/", "").Result().Cookies()
			form := url.Values{"plan": {"pro"}, "price": {"monthly"}, "currency": {"USD"}, "token": {cookies[0].Value}}
			for range 3 {
				s.g.Expect(s.browser(http.MethodPost, "/buy", form.Encode(), cookies...).Code).To(Equal(503))
			}
			s.g.Expect(s.paddle.checkouts()).To(BeEmpty())
		})
	}
}

// Users of other providers are not concerned.
func TestOthersBuyWithoutFailover(t *testing.T) {
	s := newShop(t, withoutFailover, func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
		doc.Providers[0].Weight, doc.Providers[1].Weight = 1, 1
		doc.Providers[0].Ready = false
	})
	answers := map[int]int{}
	for i := range 100 {
		answers[s.buy("user-"+strconv.Itoa(i)).status]++
	}
	s.g.Expect(answers).To(HaveKeyWithValue(201, BeNumerically("~", 50, 25)))
	s.g.Expect(answers).To(HaveKeyWithValue(503, BeNumerically("~", 50, 25)))
	s.g.Expect(s.stripe.checkouts()).To(BeEmpty())
}

// A user who is known by an email alone has one provider, however the email is written, and whatever else is sent.
func TestUsersWithoutAnIDStayAtTheirProvider(t *testing.T) {
	s := newShop(t, func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
		doc.Providers[0].Weight, doc.Providers[1].Weight = 1, 1
	})
	at := map[billing.Provider]int{}
	for user := range 20 {
		seen := map[string]bool{}
		for i := range 6 {
			n, body, header := strconv.Itoa(user), buyMonthly, []string{}
			if i%2 > 0 {
				header = []string{"Idempotency-Key", strconv.Itoa(i)}
			}
			if i > 2 {
				body = `{"plan":"pro","price":"monthly","email":"ADA` + n + `@example.com"}`
			}
			who := []string{",ada" + n + "@example.com", ",Ada" + n + "@Example.com"}[i/2%2]
			r := s.as(who, http.MethodPost, "/v1/checkouts", body, header...)
			var got checkout
			r.into(&got)
			seen[got.Provider] = true
			at[billing.Provider(got.Provider)]++
		}
		s.g.Expect(seen).To(HaveLen(1))
	}
	s.g.Expect(at).To(HaveLen(2), "others are shared out")
}

// Whom nobody vouches for is the address that is typed, whichever key comes with it.
func TestTypedEmailDecidesBeforeTheKey(t *testing.T) {
	s := newShop(t, anonymous, func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
		doc.Providers[0].Weight, doc.Providers[1].Weight = 1, 1
	})
	at := map[string]bool{}
	for i := range 30 {
		email := []string{"ada@example.com", "ADA@example.com"}[i%2]
		var got checkout
		s.send(http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"monthly","email":"`+email+`"}`,
			"Idempotency-Key", strconv.Itoa(i)).into(&got)
		at[got.Provider] = true
	}
	s.g.Expect(at).To(HaveLen(1))
}
