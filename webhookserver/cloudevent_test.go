package webhookserver

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/docs/schemas"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func testSettings(t *testing.T) *settings {
	t.Helper()
	r := &v1alpha1.WebhookReceiver{}
	r.Namespace, r.Name, r.UID = "shop", "stripe", "uid-1"
	r.Spec.URL = "https://hooks.example.com/stripe"
	r.Spec.Registration.Managed = &v1alpha1.ManagedRegistration{}
	r.Status.Provider = &v1alpha1.ReceiverProvider{
		Type: v1alpha1.ProviderStripe, AccountID: "acct_1", Mode: v1alpha1.ModeTest,
	}
	s, why := resolve(r, map[string][]byte{"signing-secret": []byte("s")}, provider.NewRegistry(testAdapter{}))
	if s == nil {
		t.Fatal(why)
	}
	return s
}

func fullEvent() billing.Event {
	end := time.Date(2026, 2, 28, 10, 0, 0, 0, time.UTC)
	return billing.Event{
		ID: "evt_1", NativeType: "invoice.paid", Type: billing.PaymentSucceeded, Mode: billing.Test,
		Time:     time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC),
		Customer: &billing.EventCustomer{ID: "cus_1", Email: "a@example.com", UserID: "42"},
		Subscription: &billing.EventSubscription{
			ID: "sub_1", Status: billing.StatusActive, Plan: "pro", Price: "monthly", PriceID: "price_1",
			CurrentPeriodEnd: &end, CancelAtPeriodEnd: new(false),
		},
		Payment: &billing.EventPayment{
			ID: "in_1", Money: billing.Money{Minor: 2900, Currency: "USD"}, Status: billing.PaymentStatusSucceeded,
			Attempt: 1, Refunded: &billing.Money{Minor: 0, Currency: "USD"},
		},
		Checkout: &billing.EventCheckout{ID: "cs_1"},
		Metadata: map[string]string{"team": "<growth> & more"},
		Native:   json.RawMessage(`{"id":"evt_1"}`),
	}
}

var received = time.Date(2026, 1, 31, 10, 0, 1, 0, time.UTC)

func structured(t *testing.T, e billing.Event) []byte {
	t.Helper()
	m, err := cloudEvent(testSettings(t), &e, received)
	if err != nil {
		t.Fatal(err)
	}
	return m.structured
}

// The contract with the app, as the documentation shows it.
func TestCloudEvent(t *testing.T) {
	g := NewWithT(t)
	got := structured(t, fullEvent())
	g.Expect(got).To(MatchJSON(`{
	  "specversion": "1.0", "id": "stripe:acct_1:evt_1",
	  "source": "/billing.kassa.dev/namespaces/shop/webhookreceivers/stripe",
	  "type": "dev.kassa.payment.succeeded", "subject": "sub_1", "time": "2026-01-31T10:00:00Z",
	  "datacontenttype": "application/json", "dataschema": "https://kassa.dev/schemas/event/v1alpha1.json",
	  "kassaprovider": "stripe", "kassanativetype": "invoice.paid", "kassamode": "test", "kassareceiver": "stripe",
	  "data": {
	    "customer": {"id": "cus_1", "email": "a@example.com", "userID": "42"},
	    "subscription": {"id": "sub_1", "status": "Active", "plan": "pro", "price": "monthly", "priceID": "price_1",
	                     "currentPeriodEnd": "2026-02-28T10:00:00Z", "cancelAtPeriodEnd": false},
	    "payment": {"id": "in_1", "amount": "29.00", "minorUnits": 2900, "currency": "USD", "status": "Succeeded",
	                "attempt": 1, "refunded": "0.00"},
	    "checkout": {"id": "cs_1"},
	    "metadata": {"team": "<growth> & more"},
	    "native": {"id": "evt_1"}
	  }
	}`))
	var parsed cloudevents.Event
	g.Expect(json.Unmarshal(got, &parsed)).To(Succeed())
	g.Expect(parsed.Validate()).To(Succeed())
}

func TestNativeIsByteForByte(t *testing.T) {
	for name, native := range map[string]string{
		"markup":      `{"a":"<b>&amp;</b>"}`,
		"escapes":     `{"a":"\u003c\u00e9\ud83d\ude00\/"}`,
		"white space": "\n{ \"a\" :\t[ 1 ,\r\n 2 ] }\n",
		"numbers":     `{"a":1.0,"b":1e3,"c":12345678901234567890.00}`,
		"raw unicode": "{\"a\":\"é😀\u2028\"}",
		"twice":       `{"a":1,"a":2}`,
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			for _, e := range []billing.Event{{ID: "evt_1", NativeType: "x"}, fullEvent()} {
				e.Native = json.RawMessage(native)
				got := structured(t, e)
				g.Expect(json.Valid(got)).To(BeTrue())
				g.Expect(bytes.Contains(got, []byte(`"native":`+native+`}`))).To(BeTrue(), string(got))
			}
		})
	}
}

