package records_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

// A subscription that is read tells exactly what the event told that made it so.
func TestRereadTellsWhatEventsTell(t *testing.T) {
	for _, c := range []struct {
		adapter   provider.Adapter
		key       string
		cancelNow bool
		missing   []string
	}{
		{stripe.Adapter{}, "sk_" + "test_1", true, []string{"sub_missing", "cus_1", ""}},
		{paddle.Adapter{}, paddleKey, true, []string{"sub_" + strings.Repeat("0", 26), "sub_1", "../events"}},
		{lemonsqueezy.Adapter{}, "eyJ0" + "ZXN0", false, []string{"404", "sub_1", "1/../2"}},
	} {
		t.Run(string(c.adapter.Type()), func(t *testing.T) {
			m := newMarket(t, c.adapter, c.key)
			m.buy("monthly", good)
			sub := m.subscription()
			reader := m.seller.(provider.Rereader)
			running, err := reader.Reread(t.Context(), sub.ID)
			m.Expect(err).NotTo(HaveOccurred())
			m.Expect(running.Ended).To(BeZero())
			for _, id := range c.missing {
				_, err := reader.Reread(t.Context(), id)
				m.Expect(provider.ClassOf(err)).To(Equal(provider.ClassNotFound), "%q", id)
			}
			m.wait(time.Minute)
			_, err = m.seller.Subscriptions().Cancel(t.Context(), sub.ID, c.cancelNow)
			m.Expect(err).NotTo(HaveOccurred())
			ended := m.sb.Clock().Now()
			if !c.cancelNow {
				m.wait(month)
				ended = sub.CurrentPeriodEnd
			}
			over, err := reader.Reread(t.Context(), sub.ID)
			m.Expect(err).NotTo(HaveOccurred())
			m.Expect(over.Ended).To(BeTemporally("~", ended, time.Second))

			var told []billing.EventSubscription
			for _, e := range m.told() {
				if e.Subscription != nil && e.Subscription.Status != "" {
					told = append(told, *e.Subscription)
				}
			}
			m.Expect(told).To(ContainElements(running.Told, over.Told))
			m.Expect(over.Told.Status).To(Equal(billing.StatusCanceled))
			m.Expect(running.Told.ID).To(Equal(sub.ID))
			m.Expect(running.Told.Status).To(Equal(billing.StatusActive))
			if c.adapter.Type() == billing.LemonSqueezy {
				m.Expect(running.Told.Quantity).To(Equal(quantity), "what one costs, a Plan knows")
				return
			}
			m.Expect(running.Told.Charge).To(Equal(monthly))
			m.Expect([]any{running.Told.Plan, running.Told.Price, running.Told.Owner}).
				To(Equal([]any{"pro", "monthly", owner}))
		})
	}
}
