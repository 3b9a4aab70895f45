package contract_test

import (
	"testing"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// A renewal fails and fails again. Whatever dunning does about it, and however often, is what Stripe takes, and the
// invoice and the subscription that the sandbox answers with are Stripe's.
func TestDunningsActions(t *testing.T) {
	for name, action := range map[string]struct {
		act  func(provider.Dunner, string) (billing.Subscription, error)
		done func(billing.Subscription) bool
	}{
		"cancel": {
			func(d provider.Dunner, id string) (billing.Subscription, error) {
				return d.Subscriptions().Cancel(t.Context(), id, true)
			},
			func(s billing.Subscription) bool { return s.Status == billing.StatusCanceled },
		},
		"cancel at the period's end": {
			func(d provider.Dunner, id string) (billing.Subscription, error) {
				return d.Subscriptions().Cancel(t.Context(), id, false)
			},
			func(s billing.Subscription) bool { return s.CancelAtPeriodEnd },
		},
		"pause": {
			func(d provider.Dunner, id string) (billing.Subscription, error) {
				return d.Dunning().Pause(t.Context(), id)
			},
			func(s billing.Subscription) bool { return s.CollectionPaused },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			sub := r.subscribe("4000000000000341", func(*stripego.CheckoutSessionParams) {})
			r.sb.Clock().Advance(32 * day)
			sub, err := r.api.Subscriptions.Get(sub.ID, nil)
			r.must(err)
			failed := &billing.Event{Native: []byte(`{"id":"evt_1","type":"invoice.payment_failed","data":{"object":` +
				`{"object":"invoice","id":"` + sub.LatestInvoice.ID + `"}}}`)}
			dunner := connectTo(t, r.url, r.judged).(provider.Dunner)
			for failures := 1; failures <= 2; failures++ {
				owed, err := dunner.Dunning().Arrears(t.Context(), failed)
				r.must(err)
				want := provider.Arrears{
					InvoiceID: sub.LatestInvoice.ID, SubscriptionID: sub.ID, FailedPayments: failures, Open: true,
				}
				if owed != want {
					t.Errorf("owed are %+v, want %+v", owed, want)
				}
				r.sb.Clock().Advance(3 * day)
			}
			for range 2 {
				got, err := action.act(dunner, sub.ID)
				r.must(err)
				if !action.done(got) {
					t.Errorf("the subscription is %+v", got)
				}
			}
			r.events()
			r.accepted()
		})
	}
}
