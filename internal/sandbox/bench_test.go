package sandbox_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

const benchObjects = 10_000

// BenchmarkAPI measures requests over HTTP against an account with 10 000 products and prices.
func BenchmarkAPI(b *testing.B) {
	sb := sandbox.New(sandbox.Options{})
	server := httptest.NewServer(sb.Handler())
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	send := func(method, path, form string) {
		req, err := http.NewRequest(method, server.URL+path, strings.NewReader(form))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+testKey)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			b.Fatalf("%s %s: %d", method, path, res.StatusCode)
		}
	}
	price := func(product, key string) string {
		return "currency=usd&unit_amount=100&recurring[interval]=month&product=" + product + "&lookup_key=" + key
	}
	for i := range benchObjects {
		id := fmt.Sprintf("prod_%d", i)
		send("POST", "/v1/products", "name=x&id="+id)
		send("POST", "/v1/prices", price(id, "seed."+id))
	}
	n := 0
	for name, one := range map[string]func(){
		"create price": func() {
			n++
			send("POST", "/v1/prices", price(fmt.Sprintf("prod_%d", n%benchObjects), fmt.Sprintf("k%d", n)))
		},
		"find price by key": func() { send("GET", "/v1/prices?lookup_keys[]=seed.prod_77", "") },
		"read product":      func() { send("GET", "/v1/products/prod_42", "") },
		"page of 100":       func() { send("GET", "/v1/products?limit=100", "") },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				one()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}
