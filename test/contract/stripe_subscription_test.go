package contract_test

import (
	"maps"
	"net/url"
	"testing"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const day = 24 * time.Hour

// subscribe pays for a monthly price with a card; without one it begins a trial.
func (r *rig) subscribe(number string, change func(*stripego.CheckoutSessionParams)) *stripego.Subscription {
	r.t.Helper()
	params := &stripego.CheckoutSessionParams{
		Mode: stripego.String("subscription"), SuccessURL: stripego.String("https://shop.example.com/ok"),
		SubscriptionData: &stripego.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"user_id": "42"}},
		LineItems: []*stripego.CheckoutSessionLineItemParams{{
			Price: stripego.String(r.price(2900, "month")), Quantity: stripego.Int64(1),
		}},
	}
	change(params)
	session, err := r.api.CheckoutSessions.New(params)
	r.must(err)
	form := maps.Clone(cardData)
	form.Set("number", number)
	r.pay(session.URL, form)
	session, err = r.api.CheckoutSessions.Get(session.ID, nil)
	r.must(err)
	sub, err := r.api.Subscriptions.Get(session.Subscription.ID, nil)
	r.must(err)
	return sub
}

func (r *rig) price(amount int64, interval string) string {
	r.t.Helper()
	product, err := r.api.Products.New(&stripego.ProductParams{Name: stripego.String("Pro")})
	r.must(err)
	price, err := r.api.Prices.New(&stripego.PriceParams{
		Product: &product.ID, Currency: stripego.String("usd"), UnitAmount: &amount,
		Recurring: &stripego.PriceRecurringParams{Interval: &interval},
	})
	r.must(err)
	return price.ID
}

func TestSubscriptionsLife(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe("4242424242424242", func(*stripego.CheckoutSessionParams) {})
	for _, proration := range []string{"create_prorations", "always_invoice", "none"} {
		for _, interval := range []string{"month", "year"} {
			in := &stripego.SubscriptionParams{
				Items: []*stripego.SubscriptionItemsParams{{
					ID: &sub.Items.Data[0].ID, Price: stripego.String(r.price(5900, interval)), Quantity: stripego.Int64(3),
				}},
				ProrationBehavior: &proration, PaymentBehavior: stripego.String("error_if_incomplete"),
			}
			in.AddMetadata("plan", "team")
			_, err := r.api.Subscriptions.Update(sub.ID, in)
			r.must(err)
			r.sb.Clock().Advance(10 * day)
		}
	}
	for _, behavior := range []string{"void", "mark_uncollectible", "keep_as_draft"} {
		_, err := r.api.Subscriptions.Update(sub.ID, &stripego.SubscriptionParams{
			PauseCollection: &stripego.SubscriptionPauseCollectionParams{Behavior: &behavior},
		})
		r.must(err)
		r.sb.Clock().Advance(366 * day)
	}
	r.must(drain(r.api.Subscriptions.List(&stripego.SubscriptionListParams{Customer: &sub.Customer.ID}).Iter))
	search := &stripego.SubscriptionSearchParams{SearchParams: stripego.SearchParams{
		Query: `metadata['user_id']:'42'`, Limit: stripego.Int64(1),
	}}
	r.subscribe("4242424242424242", func(*stripego.CheckoutSessionParams) {})
	found := r.api.Subscriptions.Search(search)
	n := 0
	for ; found.Next(); n++ {
		continue
	}
	r.must(found.Err())
	if n != 2 {
		t.Errorf("%d subscriptions were found on their pages", n)
	}
	_, err := r.api.Subscriptions.Cancel(sub.ID, nil)
	r.must(err)
	r.events()
	r.accepted()
}

func TestDunningsLife(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe("4000000000000341", func(*stripego.CheckoutSessionParams) {})
	r.sb.Clock().Advance(32 * day)
	read := func() {
		_, err := r.api.Subscriptions.Get(sub.ID, &stripego.SubscriptionParams{
			Expand: []*string{stripego.String("latest_invoice.payment_intent")},
		})
		r.must(err)
	}
	read()
	portal, err := r.api.BillingPortalSessions.New(&stripego.BillingPortalSessionParams{
		Customer: &sub.Customer.ID, ReturnURL: stripego.String("https://shop.example.com"),
	})
	r.must(err)
	form := url.Values{"action": {"card"}}
	maps.Copy(form, cardData)
	r.pay(portal.URL, form)
	read()
	form.Set("number", "4000000000000341")
	r.pay(portal.URL, form)
	r.sb.Clock().Advance(60 * day)
	read()
	r.events()
	r.accepted()
}

func TestTrialsLife(t *testing.T) {
	for _, missing := range []string{"cancel", "pause", "create_invoice"} {
		r := newRig(t)
		sub := r.subscribe("", func(in *stripego.CheckoutSessionParams) {
			in.PaymentMethodCollection = stripego.String("if_required")
			in.SubscriptionData.TrialPeriodDays = stripego.Int64(5)
			in.SubscriptionData.TrialSettings = &stripego.CheckoutSessionSubscriptionDataTrialSettingsParams{
				EndBehavior: &stripego.CheckoutSessionSubscriptionDataTrialSettingsEndBehaviorParams{
					MissingPaymentMethod: &missing,
				},
			}
		})
		r.sb.Clock().Advance(6 * day)
		sub, err := r.api.Subscriptions.Get(sub.ID, nil)
		r.must(err)
		if sub.Status == stripego.SubscriptionStatusPaused {
			seller := connectTo(t, r.url, r.judged).(provider.Seller)
			resumed, err := seller.Subscriptions().Resume(t.Context(), sub.ID)
			r.must(err)
			if resumed.Status == billing.StatusPaused {
				t.Error("what a trial's end paused is still paused")
			}
		}
		r.events()
		r.accepted()
	}
}
