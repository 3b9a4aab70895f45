package paddle

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// benchmarkEvent is a renewal of 4 kB: most of it is never read.
func benchmarkEvent() []byte {
	product := `{"id":"pro_01gsz4t5hdjse780zja8vvr7jg","name":"Pro","type":"standard","tax_category":"saas",` +
		`"description":"For growing teams, with everything in Basic and single sign-on besides.","image_url":` +
		`"https://shop.example.com/images/pro.png","custom_data":{"features":{"sso":true,"audit":false},"upsell":[` +
		`"pro_01h1vjes1y163xfj1rh1tkfb65"]},"status":"active","import_meta":null,"created_at":` +
		`"2023-02-23T12:43:46.605Z","updated_at":"2024-04-05T15:53:44.687Z"}`
	line := `{"id":"txnitm_01hv8wt98jahpbm1t1tzr06z6n","totals":{"tax":"2662","total":"32662","discount":"0",` +
		`"subtotal":"30000"},"product":` + product + `,"price_id":"pri_01gsz8x8sawmvhz1pv30nge1ke","quantity":10,` +
		`"tax_rate":"0.08875","unit_totals":{"tax":"266","total":"3266","discount":"0","subtotal":"3000"}}`
	body := eventBody("transaction.completed", `{"id":"txn_01hv8wptq8987qeep44cyrewp9","items":[`+recurringItem+`,`+
		oneTimeItem+`],"origin":"subscription_recurring","status":"completed","details":{"totals":{"fee":"3311",`+
		`"tax":"5315","total":"65215","credit":"0","balance":"0","discount":"0","earnings":"56589","subtotal":"59900",`+
		`"grand_total":"65215","currency_code":"USD","credit_to_balance":"0"},"line_items":[`+line+`,`+line+`],`+
		`"payout_totals":{"fee":"3311","total":"65215","currency_code":"USD"},"tax_rates_used":[]},"checkout":{"url":null},`+
		`"payments":[`+captured+`,`+declined+`],"billed_at":"2024-04-12T10:18:48.294633Z","customer_id":"ctm_1",`+
		`"custom_data":{"user_id":"u7","team":"red"},"currency_code":"USD","collection_mode":"automatic",`+
		`"subscription_id":"sub_1","address_id":"add_1","padding":"PADDING"}`)
	return []byte(strings.Replace(string(body), "PADDING", strings.Repeat("x", max(4096-len(body), 0)), 1))
}

func BenchmarkWebhook(b *testing.B) {
	body := benchmarkEvent()
	h := http.Header{SignatureHeader: {fmt.Sprintf("ts=%d;h1=%s", testTime, signed(testTime, string(body), testSecret))}}
	secrets, now := []string{testSecret}, time.Unix(testTime, 0)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := (Codec{}).Verify(h, body, secrets, now, time.Minute); err != nil {
			b.Fatal(err)
		}
		if _, err := (Codec{}).Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	body := benchmarkEvent()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Codec{}).Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}
