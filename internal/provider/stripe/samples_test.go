package stripe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
)

// Stripe's own examples are read as one would read them.
func TestSamples(t *testing.T) {
	jane := &billing.EventCustomer{ID: "cus_SampleA", Email: "jane@example.com", UserID: "user_42"}
	unnamed := &billing.EventCustomer{ID: "cus_SampleA", UserID: "user_42"}
	meta := map[string]string{"billing_operator/plan": "team-a/pro", "user_id": "user_42"}
	invoiced := &billing.EventSubscription{ID: "sub_1SampleA", PriceID: "price_1OPougJN5vQBdWEx6kfkXDIL"}
	monthly := &billing.EventCharge{Unit: usd(2900), Quantity: 1, Interval: billing.Month, Count: 1}
	want := map[string]billing.Event{
		"checkout.session.completed.subscription.json": {
			Type: billing.CheckoutCompleted, Customer: jane, Metadata: meta,
			Checkout:     &billing.EventCheckout{ID: "cs_test_a1Sample"},
			Subscription: &billing.EventSubscription{ID: "sub_1SampleA"},
			Payment:      &billing.EventPayment{ID: "in_1SampleA", Money: usd(2900), Status: billing.PaymentStatusSucceeded},
		},
		"customer.subscription.created.json": {
			Type: billing.SubscriptionCreated, Customer: unnamed, Metadata: meta,
			Subscription: &billing.EventSubscription{
				ID: "sub_1SampleA", Status: billing.StatusActive, PriceID: "price_1SamplePro",
				CurrentPeriodEnd: unix(1714592000), CancelAtPeriodEnd: ptr(false), Charge: monthly,
			},
		},
		"customer.subscription.deleted.json": {
			Type: billing.SubscriptionCanceled, Customer: unnamed, Metadata: meta,
			Subscription: &billing.EventSubscription{
				ID: "sub_1SampleA", Status: billing.StatusCanceled, PriceID: "price_1SamplePro",
				CurrentPeriodEnd: unix(1714592000), CancelAtPeriodEnd: ptr(false), Charge: monthly,
			},
		},
		"invoice.paid.json": {
			Type: billing.PaymentSucceeded, Customer: unnamed, Metadata: meta, Subscription: invoiced,
			Payment: &billing.EventPayment{
				ID: "pi_3SampleA", Money: usd(2900), Status: billing.PaymentStatusSucceeded, Attempt: 1,
			},
		},
		"invoice.payment_failed.attempt1.json": {
			Type: billing.PaymentFailed, Customer: unnamed, Metadata: meta, Subscription: invoiced,
			Payment: &billing.EventPayment{
				ID: "pi_3SampleA", Money: usd(2900), Status: billing.PaymentStatusFailed, Attempt: 1,
			},
		},
		"newer-api-2026-08-26.dahlia/invoice.paid.json": {
			Type: billing.PaymentSucceeded, Customer: &billing.EventCustomer{ID: "cus_QXg1o8vcGmoR32"},
			Subscription: &billing.EventSubscription{ID: "subscription"},
			Payment: &billing.EventPayment{
				ID: "in_1Pgc6tB7WZ01zgkWu9fdqL6I", Money: usd(0), Status: billing.PaymentStatusSucceeded,
			},
		},
	}
	for name, want := range want {
		t.Run(name, func(t *testing.T) {
			got, err := Codec{}.Parse(providertest.Sample(t, "stripe/"+name))
			if err != nil {
				t.Fatal(err)
			}
			fromEnvelope := cmpopts.IgnoreFields(billing.Event{}, "ID", "NativeType", "Time", "Mode", "Native")
			if diff := cmp.Diff(want, got, fromEnvelope); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