func TestEventsMatchTheSchema(t *testing.T) {
	g := NewWithT(t)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.EventV1alpha1))
	g.Expect(err).NotTo(HaveOccurred())
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	g.Expect(compiler.AddResource(dataSchema, doc)).To(Succeed())
	schema, err := compiler.Compile(dataSchema)
	g.Expect(err).NotTo(HaveOccurred())
	validate := func(message []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(message))
		g.Expect(err).NotTo(HaveOccurred())
		return schema.Validate(v)
	}
	events := []billing.Event{fullEvent(), {ID: "e", NativeType: "n", Native: json.RawMessage(`{}`)}}
	for _, kind := range append(billing.EventTypes(), billing.OwnEventTypes()...) {
		e := fullEvent()
		e.Type = kind
		if kind.IsOwn() {
			e.Dunning = &billing.EventDunning{InvoiceID: "in_1", FailedPayments: 3, Action: billing.DunPause}
		}
		events = append(events, e)
	}
	for _, e := range events {
		message := structured(t, e)
		g.Expect(validate(message)).To(Succeed(), string(message))
		for _, broken := range [][2]string{
			{`"specversion":"1.0"`, `"specversion":"0.3"`},
			{`"kassamode":"test"`, `"kassamode":"prod"`},
			{`"id":"stripe:acct_1:`, `"id":"`},
			{`"native":{`, `"other":{`},
		} {
			changed := bytes.Replace(message, []byte(broken[0]), []byte(broken[1]), 1)
			g.Expect(changed).NotTo(Equal(message), broken[0])
			g.Expect(validate(changed)).NotTo(Succeed(), broken[0])
		}
	}
}

func TestSchemaIsServed(t *testing.T) {
	f := newFixture(t, nil)
	r := f.startUnready()
	a := get(t, r.health+"/schemas/event/v1alpha1.json")
	f.g.Expect(a.StatusCode).To(Equal(200))
	f.g.Expect(a.body).To(Equal(string(schemas.EventV1alpha1)))
	f.g.Expect(a.Header.Get("Content-Type")).To(Equal("application/schema+json"))
}

func TestSubject(t *testing.T) {
	full := fullEvent()
	for want, edit := range map[string]func(*billing.Event){
		"sub_1": func(*billing.Event) {},
		"dp_1": func(e *billing.Event) {
			e.Subscription, e.Dispute = nil, &billing.EventDispute{ID: "dp_1"}
		},
		"in_1":  func(e *billing.Event) { e.Subscription = nil },
		"cs_1":  func(e *billing.Event) { e.Subscription, e.Payment = nil, nil },
		"cus_1": func(e *billing.Event) { e.Subscription, e.Payment, e.Checkout = nil, nil, nil },
		"":      func(e *billing.Event) { *e = billing.Event{} },
	} {
		e := full
		edit(&e)
		if got := subjectOf(&e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPlanNames(t *testing.T) {
	p := newPlans("c1", "shop")
	p.set("pro", map[string]planPrice{"price_1": {name: "monthly"}, "price_old": {name: "monthly"}})
	p.set("basic", map[string]planPrice{"price_2": {name: "yearly"}})
	marked := func(cluster, namespace, id string) [2]string {
		e := billing.Event{Subscription: &billing.EventSubscription{
			Plan: "gold", Price: "weekly", PriceID: id, Owner: billing.Owner{Cluster: cluster, Namespace: namespace},
		}}
		p.name(&e)
		return [2]string{e.Subscription.Plan, e.Subscription.Price}
	}
	named := func(id string) [2]string { return marked("", "", id) }
	for _, c := range []struct {
		reason                 string
		cluster, namespace, id string
		want                   [2]string
	}{
		{"by current id", "", "", "price_1", [2]string{"pro", "monthly"}},
		{"by retired id", "", "", "price_old", [2]string{"pro", "monthly"}},
		{"unknown id, no owner", "", "", "price_x", [2]string{}},
		{"unknown id, own marks, as of a Plan that is gone", "c1", "shop", "price_x", [2]string{"gold", "weekly"}},
		{"no id, own marks", "c1", "shop", "", [2]string{"gold", "weekly"}},
		{"the id is right, whatever the marks", "c1", "shop", "price_1", [2]string{"pro", "monthly"}},
		{"another namespace's", "c1", "other", "price_x", [2]string{}},
		{"another cluster's", "c2", "shop", "price_x", [2]string{}},
	} {
		if diff := cmp.Diff(c.want, marked(c.cluster, c.namespace, c.id)); diff != "" {
			t.Errorf("%s: %s", c.reason, diff)
		}
	}
	p.set("pro", map[string]planPrice{"price_3": {name: "monthly"}})
	if got := named("price_1"); got != [2]string{} {
		t.Errorf("an id that is gone is still known: %v", got)
	}
	p.keep(map[string]bool{"pro": true})
	if got := named("price_2"); got != [2]string{} {
		t.Errorf("a Plan that is gone is still known: %v", got)
	}
}
