package paddle

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
	untold := []billing.EventType{
		billing.CustomerDeleted, // a customer is archived at most
		billing.SubscriptionTrialEnding, billing.InvoiceUpcoming,
	}
	for _, e := range billing.EventTypes() {
		g.Expect(named[e]).NotTo(Equal(slices.Contains(untold, e)), string(e))
	}
	g.Expect(isNative(Adapter{}.EndpointTraits().QuietEvent)).To(BeTrue())
	g.Expect(taxonomy).NotTo(HaveKey(Adapter{}.EndpointTraits().QuietEvent), "nobody waits for the quiet event")
}

func TestNativeEvents(t *testing.T) {
	for _, c := range []struct {
		reason   string
		patterns []string
		names    []string
		unknown  []string
	}{
		{"a normalised name", []string{"payment.past_due"}, []string{"transaction.past_due"}, nil},
		{"two events with one name", []string{"payment.refunded"}, []string{"adjustment.created", "adjustment.updated"}, nil},
		{"one event with two names", []string{"checkout.completed", "payment.succeeded"},
			[]string{"transaction.completed"}, nil},
		{"a derived name needs the event it is derived from", []string{"subscription.cancel_scheduled"},
			[]string{"subscription.updated"}, nil},
		{"a group that Paddle has too", []string{"customer.*"},
			[]string{"customer.created", "customer.imported", "customer.updated"}, nil},
		{"Paddle's own name without a normalised one", []string{"payout.paid"}, []string{"payout.paid"}, nil},
		{"Paddle's own group", []string{"report.*"}, []string{"report.created", "report.updated"}, nil},
		{"nothing at Paddle", []string{"subscription.trial_ending", "invoice.paid", "payout.paid"}, []string{"payout.paid"},
			[]string{"subscription.trial_ending", "invoice.paid"}},
	} {
		g := NewWithT(t)
		names, unknown := Codec{}.NativeEvents(c.patterns)
		g.Expect(names).To(Equal(c.names), c.reason)
		g.Expect(unknown).To(Equal(c.unknown), c.reason)
	}
}
