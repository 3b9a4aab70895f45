package checkoutserver

import (
	"context"
	"net/http"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/signin"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// costly takes the token "good" and counts what it looked at.
type costly struct{ looked int }

func (c *costly) User(_ context.Context, r *http.Request) (signin.User, error) {
	c.looked++
	switch r.Header.Get("Authorization") {
	case "":
		return signin.User{}, signin.ErrNoCredentials
	case "Bearer good":
		return signin.User{ID: "u1"}, nil
	case "Bearer later":
		return signin.User{}, signin.ErrUnavailable
	}
	return signin.User{}, &signin.RefusedError{Reason: "the token is not signed with a key of the issuer"}
}

func withJWT(e *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
	onlyStripe(e, doc)
	e.Spec.Auth = v1alpha1.CheckoutAuth{JWT: &v1alpha1.JWTAuth{
		Issuer: "https://id.example.com", Audiences: []string{"kassa"},
	}}
	e.Spec.RateLimit.TrustedProxies = new(int32)
	*e.Spec.RateLimit.TrustedProxies = 1
}

// A flood of forged tokens is answered without a look at them. Nobody at another address notices, and what is refused
// for another reason than a bad token does not count.
func TestForgedTokensAreCheap(t *testing.T) {
	s := newShop(t, withJWT)
	cfg, _ := s.server.config.current()
	guard := &costly{}
	cfg.users = guard
	// It fills up in hours, so that nothing depends on how fast the test is.
	slow := newLimiter(1, refusedBurst)
	cfg.refusals, s.server.config.kept.refusals = slow, slow
	from := func(address, token string) int {
		header := []string{"X-Forwarded-For", address}
		if token != "" {
			header = append(header, "Authorization", "Bearer "+token)
		}
		return s.send(http.MethodPost, "/v1/checkouts", buyMonthly, header...).status
	}
	for range 2 * refusedBurst {
		s.g.Expect(from("192.0.2.1", "")).To(Equal(http.StatusUnauthorized))
		s.g.Expect(from("192.0.2.1", "later")).To(Equal(http.StatusServiceUnavailable))
	}
	s.g.Expect(from("192.0.2.1", "good")).To(Equal(http.StatusCreated))

	guard.looked = 0
	answers := map[int]int{}
	const flood = 10 * refusedBurst
	for i := range flood {
		answers[from("192.0.2.1", "forged-"+strconv.Itoa(i))]++
	}
	s.g.Expect(guard.looked).To(Equal(refusedBurst))
	s.g.Expect(answers).To(Equal(map[int]int{
		http.StatusUnauthorized: guard.looked, http.StatusTooManyRequests: flood - guard.looked,
	}))
	s.g.Expect(from("192.0.2.2", "good")).To(Equal(http.StatusCreated))
	s.g.Expect(from("192.0.2.1", "good")).To(Equal(http.StatusTooManyRequests))

	// A change of the spec frees nobody.
	s.server.config.endpoint.Spec.SuccessURL += "&x=1"
	s.resolve()
	s.g.Expect(from("192.0.2.1", "good")).To(Equal(http.StatusTooManyRequests))
}

// One of an application's servers that has an old token does not lock the others out: comparing costs nothing.
func TestRefusedBearerTokensLockNobodyOut(t *testing.T) {
	s := newShop(t, onlyStripe)
	for range 2 * refusedBurst {
		r := s.send(http.MethodPost, "/v1/checkouts", buyMonthly, "Authorization", "Bearer old")
		s.g.Expect(r.status).To(Equal(http.StatusUnauthorized))
	}
	s.g.Expect(s.buy("u1").status).To(Equal(http.StatusCreated))
}
