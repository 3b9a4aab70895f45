package contract_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

var cardData = url.Values{
	"number": {"4242424242424242"}, "exp": {"12/40"}, "cvc": {"123"}, "email": {"jane@example.com"},
}

// everySale calls each method of a seller with every field set, and with what else makes it send something else.
func everySale(t *testing.T, j *judged) {
	_, address := newSandbox(t)
	unjudged, conn := connectTo(t, address, http.DefaultTransport).Catalog(), connectTo(t, address, j).(provider.Seller)
	page := &rig{t: t}
	product, err := unjudged.CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro"}, IdempotencyKey: "product",
	})
	page.must(err)
	price := func(name, amount string, every billing.Recurring) string {
		spec := desired(t, name, amount, "USD", every).Spec
		if name == "monthly" {
			spec.Terms.Options = []billing.CurrencyOption{{Money: billing.Money{Minor: 2700, Currency: "EUR"}}}
		}
		made, err := unjudged.CreatePrice(t.Context(), provider.CreatePrice{
			Owner: owner, ProductID: product.ID, Name: name, Spec: spec, IdempotencyKey: name,
		})
		page.must(err)
		return made.ID
	}
	monthly := price("monthly", "29.00", billing.Recurring{Interval: billing.Month, Count: 1})
	yearly := price("yearly", "290.00", billing.Recurring{Interval: billing.Year, Count: 1})
	spec := provider.CheckoutSpec{
		ProductID: product.ID, PriceID: monthly, Owner: owner, Plan: "pro", Price: "monthly", Recurring: true,
		Trial: &provider.CheckoutTrial{Days: 14, OnMissing: billing.MissingCancel}, Quantity: 2, Currency: "EUR",
		SuccessURL: "https://shop.example.com/ok?s={SESSION_ID}", CancelURL: "https://shop.example.com/no",
		PageURL: "https://shop.example.com/pay", UserID: "o'neil", Email: "jane@example.com",
		Metadata: map[string]string{"team": "growth"}, PromotionCodes: true, AutomaticTax: true, BillingAddress: true,
		ExpiresAt: time.Now().Add(time.Hour).Truncate(time.Minute), ExpiryStep: time.Minute, IdempotencyKey: "purchase",
	}
	d := driver{t: t, called: map[string]bool{}, empty: "UpdatedAt"}
	sales, subscriptions := conn.Checkouts(), conn.Subscriptions()

	checkout := call[provider.Checkouts](d, sales, "Open", spec).(provider.Checkout)
	again, err := sales.Open(t.Context(), spec)
	page.must(err)
	if again != checkout {
		t.Errorf("the same purchase gave %+v and %+v", checkout, again)
	}
	later := spec
	later.ExpiresAt = spec.ExpiresAt.Add(3 * spec.ExpiryStep)
	again, err = sales.Open(t.Context(), later)
	page.must(err)
	if again != checkout {
		t.Errorf("the same purchase gave %+v, and three minutes later %+v", checkout, again)
	}
	once := spec
	once.Recurring, once.Trial, once.Currency, once.IdempotencyKey = false, nil, "", "once"
	once.PriceID = price("lifetime", "490.00", billing.Recurring{})
	_, err = sales.Open(t.Context(), once)
	page.must(err)
	page.pay(checkout.URL, cardData)

	mine := call[provider.Subscriptions](d, subscriptions, "List", provider.User{
		ID: "o'neil", Email: "jane@example.com",
	}).([]billing.Subscription)
	if len(mine) != 1 || mine[0].UserID != "o'neil" || mine[0].Plan != "pro" || mine[0].Price != "monthly" ||
		mine[0].Quantity != 2 || mine[0].Status != billing.StatusTrialing || mine[0].Currency != "EUR" {
		t.Fatalf("the user's subscriptions are %+v", mine)
	}
	id := mine[0].ID
	change := provider.SubscriptionChange{
		PriceID: yearly, Owner: owner, Plan: "pro", Price: "yearly", Quantity: 3, Proration: billing.ProrateImmediately,
		IdempotencyKey: "change",
	}
	var refused *provider.RefusalError
	if _, err := subscriptions.Change(t.Context(), id, change); !errors.As(err, &refused) {
		t.Errorf("a price without the subscription's currency must be refused with a reason, not by %v", err)
	}
	change.PriceID, change.Price = price("weekly", "9.00", billing.Recurring{Interval: billing.Week, Count: 1}), "weekly"
	usd := spec
	usd.Currency, usd.Trial, usd.IdempotencyKey = "", nil, "dollars"
	checkout, err = sales.Open(t.Context(), usd)
	page.must(err)
	page.pay(checkout.URL, cardData)
	mine, err = subscriptions.List(t.Context(), provider.User{ID: "o'neil"})
	page.must(err)
	id = mine[0].ID
	d.empty = "Metered"
	changed := call[provider.Subscriptions](d, subscriptions, "Change", id, change).(billing.Subscription)
	if changed.PriceID != change.PriceID || changed.Quantity != 3 || changed.Price != "weekly" {
		t.Errorf("the subscription is %+v", changed)
	}
	d.empty = "now"
	if s := call[provider.Subscriptions](d, subscriptions, "Get", id).(billing.Subscription); s != changed {
		t.Errorf("the change answered %+v, but it is %+v", changed, s)
	}
	if s, err := subscriptions.Cancel(t.Context(), id, false); err != nil || !s.CancelAtPeriodEnd || s.EndsAt.IsZero() {
		t.Errorf("canceled to %+v: %v", s, err)
	}
	resumed := call[provider.Subscriptions](d, subscriptions, "Resume", id).(billing.Subscription)
	post(t, address+"/v1/subscriptions/"+id, url.Values{
		"cancel_at": {strconv.FormatInt(time.Now().Add(240*time.Hour).Unix(), 10)},
	})
	if s, err := subscriptions.Resume(t.Context(), id); err != nil || s != resumed || s.CancelAtPeriodEnd {
		t.Errorf("resumed to %+v and %+v: %v", resumed, s, err)
	}
	everyDunning(t, address, conn, id)
	portal, err := subscriptions.Portal(t.Context(), resumed, "https://shop.example.com/account")
	page.must(err)
	d.called["Subscriptions.Portal"] = true
	page.pay(portal, url.Values{"action": {"cancel"}, "subscription": {id}})
	for range 2 {
		ended := call[provider.Subscriptions](d, subscriptions, "Cancel", id, true).(billing.Subscription)
		if ended.Status != billing.StatusCanceled || ended.EndsAt.IsZero() {
			t.Errorf("ended to %+v", ended)
		}
	}
	want := map[string]bool{}
	senders(reflect.TypeFor[provider.Seller](), want)
	if diff := cmp.Diff(want, d.called); diff != "" {
		t.Errorf("the methods called are not those of the contract (-contract +called):\n%s", diff)
	}
}

// everyDunning reads the subscription's last invoice and pauses the subscription.
func everyDunning(t *testing.T, address string, conn provider.Seller, id string) {
	t.Helper()
	dunner, ok := conn.(provider.Dunner)
	if !ok {
		t.Fatal("a connection of Stripe's does no dunning")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/v1/subscriptions/"+id, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var sub struct {
		Invoice string `json:"latest_invoice"`
	}
	if err := json.NewDecoder(res.Body).Decode(&sub); err != nil {
		t.Fatal(err)
	}
	event := `{"id":"evt_1","type":"invoice.payment_failed","data":{"object":` +
		`{"object":"invoice","id":"` + sub.Invoice + `"}}}`
	got, err := dunner.Dunning().Arrears(t.Context(), &billing.Event{Native: []byte(event)})
	if err != nil || got.InvoiceID != sub.Invoice || got.SubscriptionID != id || got.Open {
		t.Errorf("owed are %+v: %v", got, err)
	}
	if s, err := dunner.Dunning().Pause(t.Context(), id); err != nil || !s.CollectionPaused {
		t.Errorf("paused to %+v: %v", s, err)
	}
}
