package checkoutserver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

const buyMonthly = `{"plan":"pro","price":"monthly"}`

func anonymous(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
	e.Spec.Auth = v1alpha1.CheckoutAuth{Anonymous: &v1alpha1.AnonymousAuth{}}
	e.Spec.Subscriptions, e.Spec.CustomerPortal = nil, nil
}

func TestWhoIsAdmitted(t *testing.T) {
	s := newShop(t)
	for _, token := range []string{"", "Bearer", "Bearer wrong", "Basic " + testToken, "Bearer " + testToken + "x"} {
		r := s.send(http.MethodPost, "/v1/checkouts", buyMonthly, "Authorization", token, "Kassa-User-Id", "u1")
		s.g.Expect(r.status).To(Equal(401), token)
		s.g.Expect(r.header.Get("WWW-Authenticate")).To(Equal("Bearer"))
		s.g.Expect(r.body).NotTo(ContainSubstring("wrong"))
	}
	s.g.Expect(s.stripe.checkouts()).To(BeEmpty())
	s.g.Expect(s.buy("").status).To(Equal(201), "the app may sell to nobody it knows")
	for _, path := range []string{
		"GET /v1/subscriptions", "POST /v1/subscriptions/stripe.sub_1/cancel", "POST /v1/portal",
	} {
		method, path, _ := strings.Cut(path, " ")
		s.g.Expect(s.as("", method, path, "").problem()).To(Equal("user-required"), path)
	}
}

func TestAnonymousBuyersHaveNoSubscriptions(t *testing.T) {
	s := newShop(t, onlyStripe, anonymous)
	s.g.Expect(s.send(http.MethodPost, "/v1/checkouts", buyMonthly, "Kassa-User-Id", "u1").status).To(Equal(201))
	s.g.Expect(s.stripe.checkouts()[0].UserID).To(BeEmpty(), "nobody vouches for it")
	for _, path := range []string{
		"GET /v1/subscriptions", "POST /v1/subscriptions/stripe.sub_1/cancel", "POST /v1/subscriptions/stripe.sub_1/resume",
		"PATCH /v1/subscriptions/stripe.sub_1", "POST /v1/portal",
	} {
		method, path, _ := strings.Cut(path, " ")
		s.g.Expect(s.send(method, path, "", "Kassa-User-Id", "u1").problem()).To(Equal("not-offered"), path)
	}
}

// Whoever repeats a purchase without an account comes to the same provider.
func TestAnonymousBuyersStayWhileTheyTry(t *testing.T) {
	s := newShop(t, anonymous, func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
		doc.Providers[0].Weight, doc.Providers[1].Weight = 1, 1
	})
	at := map[string]bool{}
	for range 30 {
		body := `{"plan":"pro","price":"monthly","email":"ada@example.com"}`
		var got checkout
		s.send(http.MethodPost, "/v1/checkouts", body).into(&got)
		at[got.Provider] = true
	}
	s.g.Expect(at).To(HaveLen(1))
	for range 60 {
		var got checkout
		s.send(http.MethodPost, "/v1/checkouts", buyMonthly).into(&got)
		at[got.Provider] = true
	}
	s.g.Expect(at).To(HaveLen(2), "others are shared out")
}

func TestPlansAreForEverybody(t *testing.T) {
	s := newShop(t)
	r := s.send(http.MethodGet, "/v1/plans", "")
	s.g.Expect(r.status).To(Equal(200))
	var out struct{ Plans []plan }
	r.into(&out)
	s.g.Expect(out.Plans).To(HaveLen(1))
	s.g.Expect(out.Plans[0].Prices).To(HaveLen(4))
	s.g.Expect(out.Plans[0].Prices[0].Amounts[0].Minor).To(Equal(int64(2900)))
	s.g.Expect(out.Plans[0].Prices[0].TrialDays).To(Equal(14))
	for _, inner := range []string{"price_monthly", "prod_1", "acct_1", "uid-pro", "cluster-1", "stripe"} {
		s.g.Expect(r.body).NotTo(ContainSubstring(inner))
	}
}

