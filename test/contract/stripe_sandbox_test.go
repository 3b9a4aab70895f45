package contract_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

const key = "sk_test_contract"

type rig struct {
	*judged
	t   *testing.T
	sb  *sandbox.Sandbox
	api *client.API
	url string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	sb, address := newSandbox(t)
	j := newJudged(t, http.DefaultTransport)
	backend := stripego.GetBackendWithConfig(stripego.APIBackend, &stripego.BackendConfig{
		URL: &address, HTTPClient: &http.Client{Transport: j}, MaxNetworkRetries: stripego.Int64(0),
		EnableTelemetry: stripego.Bool(false), LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull},
	})
	return &rig{judged: j, sb: sb, api: client.New(key, &stripego.Backends{API: backend}), url: address, t: t}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// accepted fails when something sent or answered was not Stripe's, or nothing was checked.
func (r *rig) accepted() {
	r.t.Helper()
	for _, problem := range r.problems() {
		r.t.Error(problem)
	}
	if r.mirror.Seen() == 0 || r.answers() == 0 {
		r.t.Error("nothing was checked")
	}
}

func TestCatalogue(t *testing.T) {
	r := newRig(t)
	product := &stripego.ProductParams{
		ID: stripego.String("kassa_1"), Name: stripego.String("Pro"), Description: stripego.String("All of it"),
		TaxCode: stripego.String("txcd_10000000"), UnitLabel: stripego.String("seat"),
		StatementDescriptor: stripego.String("ACME"), Shippable: stripego.Bool(false),
		URL: stripego.String("https://example.com"), Images: stripego.StringSlice([]string{"https://example.com/a.png"}),
		Features: []*stripego.ProductFeatureParams{{Name: stripego.String("Fast")}},
		PackageDimensions: &stripego.ProductPackageDimensionsParams{
			Height: stripego.Float64(1.5), Length: stripego.Float64(2), Weight: stripego.Float64(3), Width: stripego.Float64(4),
		},
	}
	product.AddMetadata("owner", "a")
	_, err := r.api.Products.New(product)
	r.must(err)
	plain := &stripego.PriceParams{
		Product: product.ID, Currency: stripego.String("usd"), UnitAmount: stripego.Int64(2900),
		LookupKey: stripego.String("pro.month"), TransferLookupKey: stripego.Bool(true), Nickname: stripego.String("Monthly"),
		TaxBehavior: stripego.String("exclusive"),
		Recurring: &stripego.PriceRecurringParams{
			Interval: stripego.String("month"), IntervalCount: stripego.Int64(1), UsageType: stripego.String("licensed"),
		},
		CurrencyOptions: map[string]*stripego.PriceCurrencyOptionsParams{"eur": {UnitAmount: stripego.Int64(2700)}},
	}
	plain.AddMetadata("owner", "a")
	for _, path := range []string{"product", "currency_options", "product.default_price"} {
		plain.AddExpand(path)
	}
	price, err := r.api.Prices.New(plain)
	r.must(err)
	tiered := &stripego.PriceParams{
		Product: product.ID, Currency: stripego.String("usd"), BillingScheme: stripego.String("tiered"),
		TiersMode: stripego.String("graduated"), Recurring: &stripego.PriceRecurringParams{
			Interval: stripego.String("year"), UsageType: stripego.String("metered"), AggregateUsage: stripego.String("max"),
		},
		Tiers: []*stripego.PriceTierParams{
			{UpTo: stripego.Int64(10), UnitAmount: stripego.Int64(500)},
			{UpToInf: stripego.Bool(true), UnitAmountDecimal: stripego.Float64(1.25), FlatAmount: stripego.Int64(100)},
		},
	}
	tiered.AddExpand("tiers")
	_, err = r.api.Prices.New(tiered)
	r.must(err)
	_, err = r.api.Prices.New(&stripego.PriceParams{
		Currency: stripego.String("jpy"), UnitAmount: stripego.Int64(500),
		ProductData:       &stripego.PriceProductDataParams{Name: stripego.String("Inline")},
		TransformQuantity: &stripego.PriceTransformQuantityParams{DivideBy: stripego.Int64(5), Round: stripego.String("up")},
	})
	r.must(err)

	update := &stripego.ProductParams{DefaultPrice: &price.ID, Description: stripego.String("")}
	update.AddExpand("default_price")
	_, err = r.api.Products.Update("kassa_1", update)
	r.must(err)
	_, err = r.api.Prices.Update(price.ID, &stripego.PriceParams{Nickname: stripego.String("M")})
	r.must(err)
	_, err = r.api.Products.Get("kassa_1", nil)
	r.must(err)
	_, err = r.api.Prices.Get(price.ID, nil)
	r.must(err)

	prices := &stripego.PriceListParams{
		Product: product.ID, Active: stripego.Bool(true), LookupKeys: stripego.StringSlice([]string{"pro.month"}),
		Type: stripego.String("recurring"), Recurring: &stripego.PriceListRecurringParams{Interval: stripego.String("month")},
	}
	prices.AddExpand("data.product")
	prices.AddExpand("data.currency_options")
	prices.Limit = stripego.Int64(100)
	r.must(drain(r.api.Prices.List(prices).Iter))
	products := &stripego.ProductListParams{Active: stripego.Bool(true), IDs: stripego.StringSlice([]string{"kassa_1"})}
	r.must(drain(r.api.Products.List(products).Iter))

	empty, err := r.api.Products.New(&stripego.ProductParams{Name: stripego.String("Empty")})
	r.must(err)
	_, err = r.api.Products.Del(empty.ID, nil)
	r.must(err)
	_, err = r.api.Accounts.Get()
	r.must(err)
	_, err = r.api.Balance.Get(nil)
	r.must(err)
	r.events()
	r.accepted()
}

