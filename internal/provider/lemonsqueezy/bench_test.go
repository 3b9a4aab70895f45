package lemonsqueezy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// benchmarkEvent is about as large as LemonSqueezy's deliveries are: half of it is links.
func benchmarkEvent() []byte {
	var links strings.Builder
	for i, to := range strings.Fields("order store product variant customer order-item subscription-items invoices") {
		if i > 0 {
			links.WriteByte(',')
		}
		fmt.Fprintf(&links, `%q: {"links": {"related": "https://api.example.com/v1/subscriptions/601/%s", `+
			`"self": "https://api.example.com/v1/subscriptions/601/relationships/%s"}}`, to, to, to)
	}
	url := `"https://shop.example.com/billing?expires=1&user=9&signature=` + strings.Repeat("0", 64) + `"`
	names := `"product_name":"Pro","variant_name":"Monthly","user_name":"Jane Doe","card_last_four":"4242",` +
		`"order_item_id":4,"billing_anchor":1,"payment_processor":"stripe","status_formatted":"Active",` +
		`"note":"` + strings.Repeat("x", 1300) + `",`
	data := aSubscription(`"urls":{"customer_portal":` + url + `,"update_payment_method":` + url +
		`,"customer_portal_update_subscription":` + url + `},` + names + `"status":"active",` + renews)
	return delivery("subscription_updated", strings.Replace(data, `"relationships":{}`, `"relationships":{`+links.String()+
		`}`, 1))
}

// BenchmarkWebhook verifies and parses one delivery.
func BenchmarkWebhook(b *testing.B) {
	body := benchmarkEvent()
	h := http.Header{SignatureHeader: {signed(string(body), testSecret)}}
	secrets := []string{testSecret}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := (Codec{}).Verify(h, body, secrets, time.Time{}, 0); err != nil {
			b.Fatal(err)
		}
		if _, err := (Codec{}).Parse(body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(body)), "body-B")
}
