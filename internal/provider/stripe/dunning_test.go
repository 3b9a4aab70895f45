package stripe_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

// lastFailure is the latest event of an invoice that failed.
func (l *life) lastFailure() *billing.Event {
	l.t.Helper()
	var out *billing.Event
	for _, e := range l.sb.Stripe().Account(lifeKey).Events() {
		read, err := stripe.Codec{}.Parse([]byte(
			`{"id":"` + e.ID + `","type":"` + e.Type + `","created":1,"data":{"object":` + string(e.Data.Object) + "}}"))
		l.Expect(err).NotTo(HaveOccurred())
		if read.Type == billing.PaymentFailed {
			out = &read
		}
	}
	l.Expect(out).NotTo(BeNil())
	return out
}

// An invoice is read with its attempts until it is paid, whichever of its events asks, and a subscription is paused
// once.
func TestArrearsAndPause(t *testing.T) {
	l := newLife(t, billing.Owner{Cluster: "c1", Namespace: "shop", Name: "pro", UID: "u1"})
	d := l.seller.(provider.Dunner).Dunning()
	l.Expect(d.Traits()).To(BeZero())
	l.sb.Clock().Advance(32 * 24 * time.Hour)
	first := l.lastFailure()
	one, err := d.Arrears(t.Context(), first)
	l.Expect(err).NotTo(HaveOccurred())
	l.Expect(one.InvoiceID).To(HavePrefix("in_"))
	l.Expect(one).To(Equal(provider.Arrears{
		InvoiceID: one.InvoiceID, SubscriptionID: l.sub.ID, FailedPayments: 1, Open: true,
	}))
	l.sb.Clock().Advance(3 * 24 * time.Hour)
	l.Expect(d.Arrears(t.Context(), first)).To(HaveField("FailedPayments", 2))

	for range 2 {
		s, err := d.Pause(t.Context(), l.sub.ID)
		l.Expect(err).NotTo(HaveOccurred())
		l.Expect(s.CollectionPaused).To(BeTrue())
	}
	portal, err := l.seller.Subscriptions().Portal(t.Context(), l.sub, "https://app.example.com")
	l.Expect(err).NotTo(HaveOccurred())
	l.visit(portal, "4242424242424242", "card")
	l.Expect(d.Arrears(t.Context(), first)).To(HaveField("Open", false))

	other := &billing.Event{Native: []byte(`{"id":"evt_1","type":"charge.failed","data":{"object":{"id":"ch_1"}}}`)}
	l.Expect(d.Arrears(t.Context(), other)).To(BeZero())
	_, err = d.Pause(t.Context(), "../customers/cus_1")
	l.Expect(provider.IsNotFound(err)).To(BeTrue())
}