func TestPlansHaveTheirTiers(t *testing.T) {
	s := newShop(t, func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
		doc.Plans[0].Prices[1].Amounts, doc.Plans[0].Prices[1].Tiers = nil, &storefront.Tiers{
			Mode: billing.TiersGraduated, Tiers: []storefront.Tier{
				{UpTo: 10, Amounts: []storefront.TierAmount{
					{Currency: "USD", Unit: 500, Flat: 2000}, {Currency: "JPY", Unit: 700},
				}},
				{Amounts: []storefront.TierAmount{{Currency: "USD", Unit: 400}, {Currency: "JPY", Unit: 600}}},
			},
		}
	})
	r := s.send(http.MethodGet, "/v1/plans", "")
	s.g.Expect(r.body).To(ContainSubstring(`"tiers":{"mode":"Graduated","tiers":[` +
		`{"upTo":10,"amounts":[{"currency":"USD","unit":500,"flat":2000},{"currency":"JPY","unit":700,"flat":0}]},` +
		`{"amounts":[{"currency":"USD","unit":400,"flat":0},{"currency":"JPY","unit":600,"flat":0}]}]}`))
	for currency, want := range map[string]string{"JPY": "", "USD": "", "EUR": "not-for-sale"} {
		r := s.as("u1", http.MethodPost, "/v1/checkouts", `{"plan":"pro","price":"yearly","currency":"`+currency+`"}`)
		s.g.Expect(r.problem()).To(Equal(want), currency)
	}
}

// A plan does not come and go with its providers; what nobody can buy until somebody acts says so.
func TestPlansThatNobodySells(t *testing.T) {
	plans := func(s *shop) (unavailable []bool) {
		var out struct{ Plans []plan }
		s.send(http.MethodGet, "/v1/plans", "").into(&out)
		s.g.Expect(out.Plans).To(HaveLen(1))
		for _, p := range out.Plans[0].Prices {
			unavailable = append(unavailable, p.Unavailable)
		}
		return unavailable
	}
	s := newShop(t)
	s.g.Expect(plans(s)).To(Equal([]bool{false, false, false, false}))
	s.server.config.doc.Providers[0].Ready = false
	s.resolve()
	s.g.Expect(plans(s)).To(Equal([]bool{false, false, true, false}), "usage is sold at Stripe alone")
	s.server.config.doc.Providers[1].Weight = 0
	s.resolve()
	s.g.Expect(plans(s)).To(Equal([]bool{true, true, true, true}))

	s = newShop(t, onlyStripe)
	s.stripe.fail(failure(provider.ClassUnavailable))
	s.g.Expect(s.buy("u1").status).To(Equal(503))
	s.g.Expect(plans(s)).To(Equal([]bool{false, false, false, false}), "it may be back at once")
}

func TestNothingElseIsThere(t *testing.T) {
	s := newShop(t)
	for _, path := range []string{
		"/", "/v1", "/v1/", "/v1/checkout", "/v1/plans/", "/metrics", "/readyz", "//v1/plans", "/v1/../v1/plans", "/V1/plans",
		"/v1/subscriptions/", "/v1/subscriptions/a.b/delete",
	} {
		s.g.Expect(s.as("u1", http.MethodGet, path, "").problem()).To(Equal("not-found"), path)
	}
	r := s.as("u1", http.MethodDelete, "/v1/subscriptions/stripe.sub_1", "")
	s.g.Expect(r.status).To(Equal(405))
	s.g.Expect(r.header.Get("Allow")).To(Equal("PATCH"))
	s.g.Expect(s.as("u1", http.MethodGet, "/v1/checkouts", "").status).To(Equal(405))
}

func TestServerBelowAPath(t *testing.T) {
	s := newShop(t, onlyStripe, func(e *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
		e.Spec.URL = "https://example.com/pay/"
		doc.Providers[1].Weight = 0
	})
	r := s.as("u1", http.MethodPost, "/v1/checkouts", buyMonthly)
	s.g.Expect(r.status).To(Equal(404))
	s.g.Expect(s.as("u1", http.MethodPost, "/payments/v1/checkouts", buyMonthly).status).To(Equal(404))
	s.g.Expect(s.as("u1", http.MethodPost, "/pay/v1/checkouts", buyMonthly).status).To(Equal(201))
	s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
	s.g.Expect(s.as("u1", http.MethodPost, "/pay/v1/subscriptions/stripe.sub_1/cancel", "").status).To(Equal(200))
}

func TestPlainHTTPIsRefused(t *testing.T) {
	s := newShop(t)
	r := s.buy("u1", "X-Forwarded-Proto", "http")
	s.g.Expect(r.problem()).To(Equal("plain-http"))
	s.g.Expect(r.header.Get("Connection")).To(Equal("close"))
	s.g.Expect(s.buy("u1").status).To(Equal(201))
	s = newShop(t, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
		e.Spec.HTTPSPolicy = v1alpha1.HTTPSRequireProof
	})
	s.g.Expect(s.buy("u1").problem()).To(Equal("no-proof-of-https"))
	s.g.Expect(s.buy("u1", "X-Forwarded-Proto", "https").status).To(Equal(201))
}

