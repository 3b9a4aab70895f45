package paddle_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

const testKey = "pdl_sdbx_" + "apikey_1"

// answer is one of any kind.
type answer struct {
	status int
	header http.Header
	Data   json.RawMessage `json:"data"`
	Error  struct {
		Type             string `json:"type"`
		Code             string `json:"code"`
		Detail           string `json:"detail"`
		DocumentationURL string `json:"documentation_url"`
	} `json:"error"`
	Meta struct {
		RequestID string `json:"request_id"`
	} `json:"meta"`
}

// send asks a server; headers are pairs that replace those of an ordinary request, and "" removes one. Every answer has
// a request id, and every error its type, code and text.
func send(t *testing.T, s *paddle.Server, method, path, body string, headers ...string) answer {
	t.Helper()
	g := NewWithT(t)
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Paddle-Version", "1")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Del(headers[i])
		if headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	out := answer{status: rec.Code, header: rec.Header()}
	g.Expect(json.Unmarshal(rec.Body.Bytes(), &out)).To(Succeed(), rec.Body.String())
	g.Expect(out.header.Get("Content-Type")).To(Equal("application/json"))
	g.Expect(out.Meta.RequestID).To(MatchRegexp(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`))
	if out.status < 400 {
		g.Expect(out.Error.Code).To(BeEmpty())
		return out
	}
	g.Expect(out.Data).To(BeEmpty())
	g.Expect(out.Error.Type).To(BeElementOf("request_error", "api_error"))
	g.Expect(out.Error.Detail).NotTo(BeEmpty())
	g.Expect(out.Error.DocumentationURL).To(HavePrefix("https://developer.paddle.com/errors/"))
	g.Expect(out.Error.DocumentationURL).To(HaveSuffix("/" + out.Error.Code))
	return out
}

// remove deletes something, and returns the status.
func remove(s *paddle.Server, path string) int {
	req := httptest.NewRequest(http.MethodDelete, path, http.NoBody)
	req.Header.Set("Authorization", "Bearer "+testKey)
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	return rec.Code
}

const product = `{"name":"Pro","tax_category":"saas"}`

// made is the id of what was created.
func made(t *testing.T, a answer) string {
	t.Helper()
	g := NewWithT(t)
	g.Expect(a.status).To(Equal(http.StatusCreated), a.Error.Code)
	var out struct{ ID string }
	g.Expect(json.Unmarshal(a.Data, &out)).To(Succeed())
	return out.ID
}

// A request that is not as the API wants it is refused before any work.
func TestRequestsThatAreRefused(t *testing.T) {
	s := paddle.New(paddle.Options{})
	for _, c := range []struct {
		reason, method, path, body string
		headers                    []string
		status                     int
		code                       string
	}{
		{"no key", "POST", "/products", product, []string{"Authorization", ""}, 403, "authentication_missing"},
		{"another scheme", "POST", "/products", product, []string{"Authorization", "Basic " + testKey}, 403,
			"authentication_malformed"},
		{"no scheme", "POST", "/products", product, []string{"Authorization", testKey}, 403, "authentication_malformed"},
		{"two keys", "POST", "/products", product, []string{"Authorization", "Bearer " + testKey + " " + testKey}, 403,
			"authentication_malformed"},
		{"another version", "POST", "/products", product, []string{"Paddle-Version", "2"}, 400, "bad_request"},
		{"a form", "POST", "/products", "name=Pro", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415,
			"unsupported_media_type"},
		{"no media type", "POST", "/products", product, []string{"Content-Type", ""}, 415, "unsupported_media_type"},
		{"half of it", "POST", "/products", product[:20], nil, 400, "invalid_json"},
		{"a list", "POST", "/products", "[]", nil, 400, "invalid_json"},
		{"a megabyte", "POST", "/products", strings.Repeat(" ", 1<<20) + product, nil, 413, "request_body_too_large"},
		{"there is no delete", "DELETE", "/products/pro_1", "", nil, 405, "method_not_allowed"},
		{"nor a replacement", "PUT", "/prices/pri_1", "{}", nil, 405, "method_not_allowed"},
		{"another path", "GET", "/coupons", "", nil, 404, "invalid_url"},
		{"a query that cannot be read", "GET", "/products?a=%zz", "", nil, 400, "bad_request"},
	} {
		a := send(t, s, c.method, c.path, c.body, c.headers...)
		NewWithT(t).Expect([]any{a.status, a.Error.Code}).To(Equal([]any{c.status, c.code}), c.reason)
	}
	NewWithT(t).Expect(s.Account(testKey).Products()).To(BeEmpty())
}

// The version may be left out, and the media type may have a parameter.
func TestHeadersThatAreTaken(t *testing.T) {
	s := paddle.New(paddle.Options{})
	for _, headers := range [][]string{
		{"Paddle-Version", ""}, {"Content-Type", "application/json; charset=utf-8"}, {"Authorization", "bearer " + testKey},
	} {
		made(t, send(t, s, http.MethodPost, "/products", product, headers...))
	}
}

// The id of the request is the same in header and body, and another one for each.
func TestEachRequestHasAnID(t *testing.T) {
	g, s := NewWithT(t), paddle.New(paddle.Options{})
	seen := map[string]bool{}
	for range 3 {
		a := send(t, s, http.MethodGet, "/products", "")
		g.Expect(a.header.Get("Request-Id")).To(Equal(a.Meta.RequestID))
		seen[a.Meta.RequestID] = true
	}
	g.Expect(seen).To(HaveLen(3))
}

// An object of another account is not found, whatever is asked of it, and neither is one of the other mode.
func TestAccountsDoNotSeeEachOther(t *testing.T) {
	g, s := NewWithT(t), paddle.New(paddle.Options{})
	id := made(t, send(t, s, http.MethodPost, "/products", product))
	price := `{"description":"Price","product_id":"` + id + `","unit_price":{"amount":"1","currency_code":"USD"}}`
	priceID := made(t, send(t, s, http.MethodPost, "/prices", price))
	for _, key := range []string{testKey + "2", "pdl_live_" + "apikey_1"} {
		auth := []string{"Authorization", "Bearer " + key}
		for _, c := range [][3]string{
			{"GET", "/products/" + id, ""}, {"PATCH", "/products/" + id, `{"name":"x"}`}, {"POST", "/prices", price},
			{"GET", "/prices/" + priceID, ""}, {"PATCH", "/prices/" + priceID, `{"name":"x"}`},
		} {
			a := send(t, s, c[0], c[1], c[2], auth...)
			g.Expect([]any{a.status, a.Error.Code}).To(Equal([]any{404, "not_found"}), "%v", c)
		}
	}
	g.Expect(s.Account(testKey).Products()[0].Name).To(Equal("Pro"))
	g.Expect(s.Account(testKey).Prices()[0].Name).To(BeNil())
}

// Everything of a price but its product may be changed, and a change is seen by its time.
func TestAPriceTakesEveryChange(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	g, s := NewWithT(t), paddle.New(paddle.Options{Now: func() time.Time { return now }})
	id := made(t, send(t, s, http.MethodPost, "/products", product))
	price := made(t, send(t, s, http.MethodPost, "/prices",
		`{"description":"Price","product_id":"`+id+`","unit_price":{"amount":"1","currency_code":"USD"}}`))
	for _, c := range []struct {
		body  string
		value func(paddle.Price) any
		want  any
	}{
		{`{"description":"Other"}`, func(p paddle.Price) any { return p.Description }, "Other"},
		{`{"name":"Shown"}`, func(p paddle.Price) any { return *p.Name }, "Shown"},
		{`{"name":null}`, func(p paddle.Price) any { return p.Name == nil }, true},
		{`{"type":"custom"}`, func(p paddle.Price) any { return p.Type }, "custom"},
		{`{"tax_mode":"internal"}`, func(p paddle.Price) any { return p.TaxMode }, "internal"},
		{`{"unit_price":{"amount":"2","currency_code":"EUR"}}`, func(p paddle.Price) any { return p.UnitPrice },
			paddle.Money{Amount: "2", CurrencyCode: "EUR"}},
		{`{"billing_cycle":{"interval":"month","frequency":3}}`, func(p paddle.Price) any { return *p.BillingCycle },
			paddle.Duration{Interval: "month", Frequency: 3}},
		{`{"trial_period":{"interval":"day","frequency":7}}`, func(p paddle.Price) any { return *p.TrialPeriod },
			paddle.Duration{Interval: "day", Frequency: 7}},
		{`{"quantity":{"minimum":2,"maximum":5}}`, func(p paddle.Price) any { return p.Quantity },
			paddle.Quantity{Minimum: 2, Maximum: 5}},
		{`{"custom_data":{"a":"b"}}`, func(p paddle.Price) any { return p.CustomData }, map[string]any{"a": "b"}},
		{`{"custom_data":null}`, func(p paddle.Price) any { return p.CustomData == nil }, true},
		{`{"status":"archived"}`, func(p paddle.Price) any { return p.Status }, "archived"},
		{`{"status":"active"}`, func(p paddle.Price) any { return p.Status }, "active"},
	} {
		now = now.Add(time.Second)
		a := send(t, s, http.MethodPatch, "/prices/"+price, c.body)
		g.Expect(a.status).To(Equal(http.StatusOK), "%s: %s", c.body, a.Error.Code)
		p := s.Account(testKey).Prices()[0]
		g.Expect(c.value(p)).To(Equal(c.want), c.body)
		g.Expect(p.UpdatedAt).To(Equal(now.Format(time.RFC3339)), c.body)
		g.Expect(p.CreatedAt).To(Equal("2026-01-02T03:04:05Z"))
		g.Expect([]string{p.ID, p.ProductID}).To(Equal([]string{price, id}))
	}
}

// The error answer of a scripted fault has a code that says what its status says.
func TestErrorBodies(t *testing.T) {
	for status, want := range map[int]string{
		400: "request_error bad_request", 401: "request_error invalid_token", 403: "request_error invalid_token",
		404: "request_error not_found", 409: "request_error conflict", 422: "request_error bad_request",
		429: "api_error too_many_requests", 500: "api_error internal_error", 502: "api_error bad_gateway",
		503: "api_error service_unavailable", 599: "api_error internal_error",
	} {
		var a answer
		g := NewWithT(t)
		g.Expect(json.Unmarshal(paddle.ErrorBody(status), &a)).To(Succeed())
		g.Expect(a.Error.Type+" "+a.Error.Code).To(Equal(want), "%d", status)
		g.Expect(a.Meta.RequestID).NotTo(BeEmpty())
	}
}

// The rate limit is an address's: of all its accounts of one mode, and of no other address.
func TestRateLimitByAddress(t *testing.T) {
	s := paddle.New(paddle.Options{RateLimit: 0.01})
	ask := func(address, key string) int {
		req := httptest.NewRequest(http.MethodGet, "/products", http.NoBody)
		req.RemoteAddr = address
		req.Header.Set("Authorization", "Bearer "+key)
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, req)
		return rec.Code
	}
	g := NewWithT(t)
	g.Expect(ask("192.0.2.1:1000", testKey)).To(Equal(http.StatusOK))
	g.Expect(ask("192.0.2.1:2000", testKey+"2")).To(Equal(http.StatusTooManyRequests))
	g.Expect(ask("192.0.2.1:1000", "pdl_live_"+"apikey_1")).To(Equal(http.StatusOK))
	g.Expect(ask("192.0.2.2:1000", testKey)).To(Equal(http.StatusOK))
	s.Reset()
	g.Expect(ask("192.0.2.1:1000", testKey)).To(Equal(http.StatusOK))
}
