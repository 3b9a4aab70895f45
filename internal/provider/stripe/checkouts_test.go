package stripe

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/stripe/stripe-go/v76/form"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func purchase(change ...func(*provider.CheckoutSpec)) provider.CheckoutSpec {
	in := provider.CheckoutSpec{
		PriceID: "price_1", Owner: testOwner, Plan: "pro", Price: "monthly", Quantity: 2, UserID: "u'42",
		SuccessURL: "https://app.example.com/done?s={SESSION_ID}", CancelURL: "https://app.example.com/no",
		IdempotencyKey: "k",
	}
	for _, f := range change {
		f(&in)
	}
	return in
}

// wire is what parameters are sent as.
func wire(t *testing.T, params any) map[string]string {
	t.Helper()
	values := &form.Values{}
	form.AppendTo(values, params)
	read, err := url.ParseQuery(values.Encode())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name, all := range read {
		out[name] = strings.Join(all, ",")
	}
	return out
}

func TestSessionParams(t *testing.T) {
	marks := map[string]string{
		"user_id": "u'42", "kassa_cluster": "c1", "kassa_uid": "u1", "kassa_plan": "shop/pro", "kassa_price": "monthly",
	}
	with := func(within string, more map[string]string) map[string]string {
		out := map[string]string{
			"line_items[0][price]": "price_1", "line_items[0][quantity]": "2", "client_reference_id": "u'42",
			"success_url": "https://app.example.com/done?s={CHECKOUT_SESSION_ID}",
			"cancel_url":  "https://app.example.com/no",
		}
		for k, v := range marks {
			out["metadata["+k+"]"], out[within+"[metadata]["+k+"]"] = v, v
		}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	once := map[string]string{"mode": "payment", "customer_creation": "always"}
	subscribe := map[string]string{"mode": "subscription"}
	recurring := func(in *provider.CheckoutSpec) { in.Recurring = true }
	trial := func(missing billing.MissingPaymentMethod) func(*provider.CheckoutSpec) {
		return func(in *provider.CheckoutSpec) {
			in.Recurring, in.Trial = true, &provider.CheckoutTrial{Days: 14, OnMissing: missing}
		}
	}
	inTrial := func(missing string) map[string]string {
		return map[string]string{
			"mode": "subscription", "subscription_data[trial_period_days]": "14",
			"payment_method_collection": "if_required",
			"subscription_data[trial_settings][end_behavior][missing_payment_method]": missing,
		}
	}
	g := NewWithT(t)
	for reason, c := range map[string]struct {
		in   provider.CheckoutSpec
		want map[string]string
	}{
		"once":         {purchase(), with("payment_intent_data", once)},
		"subscription": {purchase(recurring), with("subscription_data", subscribe)},
		"canceled":     {purchase(trial(billing.MissingCancel)), with("subscription_data", inTrial("cancel"))},
		"paused":       {purchase(trial(billing.MissingPause)), with("subscription_data", inTrial("pause"))},
		"billed": {purchase(trial(billing.MissingCreateInvoice)),
			with("subscription_data", inTrial("create_invoice"))},
		"all options": {purchase(recurring, func(in *provider.CheckoutSpec) {
			in.PromotionCodes, in.AutomaticTax, in.BillingAddress = true, true, true
			in.Currency, in.Email = "EUR", "jane@example.com"
		}), with("subscription_data", map[string]string{
			"mode": "subscription", "allow_promotion_codes": "true", "automatic_tax[enabled]": "true",
			"billing_address_collection": "required", "currency": "eur", "customer_email": "jane@example.com",
		})},
		"metadata that claims to be Kassa's": {purchase(recurring, func(in *provider.CheckoutSpec) {
			in.Metadata = map[string]string{"team": "a", "user_id": "43", "kassa_uid": "his"}
		}), with("subscription_data", map[string]string{
			"mode": "subscription", "metadata[team]": "a", "subscription_data[metadata][team]": "a",
		})},
	} {
		g.Expect(wire(t, sessionParams(c.in))).To(Equal(c.want), reason)
	}
}

func TestSessionParamsOfNobody(t *testing.T) {
	g := NewWithT(t)
	sent := wire(t, sessionParams(purchase(func(in *provider.CheckoutSpec) {
		in.UserID, in.Quantity, in.CancelURL = "", 0, ""
		in.Metadata = map[string]string{"user_id": "42"}
	})))
	for _, name := range []string{
		"metadata[user_id]", "payment_intent_data[metadata][user_id]", "client_reference_id", "cancel_url",
		"line_items[0][quantity]",
	} {
		g.Expect(sent).NotTo(HaveKey(name))
	}
	long := strings.Repeat("x", 201)
	sent = wire(t, sessionParams(purchase(func(in *provider.CheckoutSpec) { in.UserID = long })))
	g.Expect(sent).NotTo(HaveKey("client_reference_id"))
	g.Expect(sent).To(HaveKeyWithValue("metadata[user_id]", long))
}

func sessionJSON(id, status string) string {
	link := `"https://checkout.stripe.com/c/pay/` + id + `"`
	if status != "open" {
		link = "null"
	}
	return fmt.Sprintf(`{"id":%q,"object":"checkout.session","status":%q,"expires_at":1772370000,"url":%s}`, id, status,
		link)
}

func TestOpen(t *testing.T) {
	replayed := ok(sessionJSON("cs_1", "open")).with("Idempotent-Replayed", "true")
	for reason, c := range map[string]struct {
		first, now reply
		id         string
		class      provider.Class
		keys       []string
	}{
		"opened":          {first: ok(sessionJSON("cs_1", "open")), id: "cs_1", keys: []string{"k"}},
		"the answer lost": {first: replayed, now: ok(sessionJSON("cs_1", "open")), id: "cs_1", keys: []string{"k"}},
		"expired meanwhile": {first: replayed, now: ok(sessionJSON("cs_1", "expired")), id: "cs_2",
			keys: []string{"k", "k-r1"}},
		"paid meanwhile": {first: replayed, now: ok(sessionJSON("cs_1", "complete")), class: provider.ClassConflict,
			keys: []string{"k"}},
		"no session": {first: ok(listJSON(false)), class: provider.ClassUnavailable, keys: []string{"k"}},
		"no such price": {first: failure(400, "invalid_request_error", "resource_missing"),
			class: provider.ClassTerminal, keys: []string{"k"}},
		"refused": {first: failure(400, "invalid_request_error", ""), class: provider.ClassTerminal,
			keys: []string{"k"}},
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			conn, f := connect(t, func(s sent) reply {
				switch {
				case s.method == "GET":
					return c.now
				case s.key == "k":
					return c.first
				}
				return ok(sessionJSON("cs_2", "open"))
			})
			got, err := conn.(provider.Seller).Checkouts().Open(t.Context(), purchase())
			g.Expect(keysOf(f)).To(Equal(c.keys))
			if c.id == "" {
				g.Expect(provider.ClassOf(err)).To(Equal(c.class), "%v", err)
				g.Expect(errors.Is(err, provider.ErrPaid)).To(Equal(reason == "paid meanwhile"))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(provider.Checkout{
				ID: c.id, URL: "https://checkout.stripe.com/c/pay/" + c.id, ExpiresAt: time.Unix(1772370000, 0).UTC(),
			}))
		})
	}
}
