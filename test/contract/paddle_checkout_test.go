package contract_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	paddlesdk "github.com/PaddleHQ/paddle-go-sdk/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/test/contract"
)

// shop is a sandbox that the adapter sells in, with the judge between them.
type shop struct {
	*paddleRig
	seller provider.Seller
	plans  map[string]string // prices by name
}

func newShop(t *testing.T) *shop {
	t.Helper()
	r := newPaddleRig(t)
	conn, err := paddle.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: sellerKey, BaseURL: r.address + "/paddle", HTTP: &http.Client{Transport: r.judge},
	})
	r.must(err)
	seller, ok := conn.(provider.Seller)
	if !ok {
		t.Fatal("a connection of Paddle's does not sell")
	}
	s := &shop{paddleRig: r, seller: seller, plans: map[string]string{}}
	s.sdk, err = paddlesdk.New(sellerKey, paddlesdk.WithBaseURL(r.address), paddlesdk.WithClient(prefixed{r.judge}))
	r.must(err)
	product, err := s.sdk.CreateProduct(t.Context(), &paddlesdk.CreateProductRequest{
		Name: "Pro", TaxCategory: paddlesdk.TaxCategorySaas,
	})
	r.must(err)
	month := &paddlesdk.Duration{Interval: paddlesdk.IntervalMonth, Frequency: 1}
	for name, in := range map[string]paddlesdk.CreatePriceRequest{
		"monthly": {UnitPrice: usd("2900"), BillingCycle: month},
		"bigger":  {UnitPrice: usd("9900"), BillingCycle: month},
		"trial": {
			UnitPrice: usd("2900"), BillingCycle: month,
			TrialPeriod: &paddlesdk.Duration{Interval: paddlesdk.IntervalDay, Frequency: 14},
		},
		"once": {UnitPrice: usd("500")},
	} {
		in.ProductID, in.Description = product.ID, name
		price, err := s.sdk.CreatePrice(t.Context(), &in)
		r.must(err)
		s.plans[name] = price.ID
	}
	return s
}

var sellerKey = "pdl_sdbx_" + "apikey_" + strings.Repeat("a", 26) + "_" + strings.Repeat("b", 22) + "_ccc"

func usd(amount string) paddlesdk.Money {
	return paddlesdk.Money{Amount: amount, CurrencyCode: paddlesdk.CurrencyCodeUSD}
}

var buyer = provider.User{ID: "u1", Email: "buyer@example.com"}

func (s *shop) open(price string) provider.Checkout {
	s.t.Helper()
	out, err := s.seller.Checkouts().Open(s.t.Context(), provider.CheckoutSpec{
		PriceID: s.plans[price], Plan: "pro", Price: price, Quantity: 1, Currency: "USD", UserID: buyer.ID,
		Email: buyer.Email, PageURL: "https://pay.example.com/paddle", Metadata: map[string]string{"team": "a"},
	})
	s.must(err)
	return out
}

// pay fills in the page of the sandbox as a buyer does, and returns what became of it.
func (s *shop) pay(checkout provider.Checkout, number string) string {
	s.t.Helper()
	return s.post("/paddle-checkout/"+checkout.ID, url.Values{
		"number": {number}, "exp": {"12/40"}, "cvc": {"123"}, "email": {buyer.Email},
	})
}

func (s *shop) post(path string, form url.Values) string {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.address+path, strings.NewReader(form.Encode()))
	s.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	s.must(err)
	defer res.Body.Close()
	var out struct{ Status string }
	s.must(json.NewDecoder(res.Body).Decode(&out))
	return out.Status
}

