package stripe_test

import (
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
)

const lifeKey = "sk_test_" + "life"

// life is a subscription to a monthly price that was bought with a card that fails later.
type life struct {
	*WithT
	t      *testing.T
	sb     *sandbox.Sandbox
	server *httptest.Server
	seller provider.Seller
	sub    billing.Subscription
	told   int // events
}

func newLife(t *testing.T, owner billing.Owner) *life {
	t.Helper()
	noon := time.Now().Truncate(time.Second)
	sb := sandbox.New(sandbox.Options{WebhookTransport: offline{}, Now: func() time.Time { return noon }})
	l := &life{WithT: NewWithT(t), t: t, sb: sb, server: httptest.NewServer(sb.Handler())}
	t.Cleanup(l.server.Close)
	conn, err := stripe.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: lifeKey, BaseURL: l.server.URL, HTTP: l.server.Client(),
	})
	l.Expect(err).NotTo(HaveOccurred())
	l.seller = conn.(provider.Seller)
	product, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro"}, IdempotencyKey: "product",
	})
	l.Expect(err).NotTo(HaveOccurred())
	price, err := conn.Catalog().CreatePrice(t.Context(), provider.CreatePrice{
		Owner: owner, ProductID: product.ID, Name: "monthly", IdempotencyKey: "price",
		Spec: billing.PriceSpec{Terms: billing.PriceTerms{
			Money: billing.Money{Minor: 2900, Currency: "USD"}, TaxBehavior: billing.TaxUnspecified,
			Recurring: billing.Recurring{Interval: billing.Month, Count: 1},
		}},
	})
	l.Expect(err).NotTo(HaveOccurred())
	checkout, err := l.seller.Checkouts().Open(t.Context(), provider.CheckoutSpec{
		PriceID: price.ID, Owner: owner, Plan: owner.Name, Price: "monthly", Recurring: true, Quantity: 1, UserID: "42",
		SuccessURL: "https://app.example.com/ok", IdempotencyKey: "purchase",
	})
	l.Expect(err).NotTo(HaveOccurred())
	l.visit(checkout.URL, "4000000000000341", "")
	mine, err := l.seller.Subscriptions().List(t.Context(), provider.User{ID: "42"})
	l.Expect(err).NotTo(HaveOccurred())
	l.Expect(mine).To(HaveLen(1))
	l.sub = mine[0]
	return l
}

func (l *life) visit(address, number, action string) {
	l.t.Helper()
	res, err := l.server.Client().PostForm(address, url.Values{
		"number": {number}, "exp": {"12/40"}, "cvc": {"123"}, "email": {"jane@example.com"}, "action": {action},
	})
	if res != nil {
		_ = res.Body.Close()
	}
	if err != nil && res == nil {
		var refused *url.Error // the shop's page, where the buyer goes next, is not there
		l.Expect(err).To(BeAssignableToTypeOf(refused))
	}
}

// news are the events since the last call, as the receivers name them, without those that have no name. What tells of
// the subscription tells also whose it is.
func (l *life) news() []billing.EventType {
	l.t.Helper()
	events := l.sb.Stripe().Account(lifeKey).Events()
	var types []billing.EventType
	for _, e := range events[l.told:] {
		body := `{"id":"` + e.ID + `","type":"` + e.Type + `","created":1,"data":{"object":` + string(e.Data.Object)
		if len(e.Data.PreviousAttributes) > 0 {
			body += `,"previous_attributes":` + string(e.Data.PreviousAttributes)
		}
		read, err := stripe.Codec{}.Parse([]byte(body + "}}"))
		l.Expect(err).NotTo(HaveOccurred())
		if read.Type == "" {
			continue
		}
		types = append(types, read.Type)
		if s := read.Subscription; s != nil {
			l.Expect(s.ID).To(Equal(l.sub.ID), e.Type)
			l.Expect(s.Plan+"/"+s.Price).To(Equal("pro/monthly"), e.Type)
			l.Expect(read.Customer.UserID).To(Equal("42"), e.Type)
		}
	}
	l.told = len(events)
	return types
}

// TestLifeOfASubscription is what an app hears of a subscription whose card fails, is replaced, and fails again.
func TestLifeOfASubscription(t *testing.T) {
	owner := billing.Owner{Cluster: "c1", Namespace: "shop", Name: "pro", UID: "u1"}
	l := newLife(t, owner)
	l.Expect(l.sub).To(And(HaveField("Status", billing.StatusActive), HaveField("Owner", owner)))
	l.news()

	l.sb.Clock().Advance(32 * 24 * time.Hour)
	l.Expect(l.news()).To(ContainElements(billing.InvoiceCreated, billing.PaymentFailed, billing.SubscriptionPastDue))
	portal, err := l.seller.Subscriptions().Portal(t.Context(), l.sub, "https://app.example.com")
	l.Expect(err).NotTo(HaveOccurred())
	l.visit(portal, "4242424242424242", "card")
	l.Expect(l.news()).To(ContainElement(billing.PaymentSucceeded))
	s, err := l.seller.Subscriptions().Get(t.Context(), l.sub.ID)
	l.Expect(err).NotTo(HaveOccurred())
	l.Expect(s.Status).To(Equal(billing.StatusActive))

	s, err = l.seller.Subscriptions().Cancel(t.Context(), s.ID, false)
	l.Expect(err).NotTo(HaveOccurred())
	l.Expect(s.Status).To(Equal(billing.StatusCanceling))
	l.Expect(l.news()).To(Equal([]billing.EventType{billing.SubscriptionCancelScheduled}))
	s, err = l.seller.Subscriptions().Resume(t.Context(), s.ID)
	l.Expect(err).NotTo(HaveOccurred())
	l.Expect(s.Status).To(Equal(billing.StatusActive))

	l.visit(portal, "4000000000000341", "card")
	l.news()
	l.sb.Clock().Advance(60 * 24 * time.Hour)
	last := l.news()
	l.Expect(last[len(last)-1]).To(Equal(billing.SubscriptionCanceled))
	mine, err := l.seller.Subscriptions().List(t.Context(), provider.User{ID: "42"})
	l.Expect(err).NotTo(HaveOccurred())
	l.Expect(mine).To(BeEmpty())
}