func drain(it *stripego.Iter) error {
	for it.Next() {
		continue
	}
	return it.Err()
}

// events reads all events; each one's object must be Stripe's too.
func (r *rig) events() {
	r.t.Helper()
	it := r.api.Events.List(&stripego.EventListParams{})
	n := 0
	for it.Next() {
		n++
		if err := r.schemas.Object(it.Event().Data.Raw); err != nil {
			r.t.Errorf("%s: the object is not Stripe's:\n%v\n%s", it.Event().Type, err, it.Event().Data.Raw)
		}
	}
	r.must(it.Err())
	if n == 0 {
		r.t.Error("there are no events")
	}
}

func TestEndpoints(t *testing.T) {
	r := newRig(t)
	in := &stripego.WebhookEndpointParams{
		URL: stripego.String("https://hooks.example.com/a"), APIVersion: stripego.String("2023-10-16"),
		EnabledEvents: stripego.StringSlice([]string{"invoice.paid", "customer.subscription.updated"}),
		Description:   stripego.String("Kassa"),
	}
	in.AddMetadata("owner", "a")
	e, err := r.api.WebhookEndpoints.New(in)
	r.must(err)
	_, err = r.api.WebhookEndpoints.Get(e.ID, nil)
	r.must(err)
	_, err = r.api.WebhookEndpoints.Update(e.ID, &stripego.WebhookEndpointParams{
		Disabled: stripego.Bool(true), EnabledEvents: stripego.StringSlice([]string{"*"}),
	})
	r.must(err)
	r.must(drain(r.api.WebhookEndpoints.List(&stripego.WebhookEndpointListParams{}).Iter))
	_, err = r.api.WebhookEndpoints.Del(e.ID, nil)
	r.must(err)
	r.accepted()
}

func TestCheckout(t *testing.T) {
	for _, mode := range []string{"payment", "subscription"} {
		for _, number := range []string{
			"4242424242424242", "4000000000000002", "4000002500003155", "4000000000000341",
		} {
			t.Run(mode+" "+number, func(t *testing.T) { checkout(newRig(t), mode, number) })
		}
	}
}

