package stripe

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// renewedSubscription is a subscription of two items with discount and user's metadata, by hand after Stripe's
// reference of 2023-10-16.
const renewedSubscription = `{"id":"sub_1OyXkM2eZvKYlo2Cq8wQ3rTz","object":"subscription","application":null,
	"application_fee_percent":null,"automatic_tax":{"enabled":true,"liability":{"type":"self"}},
	"billing_cycle_anchor":1709320800,"billing_thresholds":null,"cancel_at":null,"cancel_at_period_end":false,
	"canceled_at":null,"cancellation_details":{"comment":null,"feedback":null,"reason":null},
	"collection_method":"charge_automatically","created":1709320800,"currency":"eur","current_period_end":1714591200,
	"current_period_start":1711999200,"customer":"cus_PoXf3kJq9LmNvB","days_until_due":null,
	"default_payment_method":"pm_1OyXkJ2eZvKYlo2CxY7uWq0d",
	"discount":{"id":"di_1OyXkM2eZvKYlo2C","object":"discount","coupon":{"id":"SPRING",
	"object":"coupon","duration":"once","percent_off":20.0},
	"end":1717269600,"start":1709320800,"promotion_code":"promo_1OyXkM2eZvKYlo2C"},"ended_at":null,"items":{
	"object":"list","data":[{"id":"si_PoXfWm4TzR8aHc","object":"subscription_item","billing_thresholds":null,
	"created":1709320801,"metadata":{},"price":{"id":"price_1OwRt52eZvKYlo2CmN3bVx9Q","object":"price","active":true,
	"billing_scheme":"per_unit","created":1708700000,"currency":"eur","custom_unit_amount":null,"livemode":false,
	"lookup_key":"kassa.6f0c2d.pro.monthly","metadata":{"kassa_cluster":"5b1c7a52-90f0-4f4e-8f4d-0c8a4c1d2e3f",
	"kassa_uid":"9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d","kassa_plan":"shop/pro","kassa_price":"monthly"},
	"nickname":"Pro, monthly","product":"prod_Pm4TzR8aHcWmXf","recurring":{"aggregate_usage":null,"interval":"month",
	"interval_count":1,"usage_type":"licensed"},"tax_behavior":"exclusive","tiers_mode":null,"transform_quantity":null,
	"type":"recurring","unit_amount":2900,"unit_amount_decimal":"2900"},"quantity":10,
	"subscription":"sub_1OyXkM2eZvKYlo2Cq8wQ3rTz","tax_rates":[]},{"id":"si_PoXfZq7KvN2bJd","object":"subscription_item",
	"price":{"id":"price_1OwRt92eZvKYlo2CkL5cYw1S","object":"price","active":true,"metadata":{},"unit_amount":15}}],
	"has_more":false,
	"total_count":2,"url":"/v1/subscription_items?subscription=sub_1OyXkM2eZvKYlo2Cq8wQ3rTz"},
	"latest_invoice":"in_1P0dRk2eZvKYlo2CtU8vXz4W","livemode":false,"metadata":{"user_id":"42","team":"growth",
	"campaign":"spring \u2013 caf\u00e9","signup":"2026-03-01T10:00:00Z"},"on_behalf_of":null,"pause_collection":null,
	"payment_settings":{"save_default_payment_method":"off"},"pending_update":null,"status":"active","trial_end":null}`

// webhook4K is a signed event, in lines and with white space as Stripe sends it.
func webhook4K(tb testing.TB) (http.Header, []byte) {
	tb.Helper()
	event := eventBody("customer.subscription.updated", renewedSubscription,
		`{"current_period_end":1711999200,"current_period_start":1709320800,"latest_invoice":"in_1OyXkM2eZvKYlo2C"}`)
	var body bytes.Buffer
	if err := json.Indent(&body, event, "", "  "); err != nil {
		tb.Fatal(err)
	}
	if n := body.Len(); n < 4000 || n > 4200 {
		tb.Fatalf("the event has %d bytes", n)
	}
	mac := signed(testTime, body.String(), testSecret)
	return http.Header{SignatureHeader: {"t=1712000000,v1=" + mac}}, body.Bytes()
}

func receive(body []byte, h http.Header, secrets []string, now time.Time) error {
	if err := (Codec{}).Verify(h, body, secrets, now, time.Minute); err != nil {
		return err
	}
	_, err := Codec{}.Parse(body)
	return err
}

// BenchmarkWebhook is what a receiver computes for each event, while two secrets are live.
func BenchmarkWebhook(b *testing.B) {
	h, body := webhook4K(b)
	secrets, now := []string{"whsec_new_0123456789abcdef", testSecret}, time.Unix(testTime, 0)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := receive(body, h, secrets, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	_, body := webhook4K(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Codec{}).Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWebhookAllocations(t *testing.T) {
	h, body := webhook4K(t)
	secrets, now := []string{testSecret}, time.Unix(testTime, 0)
	n := testing.AllocsPerRun(100, func() {
		if err := receive(body, h, secrets, now); err != nil {
			t.Fatal(err)
		}
	})
	if n > 40 {
		t.Errorf("an event made %v allocations", n)
	}
}
