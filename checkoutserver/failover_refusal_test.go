package checkoutserver

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func notSold(by billing.Provider) error {
	return &provider.RefusalError{Provider: by, Reason: "does not sell so many"}
}

// What one provider does not sell, the user's next one may.
func TestRefusedPurchasesGoToTheNextProvider(t *testing.T) {
	s := newShop(t, mostlyStripe)
	s.stripe.fail(notSold(billing.Stripe))
	s.g.Expect(s.buy("user-1").status).To(Equal(201))
	s.g.Expect(s.paddle.checkouts()).To(HaveLen(1))
	s.paddle.fail(notSold(billing.Paddle))
	r := s.buy("user-1")
	s.g.Expect(r.status).To(Equal(422))
	s.g.Expect(r.body).To(ContainSubstring("Stripe does not"), "the first one's reason")
	s.paddle.fail(failure(provider.ClassUnavailable))
	s.g.Expect(s.buy("user-1").status).To(Equal(503), "it may be sold later")
	s.stripe.fail(nil)
	s.g.Expect(s.buy("user-1").status).To(Equal(201))
	s.g.Expect(s.stripe.checkouts()).To(HaveLen(1), "who refuses does not rest")

	s = newShop(t, mostlyStripe, withoutFailover)
	s.stripe.fail(notSold(billing.Stripe))
	s.g.Expect(s.buy("user-1").status).To(Equal(422))
	s.g.Expect(s.paddle.checkouts()).To(BeEmpty())
}

// A card's message ends with a full stop of its own.
func TestRefusalsEndOnce(t *testing.T) {
	s := newShop(t, onlyStripe)
	s.stripe.fail(&provider.RefusalError{Provider: billing.Stripe, Reason: "took nothing: Your card was declined."})
	s.paddle.fail(notSold(billing.Paddle))
	s.g.Expect(s.buy("u1").body).To(And(ContainSubstring("declined."), Not(ContainSubstring("declined.."))))
}
