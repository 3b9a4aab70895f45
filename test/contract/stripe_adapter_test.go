package contract_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

var owner = billing.Owner{Cluster: "cluster-1", Namespace: "shop", Name: "pro", UID: "uid-1"}

// connect connects to a new sandbox, through the client that production uses.
func connect(t *testing.T, transport http.RoundTripper) provider.Connection {
	t.Helper()
	_, address := newSandbox(t)
	return connectTo(t, address, transport)
}

func connectTo(t *testing.T, address string, transport http.RoundTripper) provider.Connection {
	t.Helper()
	conn, err := stripe.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: key, BaseURL: address,
		HTTP: instrument.Client(instrument.Options{Provider: billing.Stripe, Base: transport}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// allRequests are the requests that the adapter makes, with every parameter that it ever sends.
var allRequests = map[string]string{
	"get account: GET /v1/account":       "",
	"get mode: GET /v1/balance":          "",
	"get mode: GET /v1/products":         "limit",
	"get price: GET /v1/prices/{price}":  "expand[]",
	"get product: GET /v1/products/{id}": "",
	"list prices: GET /v1/prices":        "active expand[] limit product starting_after",
	"list products: GET /v1/products":    "limit starting_after",

	"create price: POST /v1/prices": "billing_scheme currency currency_options[][tax_behavior] " +
		"currency_options[][tiers][][flat_amount] currency_options[][tiers][][unit_amount] " +
		"currency_options[][tiers][][up_to] currency_options[][unit_amount] expand[] lookup_key metadata[] nickname " +
		"product recurring[aggregate_usage] recurring[interval] recurring[interval_count] recurring[usage_type] " +
		"tax_behavior tiers[][flat_amount] tiers[][unit_amount] tiers[][up_to] tiers_mode transfer_lookup_key unit_amount",

	"create product: POST /v1/products": "description features[][name] id images[] metadata[] name tax_code unit_label",

	"update price: POST /v1/prices/{price}": "active expand[] lookup_key metadata[] nickname transfer_lookup_key",

	"update product: POST /v1/products/{id}": "active default_price description features features[][name] images " +
		"images[] metadata[] name tax_code unit_label",

	// An account has at most 16 endpoints: there is no second page.
	"list webhook endpoints: GET /v1/webhook_endpoints": "limit",

	"create webhook endpoint: POST /v1/webhook_endpoints": "api_version description enabled_events[] metadata[] url",

	"update webhook endpoint: POST /v1/webhook_endpoints/{webhook_endpoint}": "disabled enabled_events[] metadata[] " +
		"url",

	"delete webhook endpoint: DELETE /v1/webhook_endpoints/{webhook_endpoint}": "",

	"open checkout: POST /v1/checkout/sessions": "allow_promotion_codes automatic_tax[enabled] " +
		"billing_address_collection cancel_url client_reference_id currency customer_creation customer_email expires_at " +
		"line_items[][price] line_items[][quantity] metadata[] mode payment_intent_data[metadata][] " +
		"payment_method_collection subscription_data[metadata][] subscription_data[trial_period_days] " +
		"subscription_data[trial_settings][end_behavior][missing_payment_method] success_url",

	"open checkout: GET /v1/checkout/sessions/{session}": "",

	// A user has no second page of subscriptions; the sandbox's own tests read one.
	"list subscriptions: GET /v1/subscriptions/search": "limit query",

	"get subscription: GET /v1/subscriptions/{subscription_exposed_id}":       "",
	"cancel subscription: DELETE /v1/subscriptions/{subscription_exposed_id}": "",
	"cancel subscription: POST /v1/subscriptions/{subscription_exposed_id}":   "cancel_at_period_end",
	"resume subscription: POST /v1/subscriptions/{subscription_exposed_id}":   "cancel_at cancel_at_period_end",

	"change subscription: POST /v1/subscriptions/{subscription_exposed_id}": "items[][id] items[][price] " +
		"items[][quantity] metadata[] payment_behavior proration_behavior",

	"get invoice: GET /v1/invoices/{invoice}":                              "",
	"pause subscription: POST /v1/subscriptions/{subscription_exposed_id}": "pause_collection[behavior]",

	"open portal: POST /v1/billing_portal/sessions": "customer return_url",

	"list events: GET /v1/events": "created[gte] created[lte] delivery_success limit starting_after",
}

// Every request that the adapter can make is one of those listed, with no other parameters, and Stripe's own
// description accepts it: each method of the contract is called with every field set that it has, the conformance suite
// is run, and a Plan lives its life through the executor.
func TestEveryRequestOfTheAdapterIsStripes(t *testing.T) {
	j := newJudged(t, http.DefaultTransport)
	t.Run("every method", func(t *testing.T) { everyMethod(t, connect(t, j)) })
	t.Run("conformance", func(t *testing.T) {
		providertest.Run(t, providertest.Fixture{
			Adapter: stripe.Adapter{}, Mode: billing.Test, PageSize: 100, GoneProduct: "prod_gone", GonePrice: "price_gone",
			Connect: func(t *testing.T) provider.Connection { return connect(t, j) },
			Refused: func(t *testing.T) provider.Connection {
				sb, address := newSandbox(t)
				sb.Stripe().Revoke(key, true)
				return connectTo(t, address, j)
			},
		})
	})
	t.Run("pages", func(t *testing.T) { pages(t, j) })
	t.Run("every sale", func(t *testing.T) { everySale(t, j) })
	t.Run("history", func(t *testing.T) { history(t, j) })
	t.Run("life of a plan", func(t *testing.T) { lifeOfAPlan(t, j) })
	for _, problem := range j.problems() {
		t.Error(problem)
	}
	want := map[string][]string{}
	for kind, parameters := range allRequests {
		want[kind] = strings.Fields(parameters)
	}
	if diff := cmp.Diff(want, j.requests()); diff != "" {
		t.Errorf("the requests are others than those listed (-listed +sent):\n%s", diff)
	}
}

// everyMethod calls each method of the contract that takes a context, which are those that send something.
func everyMethod(t *testing.T, conn provider.Connection) {
	spec := billing.ProductSpec{
		Name: "Pro", Description: "All of it", Features: []string{"Fast", "Safe"}, UnitLabel: "seat",
		TaxCode: "txcd_10103001", ImageURLs: []string{"https://example.com/a.png"},
		Metadata: map[string]string{"team": "growth"},
	}
	other := billing.ProductSpec{
		Name: "Pro 2", Description: "More", Features: []string{"Faster"}, UnitLabel: "head", TaxCode: "txcd_10302000",
		ImageURLs: []string{"https://example.com/b.png"}, Metadata: map[string]string{"squad": "sales"},
	}
	endpoint := provider.EndpointSpec{Owner: owner, URL: "https://hooks.example.com/a"}
	endpoint.Events, _ = stripe.Codec{}.NativeEvents([]string{"*"})
	yes, display, name, kept, trial := true, "Each month", "every-month", "pro.month", 14
	d := driver{t: t, called: map[string]bool{}}

	call[provider.Connection](d, conn, "Account")
	c := conn.Catalog()
	product := call[provider.Catalog](d, c, "CreateProduct", provider.CreateProduct{
		Owner: owner, Spec: spec, IdempotencyKey: "key-1",
	}).(billing.Product)
	seats := desired(t, "monthly", "0", "USD", billing.Recurring{Interval: billing.Month, Count: 1}).Spec
	seats.Terms = usage(seats.Terms)
	seats.TrialDays = trial
	d.empty = "Terms.Money.Minor" // of a price with tiers
	price := call[provider.Catalog](d, c, "CreatePrice", provider.CreatePrice{
		Owner: owner, ProductID: product.ID, Name: "monthly", LookupKey: c.LookupKey(owner, "monthly"), KeptKey: kept,
		Spec: seats, IdempotencyKey: "key-2",
	}).(billing.Price)
	if diff := cmp.Diff(seats.Terms, price.Spec.Terms); diff != "" || price.KeptKey != kept {
		t.Errorf("the price is another, with the key %q (-want +is):\n%s", price.KeptKey, diff)
	}
	price.Spec.TrialDays = trial // which Stripe does not keep
	// What is told of a price and never written makes no difference.
	price.Title, price.BeyondTerms, price.Beyond, price.OwnTrial = "Month", []string{"a"}, []string{"b"}, trial
	product.Beyond = []string{"c"}
	key := c.LookupKey(owner, name)
	call[provider.Catalog](d, c, "UpdatePrice", price.ID, provider.PricePatch{
		Current: price, Owner: &owner, Name: &name, Active: &yes, LookupKey: &key, DisplayName: &display,
		KeptKey: &kept, TrialDays: &trial,
	})
	d.empty = ""
	product.DefaultPriceID = price.ID
	call[provider.Catalog](d, c, "UpdateProduct", product.ID, provider.ProductPatch{
		Current: product, Owner: &owner, Spec: &other, Active: &yes, DefaultPriceID: &price.ID,
	})
	observed := call[provider.Catalog](d, c, "Observe", owner,
		provider.Known{ProductID: product.ID, PriceIDs: []string{price.ID}, Only: true}).(billing.Observed)
	if observed.Product == nil || cmp.Diff(other, observed.Product.Spec) != "" {
		t.Errorf("the update has not replaced the product: %+v", observed.Product)
	}
	call[provider.Catalog](d, c, "Snapshot")
	d.empty = "Secret" // which Stripe makes
	made := call[provider.Endpoints](d, conn.Endpoints(), "Create", endpoint).(provider.Endpoint)
	endpoint.URL, endpoint.Events = "https://hooks.example.com/b", []string{"invoice.paid"}
	call[provider.Endpoints](d, conn.Endpoints(), "Update", made.ID, endpoint)
	call[provider.Endpoints](d, conn.Endpoints(), "List")
	call[provider.Endpoints](d, conn.Endpoints(), "Delete", made.ID)

	want := map[string]bool{}
	senders(reflect.TypeFor[provider.Connection](), want)
	if diff := cmp.Diff(want, d.called); diff != "" {
		t.Errorf("the methods called are not those of the contract (-contract +called):\n%s", diff)
	}
}

type driver struct {
	t      *testing.T
	called map[string]bool
	empty  string // the end of a path that may have no value
}

// call calls a method of the interface I, refuses arguments with fields that are not set, and returns the first result.
func call[I any](d driver, on I, method string, args ...any) any {
	d.t.Helper()
	in := []reflect.Value{reflect.ValueOf(d.t.Context())}
	name := reflect.TypeFor[I]().Name() + "." + method
	for _, arg := range args {
		for _, path := range unset(reflect.ValueOf(arg), name) {
			if d.empty == "" || !strings.HasSuffix(path, d.empty) {
				d.t.Errorf("%s is not set", path)
			}
		}
		in = append(in, reflect.ValueOf(arg))
	}
	out := reflect.ValueOf(on).MethodByName(method).Call(in)
	if err, _ := out[len(out)-1].Interface().(error); err != nil {
		d.t.Fatalf("%s: %v", name, err)
	}
	d.called[name] = true
	return out[0].Interface()
}

// unset are the paths of the fields within v that have no value.
func unset(v reflect.Value, path string) []string {
	switch {
	case v.IsZero(), v.Kind() == reflect.Slice && v.Len() == 0, v.Kind() == reflect.Map && v.Len() == 0:
		return []string{path}
	case v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct:
		return unset(v.Elem(), path)
	case v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]():
		return nil
	}
	var all []string
	for i := range v.NumField() {
		all = append(all, unset(v.Field(i), path+"."+v.Type().Field(i).Name)...)
	}
	return all
}

// senders adds the methods of an interface, and of the interfaces that its methods give, that take a context.
func senders(i reflect.Type, to map[string]bool) {
	for m := range i.NumMethod() {
		method := i.Method(m)
		if method.Type.NumIn() > 0 && method.Type.In(0) == reflect.TypeFor[context.Context]() {
			to[i.Name()+"."+method.Name] = true
			continue
		}
		for o := range method.Type.NumOut() {
			if out := method.Type.Out(o); out.Kind() == reflect.Interface && out.PkgPath() == i.PkgPath() {
				senders(out, to)
			}
		}
	}
}

// pages reads more prices than one page holds.
func pages(t *testing.T, j *judged) {
	_, address := newSandbox(t)
	unjudged, conn := connectTo(t, address, nil).Catalog(), connectTo(t, address, j).Catalog()
	product, err := unjudged.CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro"}, IdempotencyKey: "product",
	})
	if err != nil {
		t.Fatal(err)
	}
	const n = 101
	for i := range n {
		name := fmt.Sprintf("p%d", i)
		_, err := unjudged.CreatePrice(t.Context(), provider.CreatePrice{
			Owner: owner, ProductID: product.ID, Name: name, IdempotencyKey: name,
			Spec: desired(t, name, "1", "USD", billing.Recurring{}).Spec,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	have, err := conn.Observe(t.Context(), owner, provider.Known{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := conn.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(have.Prices) != n || len(all.Prices) != n {
		t.Errorf("%d and %d prices were read, want %d", len(have.Prices), len(all.Prices), n)
	}
}
