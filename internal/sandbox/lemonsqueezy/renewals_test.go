package lemonsqueezy_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// A long advance makes up for every renewal, each at its own time.
func TestRenewals(t *testing.T) {
	s := openShop(t)
	id := s.subscribe(small, goodCard)
	s.Clock().Advance(61 * day)
	var paid []string
	for _, e := range s.events(4) {
		if e.Meta.EventName == "subscription_payment_success" {
			s.g.Expect(e.Data.Attributes).To(And(HaveKeyWithValue("billing_reason", "renewal"),
				HaveKeyWithValue("total", 1000.), HaveKeyWithValue("status", "paid")))
			paid = append(paid, e.Data.Attributes["created_at"].(string))
		}
	}
	s.g.Expect(paid).To(ConsistOf("2026-02-28T10:00:00.000000Z", "2026-03-31T10:00:00.000000Z"))
	s.g.Expect(s.attributes(id)).To(And(HaveKeyWithValue("status", "active"),
		HaveKeyWithValue("renews_at", "2026-04-30T10:00:00.000000Z")))
	s.g.Expect(s.ids(s.get("/v1/subscription-invoices", "filter[subscription_id]", id))).To(HaveLen(3))
}

// A clock that runs renews by itself.
func TestRenewalsOfARunningClock(t *testing.T) {
	s := openShop(t)
	s.subscribe(small, goodCard)
	s.Clock().Advance(28*day - time.Hour)
	s.events(0)
	s.Clock().SetRate(100000)
	s.happened("subscription_payment_success", "subscription_updated")
}

// The first payment follows a trial.
func TestTrials(t *testing.T) {
	s := openShop(t)
	id := s.subscribe(tried, goodCard)
	s.g.Expect(s.attributes(id)).To(And(HaveKeyWithValue("status", "on_trial"),
		HaveKeyWithValue("trial_ends_at", "2026-02-07T10:00:00.000000Z")))
	s.g.Expect(s.ids(s.get("/v1/subscription-invoices"))).To(BeEmpty())
	s.Clock().Advance(7 * day)
	got := s.happened("subscription_payment_success", "subscription_updated")
	s.g.Expect(got["subscription_updated"].Data.Attributes).To(And(HaveKeyWithValue("status", "active"),
		HaveKeyWithValue("renews_at", "2026-03-07T10:00:00.000000Z")))
}

// A card that fails is charged four more times in two weeks, each time for the same invoice, and then no more.
func TestDunning(t *testing.T) {
	s := openShop(t)
	id := s.subscribe(small, fadesCard)
	s.Clock().Advance(28 * day)
	got := s.happened("subscription_payment_failed", "subscription_updated")
	s.g.Expect(got["subscription_updated"].Data.Attributes).To(HaveKeyWithValue("status", "past_due"))
	invoice := got["subscription_payment_failed"].Data
	s.g.Expect(invoice.Attributes).To(HaveKeyWithValue("status", "pending"))
	for range 3 {
		s.Clock().Advance(84 * time.Hour)
		s.g.Expect(s.happened("subscription_payment_failed")["subscription_payment_failed"].Data.ID).To(Equal(invoice.ID))
	}
	s.g.Expect(s.attributes(id)).To(HaveKeyWithValue("status", "past_due"))
	s.Clock().Advance(84 * time.Hour)
	got = s.happened("subscription_payment_failed", "subscription_updated")
	s.g.Expect(got["subscription_updated"].Data.Attributes).To(HaveKeyWithValue("status", "unpaid"))
	s.Clock().Advance(365 * day)
	s.events(0)
}

// What was paid late is told as a success and as a recovery.
func TestRecovery(t *testing.T) {
	for name, wait := range map[string]time.Duration{"past due": 0, "unpaid": 60 * day} {
		s := openShop(t)
		renews := map[string]string{"past due": "2026-03-31T10:00:00.000000Z", "unpaid": "2026-04-30T10:00:00.000000Z"}
		id := s.subscribe(small, fadesCard)
		s.Clock().Advance(28 * day)
		failed := s.happened("subscription_payment_failed", "subscription_updated")["subscription_payment_failed"].Data.ID
		s.Clock().Advance(wait)
		if wait > 0 {
			s.events(5)
		}
		s.g.Expect(s.portal(id, "card", goodCard).Code).To(Equal(303), name)
		got := s.happened("subscription_payment_success", "subscription_payment_recovered", "subscription_updated")
		for _, kind := range []string{"subscription_payment_success", "subscription_payment_recovered"} {
			s.g.Expect(got[kind].Data.ID).To(Equal(failed), name)
			s.g.Expect(got[kind].Data.Attributes).To(HaveKeyWithValue("status", "paid"), name)
		}
		s.g.Expect(s.attributes(id)).To(And(HaveKeyWithValue("status", "active"),
			HaveKeyWithValue("renews_at", renews[name])), name)
	}
}
