package checkoutserver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/signin"
)

// said are the lines of the log with a text in them.
func (s *shop) said(text string) []string {
	var out []string
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, text) {
			out = append(out, line)
		}
	}
	return out
}

// sent is an answer as a client gets it.
func sent(a *answer) reply {
	w := httptest.NewRecorder()
	a.write(w)
	return reply{w.Code, w.Result().Header, w.Body.String()}
}

// A provider repeats the request in its refusal. The log has nothing of the buyer.
func TestRefusalsInTheLogAreAnonymous(t *testing.T) {
	s := newShop(t)
	repeated := failure(provider.ClassTerminal)
	repeated.Message = "not allowed: customer_email=ada%40example.com&client_reference_id=ada-5512"
	c := &call{id: "REQUEST7", user: signin.User{ID: "ada-5512"}}
	s.server.refusal(c, s.settings().sites[0], opCheckout, repeated)
	s.g.Expect(s.said("REQUEST7")).To(ConsistOf(And(ContainSubstring("not allowed: customer_email=[redacted]"),
		Not(ContainSubstring("5512")), Not(ContainSubstring("example.com")))))
}

func TestRefusals(t *testing.T) {
	paid := failure(provider.ClassConflict)
	paid.Err = provider.ErrPaid
	for name, c := range map[string]struct {
		err     error
		status  int
		problem string
		logged  bool
	}{
		"cannot":      {&provider.RefusalError{Provider: billing.Stripe, Reason: "is closed"}, 422, "refused", false},
		"paid":        {paid, 409, "already-paid", false},
		"conflict":    {failure(provider.ClassConflict), 503, "provider-unavailable", false},
		"not there":   {failure(provider.ClassNotFound), 502, "provider-refused", true},
		"refused":     {failure(provider.ClassTerminal), 502, "provider-refused", true},
		"key":         {failure(provider.ClassCredentials), 503, "provider-unavailable", true},
		"limited":     {failure(provider.ClassRateLimited), 503, "provider-unavailable", true},
		"unavailable": {failure(provider.ClassUnavailable), 503, "provider-unavailable", true},
		"unknown":     {http.ErrHandlerTimeout, 503, "provider-unavailable", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			at := s.settings().sites[0]
			a := s.server.refusal(&call{id: "REQUEST7"}, at, opCheckout, c.err)
			s.g.Expect(a.status).To(Equal(c.status))
			s.g.Expect(a.result).To(Equal(c.problem))
			s.g.Expect(string(a.body)).NotTo(ContainSubstring("subscription"), "a purchase is none")
			conforms(t, http.MethodPost, "/v1/checkouts", sent(a))
			if c.logged {
				s.g.Expect(s.said("level=WARN")).To(HaveExactElements(ContainSubstring("request=REQUEST7")))
			} else {
				s.g.Expect(s.log.String()).NotTo(ContainSubstring("level=WARN"))
			}
		})
	}
}

// A mistake in one provider's settings is not hidden by what else goes wrong, and is told once in a while.
func TestEachTroubleIsLogged(t *testing.T) {
	s := newShop(t, mostlyStripe)
	s.stripe.subs["sub_1"] = subscribed("sub_1", "u1")
	mistake := failure(provider.ClassCredentials)
	mistake.Message = "the key may not do this"
	s.stripe.fail(failure(provider.ClassUnavailable))
	s.paddle.fail(mistake)
	for range 3 {
		s.g.Expect(s.buy("u1").status).To(Equal(503))
		s.g.Expect(s.as("u1", http.MethodGet, "/v1/subscriptions", "").status).To(Equal(503))
	}
	s.g.Expect(s.said("level=WARN")).To(ConsistOf(
		And(ContainSubstring("shop/stripe"), ContainSubstring("operation=checkout"), ContainSubstring("unavailable")),
		And(ContainSubstring("shop/stripe"), ContainSubstring("operation=list")),
		And(ContainSubstring("shop/paddle"), ContainSubstring("operation=checkout"), ContainSubstring("may not do this")),
	))
	// The metrics have all of it.
	m := s.server.metrics
	s.g.Expect(testutil.ToFloat64(m.checkouts.WithLabelValues("Paddle", "test", "credentials"))).To(Equal(3.0))
	s.g.Expect(testutil.ToFloat64(m.changes.WithLabelValues("Stripe", "list", "unavailable"))).To(Equal(3.0))
}

// Every attempt at a payment has a line, whatever became of it, and nothing of the buyer is in it.
func TestAttemptsAreLogged(t *testing.T) {
	s := newShop(t, mostlyStripe)
	silent := failure(provider.ClassUnavailable)
	silent.RequestID = "req_7"
	s.stripe.fail(silent)
	body := `{"plan":"pro","price":"monthly","email":"ada@example.com","metadata":{"order":"order-77"},
		"successURL":"https://app.example.com/secret-path"}`
	r := s.as("user-99,ada@example.com", http.MethodPost, "/v1/checkouts", body, "Idempotency-Key", "key-55",
		"Kassa-Request-Id", "of-the-caller")
	s.g.Expect(r.status).To(Equal(201))
	request := "request=" + r.header.Get("Kassa-Request-Id")
	s.g.Expect(request).To(MatchRegexp(`^request=[A-Z2-7]{26}$`))
	s.g.Expect(s.said("checkout attempt")).To(HaveExactElements(
		And(ContainSubstring(request), ContainSubstring("provider=shop/stripe"), ContainSubstring("outcome=unavailable"),
			ContainSubstring("providerRequest=req_7")),
		And(ContainSubstring(request), ContainSubstring("provider=shop/paddle"), ContainSubstring("plan=pro price=monthly"),
			ContainSubstring("outcome=created"), ContainSubstring("duration="), ContainSubstring("level=INFO")),
	))
	for _, personal := range []string{
		"user-99", "ada@", "eve@", "order-77", "secret-path", "https://", "key-55", "of-the-caller", "cs_1",
	} {
		s.g.Expect(s.log.String()).NotTo(ContainSubstring(personal))
	}
	s.g.Expect(s.buy("user-99").header.Get("Kassa-Request-Id")).NotTo(Equal(r.header.Get("Kassa-Request-Id")))
}