// Everything that the adapter sends to sell and to manage subscriptions, and everything that the sandbox answers to
// that, is as Paddle's OpenAPI says; and so are the events of it.
func TestPaddleJudgesCheckoutsAndSubscriptions(t *testing.T) {
	s := newShop(t)
	inbox := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(inbox.Close)
	var all []paddlesdk.EventTypeName
	types, err := s.sdk.ListEventTypes(t.Context(), &paddlesdk.ListEventTypesRequest{})
	s.must(err)
	s.must(types.Iter(t.Context(), func(e *paddlesdk.EventType) (bool, error) {
		all = append(all, e.Name)
		return true, nil
	}))
	_, err = s.sdk.CreateNotificationSetting(t.Context(), &paddlesdk.CreateNotificationSettingRequest{
		Description: "Kassa", Destination: inbox.URL, Type: paddlesdk.NotificationSettingTypeURL, SubscribedEvents: all,
	})
	s.must(err)

	s.live(t)
	s.renewals(t)
	s.arrears(t)

	var kinds []string
	schemas, err := contract.Paddle()
	s.must(err)
	for _, n := range s.sb.Paddle().Account(sellerKey).Notifications() {
		body, err := json.Marshal(n.Payload)
		s.must(err)
		if err := schemas.Event(n.Type, body); err != nil {
			t.Errorf("%s: %v\n%s", n.Type, err, body)
		}
		if lacking := schemas.Lacking(n.Type, body); len(lacking) > 0 {
			t.Errorf("%s lacks %v", n.Type, lacking)
		}
		kinds = append(kinds, n.Type)
	}
	slices.Sort(kinds)
	want := strings.Fields(`address.created customer.created subscription.activated subscription.canceled
		subscription.created subscription.past_due subscription.paused subscription.trialing subscription.updated
		transaction.billed transaction.canceled transaction.completed transaction.created transaction.paid
		transaction.past_due transaction.payment_failed transaction.ready transaction.updated`)
	if diff := cmp.Diff(want, slices.Compact(kinds)); diff != "" {
		t.Errorf("other events were sent (-want +got):\n%s", diff)
	}
	s.accepted()
	seen := s.judge.Seen()
	for _, kind := range []string{
		"GET /customers: 200", "GET /subscriptions/{subscription_id}: 200", "GET /subscriptions: 200",
		"GET /transactions: 200", "GET /transactions/{transaction_id}: 200", "PATCH /subscriptions/{subscription_id}: 200",
		"POST /customers/{customer_id}/portal-sessions: 201", "POST /customers: 201",
		"POST /subscriptions/{subscription_id}/cancel: 200", "POST /subscriptions/{subscription_id}/pause: 200",
		"POST /transactions: 201",
	} {
		if !slices.Contains(seen, kind) {
			t.Errorf("%s was not judged: %v", kind, seen)
		}
	}
}

// live buys a subscription, changes, cancels and resumes it.
func (s *shop) live(t *testing.T) {
	t.Helper()
	ctx, subscriptions := t.Context(), s.seller.Subscriptions()
	checkout := s.open("monthly")
	if status := s.pay(checkout, "4000000000000002"); status != "declined" {
		t.Fatalf("a declined card is %s", status)
	}
	if status := s.pay(checkout, "4000002500003155"); status != "requires_action" {
		t.Fatalf("a card that asks for authentication is %s", status)
	}
	if status := s.post("/paddle-checkout/"+checkout.ID+"/authenticate", url.Values{"outcome": {"complete"}}); status !=
		"complete" {
		t.Fatalf("an authenticated card is %s", status)
	}
	mine, err := subscriptions.List(ctx, buyer)
	s.must(err)
	if len(mine) != 1 || mine[0].UserID != buyer.ID || mine[0].Status != billing.StatusActive {
		t.Fatalf("the buyer has %+v", mine)
	}
	id := mine[0].ID
	_, err = subscriptions.Change(ctx, id, provider.SubscriptionChange{
		PriceID: s.plans["bigger"], Proration: billing.ProrateImmediately,
	})
	s.must(err)
	_, err = subscriptions.Cancel(ctx, id, false)
	s.must(err)
	_, err = subscriptions.Resume(ctx, id)
	s.must(err)
	_, err = subscriptions.Portal(ctx, mine[0], "")
	s.must(err)
	// One whose custom_data is gone is still the buyer's, by its transaction.
	_, err = s.sdk.UpdateSubscription(ctx, &paddlesdk.UpdateSubscriptionRequest{
		SubscriptionID: id, CustomData: paddlesdk.NewNullPatchField[paddlesdk.CustomData](),
	})
	s.must(err)
	got, err := subscriptions.Get(ctx, id)
	s.must(err)
	if got.UserID != buyer.ID || got.PriceID != s.plans["bigger"] {
		t.Errorf("the subscription is read as %+v", got)
	}
	_, err = subscriptions.Cancel(ctx, id, true)
	s.must(err)
	var refused *provider.RefusalError
	if _, err = subscriptions.Resume(ctx, id); !errors.As(err, &refused) {
		t.Errorf("the end of a subscription is undone: %v", err)
	}
}

