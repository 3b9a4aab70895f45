package provider_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// A spec is refused for what the provider cannot do, in a sentence that says what to write instead.
func TestRefusalOfDunning(t *testing.T) {
	g := NewWithT(t)
	all := provider.DunningTraits{}
	g.Expect(all.Refusal(billing.Stripe, billing.DunCancel, 10)).To(BeEmpty())
	lemon := provider.DunningTraits{NoCancelNow: true, MaxFailures: 5}
	g.Expect(lemon.Refusal(billing.LemonSqueezy, billing.DunCancelAtPeriodEnd, 5)).To(BeEmpty())
	g.Expect(lemon.Refusal(billing.LemonSqueezy, billing.DunCancel, 3)).
		To(Equal("spec.dunning.action: LemonSqueezy cannot cancel a subscription at once; write CancelAtPeriodEnd"))
	g.Expect(lemon.Refusal(billing.LemonSqueezy, billing.DunNotify, 6)).
		To(Equal("spec.dunning.afterFailedPayments: LemonSqueezy tries a payment at most 5 times; write 5 or less"))
}
