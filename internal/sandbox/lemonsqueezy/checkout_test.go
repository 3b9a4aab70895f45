package lemonsqueezy_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// A checkout is told as it was made, by itself and in lists.
func TestCheckouts(t *testing.T) {
	s := openShop(t)
	s.open(small, custom)
	at := s.open(large, `"expires_at":"2026-02-01T00:00:00Z","product_options":{"redirect_url":"https://a.example.com/"}`)
	s.g.Expect(s.ids(s.get("/v1/checkouts"))).To(HaveLen(2))
	ids := s.ids(s.get("/v1/checkouts", "filter[variant_id]", s.variants[large]))
	s.g.Expect(ids).To(HaveLen(1))
	got := s.one(s.get("/v1/checkouts/" + ids[0])).Attributes
	s.g.Expect(got).To(And(HaveKeyWithValue("url", at), HaveKeyWithValue("expires_at", "2026-02-01T00:00:00.000000Z"),
		HaveKeyWithValue("test_mode", true), HaveKeyWithValue("custom_price", BeNil())))
	s.g.Expect(got["checkout_data"]).To(HaveKeyWithValue("custom", BeEmpty()))
	s.key = "Bearer " + liveKey
	s.g.Expect(s.get("/v1/checkouts/"+ids[0]).status).To(Equal(http.StatusNotFound), "of the other mode")
}

func TestCheckoutsAreValidated(t *testing.T) {
	s := openShop(t)
	for attributes, pointer := range map[string]string{
		`"colour":1`: "colour", `"test_mode":false`: "test_mode", `"expires_at":"2026-01-01T00:00:00Z"`: "expires_at",
		`"checkout_data":{"custom":"u7"}`:                                           "checkout_data",
		`"product_options":{"redirect_url":"app"}`:                                  "product_options/redirect_url",
		`"product_options":{"enabled_variants":[5]}`:                                "product_options/enabled_variants/0",
		`"checkout_data":{"variant_quantities":[{"variant_id":5,"quantity":1}]}`:    "checkout_data/variant_quantities/0",
		`"checkout_data":{"variant_quantities":[{"variant_id":1003,"quantity":0}]}`: "checkout_data/variant_quantities/0",
	} {
		a := s.checkout(small, attributes)
		s.g.Expect(a.status).To(Equal(http.StatusUnprocessableEntity), attributes)
		s.g.Expect(a.Errors[0].Source["pointer"]).To(Equal("/data/attributes/"+pointer), attributes)
	}
	s.store = s.world.store("Other", "USD")
	s.g.Expect(s.checkout(small, "").Errors[0].Source["pointer"]).To(Equal("/data/relationships/store"))
	s.key = "Bearer " + liveKey
	s.g.Expect(s.checkout(small, "").Errors[0].Source["pointer"]).To(Equal("/data/relationships/variant"))
}

// A subscription that was bought is told of by three events, and by the API.
func TestBuyingASubscription(t *testing.T) {
	s := openShop(t)
	at := s.open(small, `"product_options":{"redirect_url":"https://app.example.com/done"},"checkout_data":{
		"custom":{"user_id":"u7","seats":6},"variant_quantities":[{"variant_id":`+s.variants[small]+`,"quantity":3}]}`)
	page := s.visit(at, nil, "text/html")
	s.g.Expect(page.Code).To(Equal(http.StatusOK))
	s.g.Expect(page.Body.String()).To(And(ContainSubstring("30.00 EUR"), ContainSubstring("Subscribe"),
		ContainSubstring("quantity 3")))
	paid := s.visit(at, form(goodCard), "text/html")
	s.g.Expect([]any{paid.Code, paid.Header().Get("Location")}).To(Equal([]any{303, "https://app.example.com/done"}))

	got := s.happened("order_created", "subscription_created", "subscription_payment_success")
	order, sub := got["order_created"].Data, got["subscription_created"].Data
	invoice := got["subscription_payment_success"].Data
	s.g.Expect(order.Attributes).To(And(HaveKeyWithValue("total", 3000.), HaveKeyWithValue("status", "paid"),
		HaveKeyWithValue("currency", "EUR"), HaveKeyWithValue("user_email", buyer)))
	s.g.Expect(sub.Attributes).To(And(HaveKeyWithValue("status", "active"), HaveKeyWithValue("user_email", buyer),
		HaveKeyWithValue("order_id", numeric(s.world, order.ID)), HaveKeyWithValue("card_last_four", "4242"),
		HaveKeyWithValue("renews_at", "2026-02-28T10:00:00.000000Z"), HaveKeyWithValue("ends_at", BeNil())))
	s.g.Expect(invoice.Attributes).To(And(HaveKeyWithValue("billing_reason", "initial"), HaveKeyWithValue("total", 3000.),
		HaveKeyWithValue("status", "paid"), HaveKeyWithValue("subscription_id", numeric(s.world, sub.ID))))
	for path, id := range map[string]string{
		"orders": order.ID, "subscriptions": sub.ID, "subscription-invoices": invoice.ID,
	} {
		s.g.Expect(s.ids(s.get("/v1/" + path))).To(Equal([]string{id}))
		s.g.Expect(s.one(s.get("/v1/" + path + "/" + id)).Type).To(Equal(path))
	}
	s.g.Expect(s.ids(s.get("/v1/customers", "filter[email]", buyer))).To(HaveLen(1))
	s.g.Expect(s.one(s.get("/v1/subscriptions/" + sub.ID)).Attributes).NotTo(HaveKey("custom_data"))

	s.pay(at, goodCard)
	s.events(3)
	s.g.Expect(s.ids(s.get("/v1/customers"))).To(HaveLen(1), "the same buyer")
}

