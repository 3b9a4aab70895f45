package paddle_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const failsLater = "4000000000000341"

// owing is a subscription whose renewal failed, and an event of that.
func (s *shop) owing() (billing.Subscription, *billing.Event) {
	s.t.Helper()
	sub := s.buy("monthly", failsLater)
	s.sandbox.Clock().Advance(32 * 24 * time.Hour)
	for _, tx := range s.account.Transactions() {
		if tx.SubscriptionID != nil && *tx.SubscriptionID == sub.ID && tx.Status == "past_due" {
			return sub, &billing.Event{Native: []byte(
				`{"event_id":"evt_1","event_type":"transaction.payment_failed","data":{"id":"` + tx.ID + `"}}`)}
		}
	}
	s.t.Fatal("no transaction is past due")
	return sub, nil
}

// The attempts that failed are counted, and a subscription is paused at once, with what it owes canceled.
func TestArrearsAndPause(t *testing.T) {
	s := newShop(t)
	d := s.Seller.(provider.Dunner).Dunning()
	sub, failure := s.owing()
	one, err := d.Arrears(t.Context(), failure)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(one).To(Equal(provider.Arrears{
		InvoiceID: one.InvoiceID, SubscriptionID: sub.ID, FailedPayments: 1, Open: true,
	}))
	s.sandbox.Clock().Advance(30 * 24 * time.Hour)
	two, err := d.Arrears(t.Context(), failure)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(two.FailedPayments).To(BeNumerically(">", 1))

	s2, again := s.owing()
	for range 2 {
		got, err := d.Pause(t.Context(), s2.ID)
		s.Expect(err).NotTo(HaveOccurred())
		s.Expect(got.Status).To(Equal(billing.StatusPaused))
	}
	s.Expect(d.Arrears(t.Context(), again)).To(HaveField("Open", false))

	scheduled := s.buy("monthly", goodCard)
	_, err = s.Subscriptions().Cancel(t.Context(), scheduled.ID, false)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(d.Pause(t.Context(), scheduled.ID)).To(HaveField("Status", billing.StatusPaused))
	_, err = s.Subscriptions().Cancel(t.Context(), scheduled.ID, true)
	s.Expect(err).NotTo(HaveOccurred())
	_, err = d.Pause(t.Context(), scheduled.ID)
	s.refuses(err, "has ended")

	s.Expect(d.Arrears(t.Context(), &billing.Event{Native: []byte(`{"data":{"id":"../prices"}}`)})).To(BeZero())
}
