package paddle_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	sandboxpaddle "github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

// The sandbox's events, whose shapes Paddle's OpenAPI has judged, tell whose Plan's price they are about, for how much,
// and until when.
func TestEventsOfTheSandbox(t *testing.T) {
	conn, account := inSandbox(t)
	g := NewWithT(t)
	owner := billing.Owner{Cluster: "c", Namespace: "n", Name: "pro", UID: "u"}
	product, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro"},
	})
	g.Expect(err).NotTo(HaveOccurred())
	price, err := conn.Catalog().CreatePrice(t.Context(), provider.CreatePrice{
		Owner: owner, ProductID: product.ID, Name: "monthly", Spec: billing.PriceSpec{Terms: billing.PriceTerms{
			Money: billing.Money{Minor: 500, Currency: "JPY"}, TaxBehavior: billing.TaxUnspecified,
			Recurring: billing.Recurring{Interval: billing.Month, Count: 1},
		}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	parse := func(native string) billing.Event {
		event, err := account.Emit(native, nil)
		g.Expect(err).NotTo(HaveOccurred(), native)
		body, err := json.Marshal(event)
		g.Expect(err).NotTo(HaveOccurred())
		now := time.Now()
		h := http.Header{paddle.SignatureHeader: {sandboxpaddle.Sign("secret", now, body)}}
		g.Expect(paddle.Codec{}.Verify(h, body, []string{"secret"}, now, time.Minute)).To(Succeed())
		e, err := paddle.Codec{}.Parse(body)
		g.Expect(err).NotTo(HaveOccurred(), native)
		g.Expect(e.ID).To(Equal(event.EventID))
		g.Expect(e.Time).To(BeTemporally("~", now, time.Hour))
		return e
	}
	all, _ := paddle.Codec{}.NativeEvents([]string{"*"})
	for _, native := range all {
		parse(native)
	}
	for native, want := range map[string]billing.SubscriptionStatus{
		"subscription.created": billing.StatusActive, "subscription.trialing": billing.StatusTrialing,
		"subscription.past_due": billing.StatusPastDue, "subscription.paused": billing.StatusPaused,
		"subscription.canceled": billing.StatusCanceled,
	} {
		s := parse(native).Subscription
		g.Expect(s.Status).To(Equal(want), native)
		g.Expect([]string{s.Plan, s.Price, s.PriceID}).To(Equal([]string{"pro", "monthly", price.ID}), native)
		g.Expect(s.Owner).To(Equal(owner))
		runs := want != billing.StatusPaused && want != billing.StatusCanceled
		g.Expect(s.CurrentPeriodEnd != nil).To(Equal(runs), native)
		g.Expect(s.TrialEnd != nil).To(Equal(want == billing.StatusTrialing), native)
	}
	for native, want := range map[string]billing.PaymentStatus{
		"transaction.completed": billing.PaymentStatusSucceeded, "transaction.payment_failed": billing.PaymentStatusFailed,
	} {
		p := parse(native).Payment
		g.Expect(p.Status).To(Equal(want), native)
		g.Expect(p.Money).To(Equal(billing.Money{Minor: 500, Currency: "JPY"}), native)
		g.Expect(p.Attempt).To(Equal(1), native)
		g.Expect(p.FailureCode != "").To(Equal(want == billing.PaymentStatusFailed), native)
	}
}
