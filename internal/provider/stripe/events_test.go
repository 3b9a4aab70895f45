package stripe

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
)

func TestTaxonomy(t *testing.T) {
	g := NewWithT(t)
	g.Expect(slices.IsSorted(nativeEvents)).To(BeTrue())
	named := map[billing.EventType]bool{}
	for native, types := range taxonomy {
		g.Expect(isNative(native)).To(BeTrue(), native)
		for _, e := range types {
			named[e] = true
		}
	}
	for _, e := range billing.EventTypes() {
		if e != billing.PaymentPastDue { // Stripe tells it only as a subscription's status
			g.Expect(named[e]).To(BeTrue(), "no event of Stripe is %s", e)
		}
	}
}

func TestNativeEvents(t *testing.T) {
	cases := []struct {
		reason   string
		patterns []string
		names    []string
		unknown  []string
	}{
		{"a normalised name", []string{"payment.refunded"}, []string{"charge.refunded"}, nil},
		{"two events with one name", []string{"payment.failed"},
			[]string{"invoice.payment_failed", "payment_intent.payment_failed"}, nil},
		{"a derived name needs the event it is derived from", []string{"subscription.cancel_scheduled"},
			[]string{"customer.subscription.updated"}, nil},
		{"a group, and one of its members again", []string{"dispute.*", "charge.dispute.closed"},
			[]string{"charge.dispute.closed", "charge.dispute.created"}, nil},
		{"Stripe's own name without a normalised one", []string{"payout.paid"}, []string{"payout.paid"}, nil},
		{"Stripe's own group", []string{"refund.*"}, []string{"refund.created", "refund.updated"}, nil},
		{"nothing at Stripe", []string{"payment.past_due", "invoice.overdue", "payout.paid"}, []string{"payout.paid"},
			[]string{"payment.past_due", "invoice.overdue"}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			names, unknown := Codec{}.NativeEvents(c.patterns)
			g.Expect(names).To(Equal(c.names))
			g.Expect(unknown).To(Equal(c.unknown))
		})
	}
	g := NewWithT(t)
	names, unknown := Codec{}.NativeEvents(nil)
	g.Expect(unknown).To(BeEmpty())
	g.Expect(names).To(HaveLen(len(taxonomy)))
	g.Expect(slices.IsSorted(names)).To(BeTrue())
}
