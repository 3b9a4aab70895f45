package paddle

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
)

func TestPublishedEvents(t *testing.T) {
	for native, want := range map[string]billing.Event{
		"adjustment.created":         {Payment: &billing.EventPayment{Money: usd(100)}},
		"price.updated":              {Type: billing.CatalogPriceChanged},
		"subscription.canceled":      {Type: billing.SubscriptionCanceled},
		"subscription.created":       {Type: billing.SubscriptionCreated},
		"transaction.completed":      {Type: billing.CheckoutCompleted, Payment: &billing.EventPayment{Money: usd(65215)}},
		"transaction.payment_failed": {Type: billing.CheckoutFailed, Payment: &billing.EventPayment{Money: usd(65215)}},
	} {
		t.Run(native, func(t *testing.T) {
			g := NewWithT(t)
			e, err := Codec{}.Parse(providertest.Sample(t, "paddle/"+native+".json"))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.NativeType).To(Equal(native))
			g.Expect(e.Type).To(Equal(want.Type))
			g.Expect(e.ID).To(HavePrefix("evt_"))
			g.Expect(e.Time.Year()).To(Equal(2024))
			g.Expect(e.Payment == nil).To(Equal(want.Payment == nil))
			if e.Payment != nil {
				g.Expect(e.Payment.Money).To(Equal(want.Payment.Money))
				g.Expect(e.Payment.ID).To(HavePrefix("txn_"))
			}
			if s := e.Subscription; s != nil && native != "adjustment.created" {
				g.Expect(s.PriceID).To(HavePrefix("pri_"))
			}
		})
	}
}
