package lemonsqueezy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

func TestListsOfSubscriptions(t *testing.T) {
	s := openShop(t)
	first, second := s.subscribe(small, goodCard), s.subscribe(large, goodCard)
	for _, c := range []struct {
		filter, value string
		want          []string
	}{
		{"user_email", buyer, []string{second, first}},
		{"user_email", "john@example.com", []string{}},
		{"store_id", s.store, []string{second, first}},
		{"variant_id", s.variants[small], []string{first}},
		{"status", "active", []string{second, first}},
		{"status", "expired", []string{}},
	} {
		s.g.Expect(s.ids(s.get("/v1/subscriptions", "filter["+c.filter+"]", c.value))).To(Equal(c.want), c.filter)
	}
	s.g.Expect(s.get("/v1/subscriptions", "filter[user_id]", "u7").status).To(Equal(http.StatusBadRequest))
	s.key = "Bearer " + liveKey
	s.g.Expect(s.ids(s.get("/v1/subscriptions"))).To(BeEmpty())
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		s.g.Expect(s.send(method, "/v1/subscriptions/"+first).status).To(Equal(http.StatusNotFound))
	}
}

// A subscription that was cancelled ends with its period, unless it is resumed before.
func TestCancelAndResume(t *testing.T) {
	s := openShop(t)
	id := s.subscribe(small, goodCard)
	s.g.Expect(s.one(s.send("DELETE", "/v1/subscriptions/"+id)).Attributes).To(And(
		HaveKeyWithValue("status", "cancelled"), HaveKeyWithValue("cancelled", true),
		HaveKeyWithValue("ends_at", "2026-02-28T10:00:00.000000Z")))
	s.happened("subscription_cancelled", "subscription_updated")
	s.g.Expect(s.one(s.patch(id, `"cancelled":false`)).Attributes).To(And(
		HaveKeyWithValue("status", "active"), HaveKeyWithValue("ends_at", BeNil())))
	s.happened("subscription_resumed", "subscription_updated")
	s.patch(id, `"cancelled":true`)
	s.happened("subscription_cancelled", "subscription_updated")
	s.Clock().Advance(40 * day)
	got := s.happened("subscription_expired", "subscription_updated")
	s.g.Expect(got["subscription_expired"].Data.Attributes).To(And(HaveKeyWithValue("status", "expired"),
		HaveKeyWithValue("updated_at", "2026-02-28T10:00:00.000000Z")))
	s.g.Expect(s.patch(id, `"cancelled":false`).status).To(Equal(http.StatusUnprocessableEntity))
	s.g.Expect(s.send("DELETE", "/v1/subscriptions/"+id).status).To(Equal(http.StatusUnprocessableEntity))
}

// A pause stops the invoices.
func TestPause(t *testing.T) {
	s := openShop(t)
	id := s.subscribe(small, goodCard)
	s.patch(id, `"pause":{"mode":"void","resumes_at":"2026-06-01T00:00:00Z"}`)
	s.happened("subscription_paused", "subscription_updated")
	s.g.Expect(s.attributes(id)).To(HaveKeyWithValue("status", "paused"))
	s.Clock().Advance(130 * day)
	s.happened("subscription_unpaused", "subscription_updated")
	s.g.Expect(s.attributes(id)).To(HaveKeyWithValue("renews_at", "2026-06-30T10:00:00.000000Z"))
	s.Clock().Advance(21 * day)
	s.happened("subscription_payment_success", "subscription_updated")
}

// What half a period more of the dearer variant costs is charged at once, next time, or never.
func TestChangeOfVariant(t *testing.T) {
	for how, want := range map[string][]float64{ // the amounts at once and with the next renewal
		`"invoice_immediately":true`:                           {1000, 3000},
		`"invoice_immediately":false`:                          {4000},
		`"invoice_immediately":true,"disable_prorations":true`: {3000},
	} {
		s := openShop(t)
		id := s.subscribe(small, goodCard)
		s.Clock().Advance(14 * day)
		got := s.one(s.patch(id, `"variant_id":`+s.variants[large]+","+how)).Attributes
		s.g.Expect(got).To(And(HaveKeyWithValue("variant_id", numeric(s.world, s.variants[large])),
			HaveKeyWithValue("variant_name", "Large"), HaveKeyWithValue("renews_at", "2026-02-28T10:00:00.000000Z")))
		s.Clock().Advance(14 * day)
		var paid []float64
		for _, e := range s.events(1 + 1 + len(want)) {
			if e.Meta.EventName == "subscription_payment_success" {
				paid = append(paid, e.Data.Attributes["total"].(float64))
			}
		}
		s.g.Expect(paid).To(ConsistOf(want), how)
	}
}

