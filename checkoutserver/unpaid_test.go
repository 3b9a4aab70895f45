package checkoutserver

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Providers credit what is left of a period whether or not it was paid.
func TestUnpaidTimeIsNotCredited(t *testing.T) {
	for status, why := range map[billing.SubscriptionStatus]string{
		billing.StatusActive: "", billing.StatusTrialing: "", billing.StatusCanceling: "",
		billing.StatusPastDue: "unpaid bill", billing.StatusUnpaid: "unpaid bill",
		billing.StatusIncomplete: "first payment", billing.StatusPaused: "paused", "": "does not say",
	} {
		s := newShop(t)
		sub := subscribed("sub_1", "u1")
		sub.Status = status
		s.stripe.subs["sub_1"], s.paddle.subs["sub_1"] = sub, sub
		for name, account := range map[string]*account{"stripe": s.stripe, "paddle": s.paddle} {
			r := s.as("u1", http.MethodPatch, "/v1/subscriptions/"+name+".sub_1", `{"plan":"pro","price":"yearly"}`)
			if why == "" {
				s.g.Expect(r.status).To(Equal(200), "%s: %s", status, r.body)
				s.g.Expect(account.changed).To(HaveLen(1))
				continue
			}
			s.g.Expect(r.status).To(Equal(422), "%s: %s", status, r.body)
			s.g.Expect(r.problem()).To(Equal("refused"))
			s.g.Expect(r.body).To(ContainSubstring(why))
			s.g.Expect(account.changed).To(BeEmpty(), "%s at %s", status, name)
		}
	}
}