// renewals lets time pass over a trial, and over a card that fails.
func (s *shop) renewals(t *testing.T) {
	t.Helper()
	if status := s.pay(s.open("trial"), "4000000000000341"); status != "complete" {
		t.Fatalf("a trial is %s", status)
	}
	if status := s.pay(s.open("trial"), "4242424242424242"); status != "complete" {
		t.Fatalf("a trial is %s", status)
	}
	s.sb.Clock().Advance(15 * 24 * time.Hour)
	mine, err := s.seller.Subscriptions().List(t.Context(), buyer)
	s.must(err)
	if len(mine) != 2 || mine[0].Status != billing.StatusPastDue || mine[1].Status != billing.StatusActive {
		t.Fatalf("after the trial: %+v", mine)
	}
	s.sb.Clock().Advance(100 * 24 * time.Hour)
	mine, err = s.seller.Subscriptions().List(t.Context(), buyer)
	s.must(err)
	if len(mine) != 1 || mine[0].Status != billing.StatusActive {
		t.Fatalf("after the last attempt: %+v", mine)
	}
}

// arrears reads what a card that fails owes, and does to its subscription all that dunning can do.
func (s *shop) arrears(t *testing.T) {
	t.Helper()
	if status := s.pay(s.open("trial"), "4000000000000341"); status != "complete" {
		t.Fatalf("a trial is %s", status)
	}
	s.sb.Clock().Advance(15 * 24 * time.Hour)
	dunner, ok := s.seller.(provider.Dunner)
	if !ok {
		t.Fatal("a connection of Paddle's does no dunning")
	}
	for _, owed := range s.sb.Paddle().Account(sellerKey).Transactions() {
		if owed.Status != "past_due" {
			continue
		}
		event := &billing.Event{Native: []byte(`{"data":{"id":"` + owed.ID + `"}}`)}
		got, err := dunner.Dunning().Arrears(t.Context(), event)
		s.must(err)
		if !got.Open || got.FailedPayments == 0 {
			t.Errorf("what is past due is read as %+v", got)
		}
		sub, err := dunner.Subscriptions().Get(t.Context(), got.SubscriptionID)
		s.must(err)
		if sub.Status != billing.StatusPastDue {
			continue // it ended with its last attempt
		}
		sub, err = dunner.Subscriptions().Cancel(t.Context(), sub.ID, false)
		s.must(err)
		if !sub.CancelAtPeriodEnd {
			t.Errorf("canceled to %+v", sub)
		}
		for range 2 {
			sub, err = dunner.Dunning().Pause(t.Context(), sub.ID)
			s.must(err)
			if sub.Status != billing.StatusPaused {
				t.Errorf("paused to %+v", sub)
			}
		}
		sub, err = dunner.Subscriptions().Cancel(t.Context(), sub.ID, true)
		s.must(err)
		if sub.Status != billing.StatusCanceled {
			t.Errorf("ended to %+v", sub)
		}
	}
}