// Changes of what is paid by PayPal are admitted, and not made. It can be cancelled.
func TestChangesOfPayPal(t *testing.T) {
	s := openShop(t)
	id := s.subscribe(small, goodCard)
	s.g.Expect(s.LemonSqueezy().EditSubscription(int64(numeric(s.world, id)), func(x *lemonsqueezy.Subscription) {
		x.PaymentProcessor = "paypal"
	})).To(Succeed())
	s.g.Expect(s.one(s.patch(id, `"variant_id":`+s.variants[large])).Attributes).
		To(HaveKeyWithValue("variant_id", numeric(s.world, s.variants[small])))
	s.events(0)
	s.send("DELETE", "/v1/subscriptions/"+id)
	s.happened("subscription_cancelled", "subscription_updated")
}

func TestChangesAreValidated(t *testing.T) {
	s := openShop(t)
	id := s.subscribe(small, goodCard)
	for attributes, pointer := range map[string]string{
		`"variant_id":5`: "variant_id", `"variant_id":` + s.variants[once]: "variant_id",
		`"pause":{"mode":"x"}`: "pause/mode",
		`"billing_anchor":5`:   "billing_anchor", `"cancelled":"no"`: "cancelled",
	} {
		a := s.patch(id, attributes)
		s.g.Expect(a.status).To(Equal(http.StatusUnprocessableEntity), attributes)
		s.g.Expect(a.Errors[0].Source["pointer"]).To(Equal("/data/attributes/"+pointer), attributes)
	}
	s.events(0)
}

func TestChangeOfQuantity(t *testing.T) {
	s := openShop(t)
	id := s.subscribe(small, goodCard)
	item := fmt.Sprint(s.attributes(id)["first_subscription_item"].(map[string]any)["id"])
	change := func(quantity int) answer {
		return s.send("PATCH", "/v1/subscription-items/"+item, fmt.Sprintf(
			`{"data":{"type":"subscription-items","id":%q,"attributes":{"quantity":%d,"disable_prorations":true}}}`,
			item, quantity))
	}
	s.g.Expect(s.one(change(4)).Attributes).To(HaveKeyWithValue("quantity", 4.))
	s.happened("subscription_updated")
	s.g.Expect(change(0).status).To(Equal(http.StatusUnprocessableEntity))
	s.g.Expect(s.one(s.get("/v1/subscription-items/" + item)).Attributes).To(HaveKeyWithValue("quantity", 4.))
	s.Clock().Advance(28 * day)
	s.g.Expect(s.happened("subscription_payment_success", "subscription_updated")["subscription_payment_success"].
		Data.Attributes).To(HaveKeyWithValue("total", 4000.))
}

// portal does something in the customer portal.
func (s *shop) portal(id, do, card string) *httptest.ResponseRecorder {
	s.t.Helper()
	at := s.attributes(id)["urls"].(map[string]any)["customer_portal"].(string)
	f := form(card)
	f.Set("action", do)
	f.Set("subscription", id)
	return s.visit(at, f, "text/html")
}

// The portal's link works for a day, for its own customer.
func TestPortal(t *testing.T) {
	s := openShop(t)
	id := s.subscribe(small, goodCard)
	at := s.attributes(id)["urls"].(map[string]any)["customer_portal"].(string)
	s.g.Expect(s.visit(at, nil, "").Body.String()).To(And(ContainSubstring("Pro, Small"), ContainSubstring(buyer),
		ContainSubstring("Active")))
	s.g.Expect(s.portal(id, "cancel", "").Code).To(Equal(http.StatusSeeOther))
	s.happened("subscription_cancelled", "subscription_updated")
	s.portal(id, "resume", "")
	s.happened("subscription_resumed", "subscription_updated")
	s.g.Expect(s.portal(id, "card", badCard).Code).To(Equal(http.StatusPaymentRequired))
	s.portal(id, "card", "5555555555554444")
	s.happened("subscription_updated")
	s.g.Expect(s.attributes(id)).To(And(HaveKeyWithValue("card_brand", "mastercard"),
		HaveKeyWithValue("card_last_four", "4444")))

	u, err := url.Parse(at)
	s.g.Expect(err).NotTo(HaveOccurred())
	q := u.Query()
	q.Set("user", "1")
	u.RawQuery = q.Encode()
	s.g.Expect(s.visit(u.String(), nil, "").Code).To(Equal(http.StatusForbidden), "another customer's")
	s.Clock().Advance(day)
	s.g.Expect(s.visit(at, nil, "").Code).To(Equal(http.StatusForbidden), "a day later")
	s.g.Expect(strings.Contains(s.attributes(id)["urls"].(map[string]any)["customer_portal"].(string), at)).To(BeFalse())
}
