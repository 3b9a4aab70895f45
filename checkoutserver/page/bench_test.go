package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkPricingPage serves six plans to browsers that ask for one of eight pages.
func BenchmarkPricingPage(b *testing.B) {
	p, doc := newPages(b, settings()), six()
	var requests []*http.Request
	for _, query := range []string{"", "?interval=year", "?currency=EUR", "?interval=year&currency=EUR"} {
		for _, language := range []string{"en-US,en;q=0.9", "de-DE,de;q=0.9,en;q=0.8"} {
			r := httptest.NewRequest(http.MethodGet, "https://pay.example.com/"+query, http.NoBody)
			r.Header.Set("Accept-Language", language)
			requests = append(requests, r)
		}
	}
	size := len(body(b, get(p, doc, "")))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			w := httptest.NewRecorder()
			p.Pricing(doc, w, requests[i%len(requests)])
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
	b.ReportMetric(float64(size), "bytes/page")
}