func TestClientsAreBounded(t *testing.T) {
	s := newShop(t, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
		e.Spec.RateLimit = &v1alpha1.ClientRateLimit{RequestsPerMinute: 1, Burst: 3 * costChange}
	})
	for range 3 {
		s.g.Expect(s.buy("u1").status).To(Equal(201))
	}
	r := s.buy("u1")
	s.g.Expect(r.problem()).To(Equal("too-many-requests"))
	s.g.Expect(s.buy("u2").status).To(Equal(201), "another user")
	// Who guesses tokens is bounded too, and a new spec that leaves the limit alone forgives nothing.
	for range 3 * costChange {
		s.g.Expect(s.send(http.MethodPost, "/v1/checkouts", buyMonthly, "Authorization", "Bearer x").status).To(Equal(401))
	}
	s.resolve()
	s.g.Expect(s.send(http.MethodPost, "/v1/checkouts", buyMonthly, "Authorization", "Bearer x").status).To(Equal(429))
	s.g.Expect(s.buy("u1").status).To(Equal(429))
}

func TestPagesOfAllowedOriginsMayCall(t *testing.T) {
	s := newShop(t)
	r := s.send(http.MethodOptions, "/v1/checkouts", "", "Origin", "https://app.example.com",
		"Access-Control-Request-Method", "POST")
	s.g.Expect(r.status).To(Equal(204))
	s.g.Expect(r.header.Get("Access-Control-Allow-Origin")).To(Equal("https://app.example.com"))
	s.g.Expect(s.buy("u1", "Origin", "https://app.example.com").header.Get("Access-Control-Allow-Origin")).
		To(Equal("https://app.example.com"))
}

// What is refused of a foreign page is a problem like any other, also in the metrics.
func TestPagesOfOtherOriginsMayNot(t *testing.T) {
	s := newShop(t)
	const evil = "https://evil.example.com"
	r := s.buy("u1", "Origin", evil)
	s.g.Expect(r.status).To(Equal(403))
	s.g.Expect(r.problem()).To(Equal("foreign-origin"))
	s.g.Expect(r.body).NotTo(ContainSubstring("evil"))
	r = s.send(http.MethodOptions, "/v1/checkouts", "", "Origin", evil, "Access-Control-Request-Method", "POST")
	s.g.Expect(r.problem()).To(Equal("foreign-origin"))
	s.g.Expect(r.header).NotTo(HaveKey("Access-Control-Allow-Origin"))
	counted := func(result string) float64 {
		return testutil.ToFloat64(s.server.metrics.requests.WithLabelValues("/v1/checkouts", result))
	}
	s.g.Expect(counted("foreign-origin")).To(Equal(2.0))
	s.g.Expect(counted("preflight")).To(BeZero())
	s.g.Expect(s.stripe.checkouts()).To(BeEmpty())
	s.g.Expect(s.paddle.checkouts()).To(BeEmpty())
}

func TestTooManyAtOnceAreRefused(t *testing.T) {
	s := newShop(t)
	s.server.inFlight.Store(maxInFlight)
	s.g.Expect(s.buy("u1").problem()).To(Equal("overloaded"))
	s.server.inFlight.Store(0)
	s.g.Expect(s.buy("u1").status).To(Equal(201))
	s.g.Expect(s.server.inFlight.Load()).To(BeZero())
}

// Labels have no names of objects, no ids and nothing of a customer.
func TestMetrics(t *testing.T) {
	s := newShop(t, onlyStripe)
	s.as("user-7,ada@example.com", http.MethodPost, "/v1/checkouts", buyMonthly)
	s.as("user-7", http.MethodPost, "/v1/subscriptions/stripe.sub_9/cancel", "")
	families, err := s.server.metrics.registry.Gather()
	s.g.Expect(err).NotTo(HaveOccurred())
	all := fmt.Sprint(families)
	s.g.Expect(all).To(ContainSubstring("kassa_checkout_checkouts_total"))
	s.g.Expect(all).To(ContainSubstring(`value:"created"`))
	s.g.Expect(all).To(ContainSubstring("/v1/subscriptions/{id}/cancel"))
	for _, personal := range []string{"user-7", "ada@", "sub_9", `"shop`, `"stripe"`, "monthly"} {
		s.g.Expect(all).NotTo(ContainSubstring(personal))
	}
}

// Whatever is answered below an https URL says that there is nothing but https.
func TestEveryAnswerHasHSTS(t *testing.T) {
	secure := newShop(t)
	plain := newShop(t, func(e *v1alpha1.CheckoutEndpoint, _ *storefront.Document) {
		e.Spec.URL, e.Spec.AllowInsecureHTTP = "http://localhost:8080", true
	})
	for _, path := range []string{"/v1/plans", "/v1/subscriptions", "/openapi.json", "/nowhere", "/"} {
		secure.g.Expect(secure.send(http.MethodGet, path, "").header.Get("Strict-Transport-Security")).
			To(Equal("max-age=31536000"), path)
		plain.g.Expect(plain.send(http.MethodGet, path, "").header).NotTo(HaveKey("Strict-Transport-Security"), path)
	}
}
