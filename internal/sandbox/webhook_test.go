package sandbox_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
)

func (w *world) endpoint(url string, events ...string) *stripego.WebhookEndpoint {
	w.t.Helper()
	e, err := w.api.WebhookEndpoints.New(&stripego.WebhookEndpointParams{
		URL: &url, EnabledEvents: stripego.StringSlice(events), APIVersion: stripego.String("2023-10-16"),
	})
	w.g.Expect(err).NotTo(HaveOccurred())
	return e
}

func TestEndpointLifeCycle(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	e := w.endpoint("https://hooks.example.com", "invoice.paid", "price.updated")
	g.Expect(e.Secret).To(MatchRegexp(`^whsec_\w{32}$`))
	g.Expect(e.APIVersion).To(Equal("2023-10-16"))
	g.Expect(e.Status).To(Equal("enabled"))

	read, err := w.api.WebhookEndpoints.Get(e.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(read.Secret).To(BeEmpty(), "the secret is told only once")
	change := &stripego.WebhookEndpointParams{
		Disabled: stripego.Bool(true), EnabledEvents: stripego.StringSlice([]string{"*"}),
	}
	change.AddMetadata("fingerprint", "abc")
	read, err = w.api.WebhookEndpoints.Update(e.ID, change)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(read.Status).To(Equal("disabled"))
	g.Expect(read.EnabledEvents).To(Equal([]string{"*"}))
	g.Expect(read.Metadata).To(HaveKeyWithValue("fingerprint", "abc"))

	for range 15 {
		w.endpoint("https://hooks.example.com", "*")
	}
	_, err = w.api.WebhookEndpoints.New(&stripego.WebhookEndpointParams{
		URL: stripego.String("https://a.example"), EnabledEvents: stripego.StringSlice([]string{"*"}),
	})
	g.Expect(stripeError(t, err).HTTPStatusCode).To(Equal(400), "at most sixteen")
	_, err = w.api.WebhookEndpoints.Del(e.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = w.api.WebhookEndpoints.Del(e.ID, nil)
	g.Expect(stripeError(t, err).HTTPStatusCode).To(Equal(404))
}

func TestDeliveriesAreSignedAndRepeated(t *testing.T) {
	start := time.Now()
	w := newWorld(t, sandbox.Options{WebhookRetries: delivery.Quick.Faster(1000), Now: func() time.Time { return start }})
	g := w.g
	in := newInbox(t)
	in.fail, in.status = 2, http.StatusFound // a redirect is a failure too
	all := w.endpoint(in.URL, "*")
	deaf := newInbox(t)
	w.endpoint(deaf.URL, "price.created")
	product := w.product("Prö <&>")

	g.Eventually(in.all).Should(HaveLen(3))
	var first stripego.Event
	for i, d := range in.all() {
		e, err := webhook.ConstructEventWithOptions(d.body, d.header.Get("Stripe-Signature"), all.Secret,
			webhook.ConstructEventOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(e.Type).To(Equal(stripego.EventTypeProductCreated))
		g.Expect(e.GetObjectValue("id")).To(Equal(product.ID))
		g.Expect(e.GetObjectValue("name")).To(Equal("Prö <&>"))
		g.Expect(e.Request.ID).To(HavePrefix("req_"))
		if i == 0 {
			first = e
		}
		g.Expect(e.ID).To(Equal(first.ID), "the same event at every attempt")
		g.Expect(d.header.Get("User-Agent")).To(Equal("Stripe/1.0 (+https://stripe.com/docs/webhooks)"))
	}
	_, err := webhook.ConstructEvent(in.all()[0].body, in.all()[0].header.Get("Stripe-Signature"), "whsec_other")
	g.Expect(err).To(HaveOccurred())

	g.Eventually(func() int64 {
		e, err := w.api.Events.Get(first.ID, nil)
		g.Expect(err).NotTo(HaveOccurred())
		return e.PendingWebhooks
	}).Should(BeZero())
	w.price(product.ID, 100)
	g.Eventually(deaf.types).Should(Equal([]string{"price.created"}))

	it := w.api.Events.List(&stripego.EventListParams{Types: stripego.StringSlice([]string{"price.created"})})
	g.Expect(it.Next()).To(BeTrue())
	g.Expect(it.Event().Type).To(Equal(stripego.EventTypePriceCreated))
	g.Expect(it.Next()).To(BeFalse())
}

func TestDisabledAndDeletedEndpointsGetNothing(t *testing.T) {
	w := newWorld(t, sandbox.Options{WebhookRetries: delivery.Schedule{time.Hour}})
	g := w.g
	in := newInbox(t)
	in.fail = 1
	e := w.endpoint(in.URL, "*")
	w.product("A")
	g.Eventually(w.Deliveries).Should(HaveLen(1))
	_, err := w.api.WebhookEndpoints.Update(e.ID, &stripego.WebhookEndpointParams{Disabled: stripego.Bool(true)})
	g.Expect(err).NotTo(HaveOccurred())
	w.product("B")
	g.Expect(w.Close(context.Background())).To(Succeed())
	g.Expect(in.all()).To(HaveLen(1), "neither the repeated attempt nor the second event")
}

func TestCloseGivesWaitingDeliveriesOneMoreAttempt(t *testing.T) {
	w := newWorld(t, sandbox.Options{WebhookRetries: delivery.Schedule{time.Hour}})
	in := newInbox(t)
	in.fail = 1
	w.endpoint(in.URL, "*")
	w.product("A")
	w.g.Eventually(w.Deliveries).Should(HaveLen(1))
	w.g.Expect(w.Close(context.Background())).To(Succeed())
	w.g.Expect(in.all()).To(HaveLen(2))
}

func TestDoor(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	in := newInbox(t)
	w.endpoint(in.URL, "*")
	door := func(method, path, body string) (int, map[string]any) {
		req, err := http.NewRequest(method, w.url+"/_kassa/"+path, strings.NewReader(body))
		g.Expect(err).NotTo(HaveOccurred())
		res, err := http.DefaultClient.Do(req)
		g.Expect(err).NotTo(HaveOccurred())
		defer res.Body.Close()
		out := map[string]any{}
		if res.StatusCode != http.StatusNoContent {
			g.Expect(json.NewDecoder(res.Body).Decode(&out)).To(Succeed())
		}
		return res.StatusCode, out
	}
	status, event := door("POST", "stripe/events",
		`{"type":"invoice.payment_failed","object":{"id":"in_9","object":"invoice"}}`)
	g.Expect(status).To(Equal(200))
	g.Expect(event["type"]).To(Equal("invoice.payment_failed"))
	g.Eventually(in.types).Should(Equal([]string{"invoice.payment_failed"}))
	for _, kind := range []string{"product.updated", "price.created", "customer.subscription.deleted", "invoice.paid",
		"charge.dispute.created", "payment_intent.succeeded", "checkout.session.completed"} {
		status, event = door("POST", "stripe/events", `{"type":"`+kind+`"}`)
		g.Expect(status).To(Equal(200), kind)
		g.Expect(event["data"].(map[string]any)["object"].(map[string]any)["id"]).NotTo(BeEmpty())
	}
	status, _ = door("POST", "stripe/events", `{"type":"no.such"}`)
	g.Expect(status).To(Equal(400))
	status, _ = door("POST", "stripe/events", `{"type":"invoice.paid","account":"acct_no"}`)
	g.Expect(status).To(Equal(404))

	status, _ = door("POST", "faults", `{"status":503,"n":1}`)
	g.Expect(status).To(Equal(204))
	code, _, _ := w.raw("GET", "/v1/account", nil)
	g.Expect(code).To(Equal(503))
	status, _ = door("POST", "faults", `{"status":1}`)
	g.Expect(status).To(Equal(400))
	status, _ = door("POST", "stripe/keys", `{"key":"`+testKey+`","revoked":true}`)
	g.Expect(status).To(Equal(204))
	code, _, _ = w.raw("POST", "/v1/products", url.Values{"name": {"x"}}, "Idempotency-Key", "mine")
	g.Expect(code).To(Equal(401))
	status, _ = door("POST", "stripe/keys/roll", `{"from":"`+testKey+`","to":"sk_test_rolled"}`)
	g.Expect(status).To(Equal(204))
	status, _ = door("POST", "stripe/keys/roll", `{"from":"no key","to":"sk_test_rolled"}`)
	g.Expect(status).To(Equal(400))

	_, log := door("GET", "requests", "")
	g.Expect(log["counts"]).To(Equal(map[string]any{"reads": 1.0, "writes": 2.0}))
	last := log["requests"].([]any)[2].(map[string]any)
	g.Expect(last["idempotency_key"]).To(Equal("mine"))
	text, err := json.Marshal(log)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).NotTo(ContainSubstring(testKey))

	_, state := door("GET", "state", "")
	text, err = json.Marshal(state)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(ContainSubstring(in.URL))
	g.Expect(string(text)).NotTo(ContainSubstring("whsec_"))
	status, _ = door("DELETE", "state", "")
	g.Expect(status).To(Equal(204))
	_, state = door("GET", "state", "")
	g.Expect(state["stripe"]).To(BeEmpty())
}