func checkout(r *rig, mode, number string) {
	product, err := r.api.Products.New(&stripego.ProductParams{Name: stripego.String("Pro")})
	r.must(err)
	in := &stripego.PriceParams{Product: &product.ID, Currency: stripego.String("usd"), UnitAmount: stripego.Int64(2900)}
	params := &stripego.CheckoutSessionParams{
		Mode: &mode, SuccessURL: stripego.String("https://shop.example.com/ok?s={CHECKOUT_SESSION_ID}"),
		CancelURL: stripego.String("https://shop.example.com/no"), ClientReferenceID: stripego.String("user_42"),
		CustomerEmail: stripego.String("jane@example.com"),
	}
	params.AddMetadata("user_id", "42")
	if mode == "subscription" {
		in.Recurring = &stripego.PriceRecurringParams{Interval: stripego.String("month")}
		params.SubscriptionData = &stripego.CheckoutSessionSubscriptionDataParams{Metadata: params.Metadata}
	} else {
		params.PaymentIntentData = &stripego.CheckoutSessionPaymentIntentDataParams{Metadata: params.Metadata}
		params.CustomerCreation = stripego.String("always")
	}
	price, err := r.api.Prices.New(in)
	r.must(err)
	params.LineItems = []*stripego.CheckoutSessionLineItemParams{{Price: &price.ID, Quantity: stripego.Int64(1)}}
	params.AddExpand("line_items")
	session, err := r.api.CheckoutSessions.New(params)
	r.must(err)
	r.pay(session.URL, url.Values{
		"number": {number}, "exp": {"12/40"}, "cvc": {"123"}, "email": {"jane@example.com"},
	})
	if strings.HasSuffix(number, "3155") {
		r.events()
		r.pay(session.URL+"/authenticate", url.Values{"outcome": {"complete"}})
	}

	full := &stripego.CheckoutSessionParams{}
	for _, path := range []string{"customer", "payment_intent", "subscription.latest_invoice.charge", "invoice"} {
		full.AddExpand(path)
	}
	session, err = r.api.CheckoutSessions.Get(session.ID, full)
	r.must(err)
	if session.Subscription != nil {
		r.must(r.sb.Stripe().Account(key).Renew(session.Subscription.ID))
		_, err = r.api.Subscriptions.Get(session.Subscription.ID, nil)
		r.must(err)
		_, err = r.api.Invoices.Get(session.Invoice.ID, nil)
		r.must(err)
	}
	if session.Customer != nil {
		_, err = r.api.Customers.Get(session.Customer.ID, nil)
		r.must(err)
	}
	if session.PaymentIntent != nil {
		_, err = r.api.PaymentIntents.Get(session.PaymentIntent.ID, nil)
		r.must(err)
	}
	r.must(drain(r.api.CheckoutSessions.ListLineItems(
		&stripego.CheckoutSessionListLineItemsParams{Session: &session.ID}).Iter))
	r.must(drain(r.api.CheckoutSessions.List(&stripego.CheckoutSessionListParams{}).Iter))
	if session.Status == stripego.CheckoutSessionStatusOpen {
		_, err = r.api.CheckoutSessions.Expire(session.ID, nil)
		r.must(err)
	}
	r.events()
	r.accepted()
}

func (r *rig) pay(address string, form url.Values) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	r.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	defer res.Body.Close()
	var answer struct{ Status string }
	r.must(json.NewDecoder(res.Body).Decode(&answer))
	if answer.Status == "" || answer.Status == "invalid" {
		r.t.Fatalf("paying at %s answered %d %q", address, res.StatusCode, answer.Status)
	}
}

func TestErrorsAreStripes(t *testing.T) {
	r := newRig(t)
	r.mirror.Skip = func(*http.Request) bool { return true }
	_, missing := r.api.Products.Get("no", nil)
	_, wrong := r.api.Products.New(&stripego.ProductParams{UnitLabel: stripego.String("much too long a label")})
	for _, err := range []error{missing, wrong} {
		if err == nil {
			t.Error("the call must fail")
		}
	}
	if n := r.answers(); n != 2 {
		t.Errorf("%d answers were checked, want 2", n)
	}
	for _, problem := range r.problems() {
		t.Error(problem)
	}
}