func TestBuyingOnce(t *testing.T) {
	s := openShop(t)
	_, out := s.pay(s.open(once, custom), goodCard)
	s.g.Expect(out.Status).To(Equal("complete"))
	s.g.Expect(s.happened("order_created")["order_created"].Data.Attributes).To(HaveKeyWithValue("total", 500.))
}

// A declined card leaves no trace; the buyer can try another one.
func TestDeclined(t *testing.T) {
	s := openShop(t)
	at := s.open(small, custom)
	status, out := s.pay(at, badCard)
	s.g.Expect([]any{status, out.Status, out.Error["code"]}).To(Equal([]any{402, "declined", "card_declined"}))
	status, out = s.pay(at, "1234")
	s.g.Expect([]any{status, out.Status}).To(Equal([]any{400, "invalid"}))
	s.g.Expect(s.ids(s.get("/v1/orders"))).To(BeEmpty())
	_, out = s.pay(at, askedCard)
	s.g.Expect(out.Status).To(Equal("requires_action"))
	s.g.Expect(s.visit(out.Redirect, nil, "").Body.String()).To(ContainSubstring("Confirm the payment"))
	failed := s.visit(out.Redirect, url.Values{"outcome": {"fail"}}, "application/json")
	s.g.Expect(failed.Code).To(Equal(402))
	s.events(0)
	_, out = s.pay(at, askedCard)
	s.visit(out.Redirect, url.Values{"outcome": {"complete"}}, "application/json")
	s.happened("order_created", "subscription_created", "subscription_payment_success")
}

// Pages are reached by the address that was told alone, and no longer than the checkout lives.
func TestWhichCheckoutsOpen(t *testing.T) {
	s := openShop(t)
	at := s.open(small, `"expires_at":"2026-01-31T11:00:00Z"`)
	plain, _, _ := strings.Cut(at, "?")
	s.g.Expect(s.visit(plain, nil, "").Code).To(Equal(http.StatusNotFound))
	s.Clock().Advance(time.Hour)
	status, out := s.pay(at, goodCard)
	s.g.Expect([]any{status, out.Status}).To(Equal([]any{http.StatusGone, "expired"}))
	// The end is asked for by the time outside, which is an hour behind by now.
	at = s.open(small, `"expires_at":"2026-01-31T10:30:00Z"`)
	s.Clock().Advance(29 * time.Minute)
	s.pay(at, goodCard)
	s.Clock().Advance(2 * time.Minute)
	status, out = s.pay(at, goodCard)
	s.g.Expect([]any{status, out.Status}).To(Equal([]any{http.StatusGone, "expired"}))
}

// The price of a checkout is that of all renewals, and a trial can be skipped.
func TestTermsOfACheckout(t *testing.T) {
	s := openShop(t)
	s.pay(s.open(tried, custom+`,"custom_price":700,"checkout_options":{"skip_trial":true}`), goodCard)
	s.g.Expect(s.happened("order_created", "subscription_created", "subscription_payment_success")["order_created"].
		Data.Attributes).To(HaveKeyWithValue("total", 700.))
	s.Clock().Advance(28 * day)
	s.g.Expect(s.happened("subscription_payment_success", "subscription_updated")["subscription_payment_success"].
		Data.Attributes).To(HaveKeyWithValue("total", 700.))
}
