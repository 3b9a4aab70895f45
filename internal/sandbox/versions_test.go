package sandbox_test

import (
	"encoding/json"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	stripego "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/delivery"
	"github.com/kassa-dev/kassa/internal/sandbox/stripe"
)

// at follows names and the first elements of lists into a JSON object.
func at(v any, names ...string) any {
	for _, name := range names {
		if rows, ok := v.([]any); ok {
			v = rows[0]
		}
		inner, _ := v.(map[string]any)
		v = inner[name]
	}
	return v
}

// An endpoint gets events in the shapes of the version that it is pinned to.
func TestEndpointsHaveTheirVersionsShapes(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	g := w.g
	inboxes := map[string]*inbox{}
	for _, version := range []string{"2023-10-16", "2024-04-10", "2026-08-26.dahlia"} {
		in := newInbox(t)
		inboxes[version] = in
		_, err := w.api.WebhookEndpoints.New(&stripego.WebhookEndpointParams{
			URL: &in.URL, APIVersion: &version, EnabledEvents: stripego.StringSlice([]string{
				"invoice.paid", "customer.subscription.updated", "charge.refunded", "promotion_code.created", "product.updated",
				"payment_intent.succeeded",
			}),
		})
		g.Expect(err).NotTo(HaveOccurred())
	}
	_, err := w.api.WebhookEndpoints.New(&stripego.WebhookEndpointParams{
		URL: stripego.String("https://a.example"), EnabledEvents: stripego.StringSlice([]string{"*"}),
		APIVersion: stripego.String("2023-10-17"),
	})
	g.Expect(stripeError(t, err).HTTPStatusCode).To(Equal(400), "there is no such version")

	account := w.Stripe().Account(testKey)
	seen := map[string]map[string]map[string]any{} // event data by version and type
	for _, kind := range []string{
		"invoice.paid", "customer.subscription.updated", "charge.refunded", "promotion_code.created", "product.updated",
		"payment_intent.succeeded",
	} {
		var previous []byte
		if kind == "customer.subscription.updated" {
			previous = []byte(`{"current_period_end":1,"status":"trialing"}`)
		}
		_, err := account.Emit(kind, nil, previous)
		g.Expect(err).NotTo(HaveOccurred())
		for version, in := range inboxes {
			var e struct {
				APIVersion string `json:"api_version"`
				Type       string
				Data       map[string]any
			}
			g.Eventually(in.types).Should(ContainElement(kind))
			for _, d := range in.all() {
				g.Expect(json.Unmarshal(d.body, &e)).To(Succeed())
				if e.Type == kind {
					break
				}
			}
			g.Expect(e.APIVersion).To(Equal(version))
			if seen[version] == nil {
				seen[version] = map[string]map[string]any{}
			}
			seen[version][kind] = e.Data
		}
	}
	old, middle, newer := seen["2023-10-16"], seen["2024-04-10"], seen["2026-08-26.dahlia"]
	for _, c := range []struct {
		kind       string
		from, into []string
	}{
		{"customer.subscription.updated", []string{"current_period_end"}, []string{"items", "data", "current_period_end"}},
		{"invoice.paid", []string{"subscription"}, []string{"parent", "subscription_details", "subscription"}},
		{"invoice.paid", []string{"lines", "data", "price", "id"},
			[]string{"lines", "data", "pricing", "price_details", "price"}},
		{"invoice.paid", []string{"lines", "data", "subscription_item"},
			[]string{"lines", "data", "parent", "subscription_item_details", "subscription_item"}},
		{"invoice.paid", []string{"payment_intent"}, nil},
		{"invoice.paid", []string{"paid"}, nil},
		{"charge.refunded", []string{"invoice"}, nil},
		{"payment_intent.succeeded", []string{"invoice"}, []string{"payment_details", "order_reference"}},
		{"promotion_code.created", []string{"coupon", "id"}, []string{"promotion", "coupon", "id"}},
		{"product.updated", []string{"features"}, []string{"marketing_features"}},
	} {
		was := at(old[c.kind]["object"], c.from...)
		g.Expect(was).NotTo(BeNil(), "%s %v", c.kind, c.from)
		g.Expect(at(newer[c.kind]["object"], c.from...)).To(BeNil(), "%s %v has gone", c.kind, c.from)
		if c.into != nil {
			g.Expect(at(newer[c.kind]["object"], c.into...)).To(Equal(was), "%s %v", c.kind, c.into)
		}
		if c.kind != "product.updated" {
			g.Expect(at(middle[c.kind]["object"], c.from...)).To(Equal(was), "%s %v is still there", c.kind, c.from)
		}
	}
	g.Expect(newer["customer.subscription.updated"]["previous_attributes"]).
		To(Equal(map[string]any{"status": "trialing"}))
}

// Stripe's own schedules: three attempts in test mode, and three days in live mode. The list of events tells which ones
// did not get through.
func TestStripesOwnSchedule(t *testing.T) {
	w := newWorld(t, sandbox.Options{WebhookSpeed: 1})
	g, in := w.g, newInbox(t)
	in.fail = 1000
	e := w.endpoint(in.URL, "product.created")
	w.product("A")
	for n := 1; n <= 3; n++ {
		g.Eventually(func() int { return len(w.Deliveries()) }).Should(Equal(n))
		w.Clock().Advance(3 * time.Hour)
	}
	g.Eventually(func() int64 { return w.Webhooks().Totals()[0].GivenUp }).Should(Equal(int64(1)))
	g.Expect(in.all()).To(HaveLen(3))

	undelivered := func(success bool) (ids []string) {
		it := w.api.Events.List(&stripego.EventListParams{DeliverySuccess: &success})
		for it.Next() {
			ids = append(ids, it.Event().ID)
		}
		g.Expect(it.Err()).NotTo(HaveOccurred())
		return ids
	}
	lost := undelivered(false)
	g.Expect(lost).To(HaveLen(1))
	g.Expect(undelivered(true)).To(BeEmpty())
	in.mu.Lock()
	in.fail = 0
	in.mu.Unlock()
	w.product("B")
	g.Eventually(func() []string { return undelivered(true) }).Should(HaveLen(1))
	g.Expect(w.Webhooks().Repeat(lost[0], e.ID)).To(Equal(1), "sent again by hand")
	g.Eventually(in.all).Should(HaveLen(5))
	g.Eventually(func() []string { return undelivered(false) }).Should(BeEmpty())

	live := stripe.Retries(true)
	g.Expect(live.Total()).To(And(BeNumerically(">", 48*time.Hour), BeNumerically("<=", 72*time.Hour)))
	for i := 1; i < len(live); i++ {
		g.Expect(live[i]).To(BeNumerically(">=", live[i-1]), "exponential back-off")
	}
	g.Expect(stripe.Retries(false)).To(HaveLen(2))
	g.Expect(stripe.Retries(false).Total()).To(BeNumerically("<=", 6*time.Hour))
	g.Expect(delivery.Quick[0]).To(Equal(time.Second))
}
