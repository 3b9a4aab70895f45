package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
)

const paddleKey = "pdl_sdbx_apikey_1"

// paddleWorld is a sandbox on a loopback address that is asked in Paddle's name.
type paddleWorld struct {
	*sandbox.Sandbox
	g   *WithT
	t   *testing.T
	url string
	key string
}

func newPaddleWorld(t *testing.T, opt sandbox.Options) *paddleWorld {
	t.Helper()
	w := newWorld(t, opt)
	return &paddleWorld{Sandbox: w.Sandbox, g: w.g, t: t, url: w.url, key: paddleKey}
}

// paddleAnswer is an answer of any kind.
type paddleAnswer struct {
	status int
	header http.Header
	Data   json.RawMessage `json:"data"`
	Error  struct {
		Type   string `json:"type"`
		Code   string `json:"code"`
		Errors []struct {
			Field string `json:"field"`
		} `json:"errors"`
	} `json:"error"`
	Meta struct {
		RequestID  string `json:"request_id"`
		Pagination struct {
			PerPage        int    `json:"per_page"`
			Next           string `json:"next"`
			HasMore        bool   `json:"has_more"`
			EstimatedTotal int    `json:"estimated_total"`
		} `json:"pagination"`
	} `json:"meta"`
}

// verdict is the error's code, with the fields that it names.
func (a paddleAnswer) verdict() string {
	out := []string{a.Error.Code}
	for _, e := range a.Error.Errors {
		out = append(out, e.Field)
	}
	return strings.Join(out, " ")
}

func (w *paddleWorld) send(method, path, body string) paddleAnswer {
	w.t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = w.url + path
	}
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	w.g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+w.key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	w.g.Expect(err).NotTo(HaveOccurred())
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	w.g.Expect(err).NotTo(HaveOccurred())
	out := paddleAnswer{status: res.StatusCode, header: res.Header}
	if len(text) > 0 {
		w.g.Expect(json.Unmarshal(text, &out)).To(Succeed(), string(text))
	}
	return out
}

// make sends a create, which must succeed, and returns the id.
func (w *paddleWorld) make(path, body string) string {
	w.t.Helper()
	a := w.send("POST", path, body)
	w.g.Expect(a.status).To(Equal(http.StatusCreated), a.verdict())
	var made struct{ ID string }
	w.g.Expect(json.Unmarshal(a.Data, &made)).To(Succeed())
	return made.ID
}

func (w *paddleWorld) product(name string) string {
	w.t.Helper()
	return w.make("/paddle/products", fmt.Sprintf(`{"name":%q,"tax_category":"saas"}`, name))
}

func (w *paddleWorld) price(product, more string) string {
	w.t.Helper()
	return w.make("/paddle/prices", priceBody(product, more))
}

// priceBody is a one-time price of 1 USD; more begins with a comma.
func priceBody(product, more string) string {
	return fmt.Sprintf(`{"product_id":%q,"description":"price","unit_price":{"amount":"100","currency_code":"USD"}%s}`,
		product, more)
}

// ids are those of a list.
func (a paddleAnswer) ids() []string {
	var rows []struct{ ID string }
	_ = json.Unmarshal(a.Data, &rows)
	out := []string{}
	for _, r := range rows {
		out = append(out, r.ID)
	}
	return out
}

func TestPaddleCreatesWithDefaults(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{Now: func() time.Time { return time.UnixMilli(1_700_000_000_123) }})
	product := w.product("Pro")
	w.g.Expect(product).To(MatchRegexp(`^pro_01hf7yat3v0000[0-9a-hjkmnp-tv-z]{12}$`), "the time is in the id")
	price := w.price(product, "")
	w.g.Expect(price).To(MatchRegexp(`^pri_[0-9a-hjkmnp-tv-z]{26}$`))

	account := w.Paddle().Account(paddleKey)
	w.g.Expect(account.Products()).To(Equal([]paddle.Product{{
		ID: product, Name: "Pro", TaxCategory: "saas", Type: "standard", Status: "active",
		CreatedAt: "2023-11-14T22:13:20.123Z", UpdatedAt: "2023-11-14T22:13:20.123Z",
	}}))
	w.g.Expect(account.Prices()).To(Equal([]paddle.Price{{
		ID: price, ProductID: product, Type: "standard", Description: "price", TaxMode: "account_setting",
		UnitPrice: paddle.Money{Amount: "100", CurrencyCode: "USD"}, UnitPriceOverrides: []paddle.UnitPriceOverride{},
		Status: "active", Quantity: paddle.Quantity{Minimum: 1, Maximum: 100},
		CreatedAt: "2023-11-14T22:13:20.123Z", UpdatedAt: "2023-11-14T22:13:20.123Z",
	}}))
	w.g.Expect(account.Writes()).To(Equal(paddle.Writes{ProductsCreated: 1, PricesCreated: 1}))
}

func TestPaddleChanges(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	g, account := w.g, w.Paddle().Account(paddleKey)
	product := w.make("/paddle/products", `{"name":"Pro","tax_category":"saas","description":"d",
		"image_url":"https://example.com/a.png","custom_data":{"a":1,"b":{"c":[12345678901234567890]}}}`)
	g.Expect(account.Products()[0].CustomData["b"]).To(Equal(map[string]any{
		"c": []any{json.Number("12345678901234567890")},
	}))
	a := w.send("PATCH", "/paddle/products/"+product, `{"description":null,"custom_data":{"x":"y"}}`)
	g.Expect(a.status).To(Equal(200))
	now := account.Products()[0]
	g.Expect(now.Description).To(BeNil())
	g.Expect(*now.ImageURL).To(Equal("https://example.com/a.png"), "what a change leaves out stays")
	g.Expect(now.CustomData).To(Equal(map[string]any{"x": "y"}), "custom data is replaced as a whole")

	price := w.price(product, `,"billing_cycle":{"interval":"month","frequency":1},"trial_period":{"interval":"day",
		"frequency":14},"unit_price_overrides":[{"country_codes":["DE","AT"],"unit_price":{"amount":"90",
		"currency_code":"EUR"}},{"country_codes":["JP"],"unit_price":{"amount":"9","currency_code":"JPY"}}]`)
	change := func(body string) string { return w.send("PATCH", "/paddle/prices/"+price, body).verdict() }
	g.Expect(change(`{"billing_cycle":null}`)).To(Equal("price_trial_period_requires_billing_cycle"))
	g.Expect(account.Prices()[0].BillingCycle).NotTo(BeNil(), "a refused change changes nothing")
	g.Expect(change(`{"product_id":"` + product + `"}`)).To(Equal("invalid_field product_id"))
	g.Expect(change(`{"trial_period":null,"unit_price":{"amount":"200","currency_code":"GBP"},"quantity":{"minimum":2,
		"maximum":2},"unit_price_overrides":[{"country_codes":["FR"],"unit_price":{"amount":"1","currency_code":"EUR"}}]}`)).
		To(BeEmpty())
	p := account.Prices()[0]
	g.Expect(p.TrialPeriod).To(BeNil())
	g.Expect(p.UnitPrice).To(Equal(paddle.Money{Amount: "200", CurrencyCode: "GBP"}))
	g.Expect(p.UnitPriceOverrides).To(Equal([]paddle.UnitPriceOverride{
		{CountryCodes: []string{"FR"}, UnitPrice: paddle.Money{Amount: "1", CurrencyCode: "EUR"}},
	}))
	g.Expect(account.Writes()).To(Equal(paddle.Writes{
		ProductsCreated: 1, ProductsUpdated: 1, PricesCreated: 1, PricesUpdated: 1,
	}))
}

func TestPaddleArchivedObjectsAreFrozen(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	product := w.product("Pro")
	price := w.price(product, "")
	for _, path := range []string{"/paddle/prices/" + price, "/paddle/products/" + product} {
		for _, c := range []struct{ body, code string }{
			{`{"status":"archived"}`, ""},
			{`{"status":"archived"}`, ""},
			{`{"custom_data":{}}`, "entity_archived"},
			{`{"status":"archived","custom_data":{}}`, "entity_archived"},
			{`{}`, ""},
			{`{"status":"active","custom_data":{"a":"b"}}`, ""},
			{`{"status":"archived"}`, ""},
		} {
			w.g.Expect(w.send("PATCH", path, c.body).verdict()).To(Equal(c.code), path+c.body)
		}
		w.g.Expect(w.send("DELETE", path, "").verdict()).To(Equal("method_not_allowed"))
		w.g.Expect(w.send("GET", path, "").status).To(Equal(200))
	}
	w.g.Expect(w.send("POST", "/paddle/prices", priceBody(product, "")).verdict()).To(Equal("entity_archived"))
}

func TestPaddleKeys(t *testing.T) {
	live, reader := "pdl_"+"live_apikey_1", "pdl_sdbx_apikey_reader"
	w := newPaddleWorld(t, sandbox.Options{PaddleKeys: map[string]paddle.Key{
		reader: {Account: "reader", ReadOnly: true},
	}})
	g := w.g
	w.product("Pro")
	w.key = live
	g.Expect(w.send("GET", "/paddle/products", "").ids()).To(BeEmpty(), "another key is another account")
	w.key = reader
	g.Expect(w.send("GET", "/paddle/products?per_page=1", "").status).To(Equal(200))
	refused := w.send("POST", "/paddle/products", `{"name":"Pro","tax_category":"saas"}`)
	g.Expect([]any{refused.status, refused.verdict()}).To(Equal([]any{403, "forbidden"}))
	w.key = strings.Repeat("a", 50)
	g.Expect(w.send("GET", "/paddle/products", "").status).To(Equal(200), "a key of the old kind")
	for _, key := range []string{"pdl_sdbx_apikey_", "pdl_test_apikey_1", "sk_test_1", strings.Repeat("a", 49)} {
		w.key = key
		a := w.send("GET", "/paddle/products", "")
		g.Expect([]any{a.status, a.Error.Type, a.verdict()}).To(Equal([]any{403, "request_error", "invalid_token"}), key)
	}
	w.key = paddleKey
	for _, revoked := range []bool{true, false} {
		w.door("POST", "/_kassa/paddle/keys", fmt.Sprintf(`{"key":%q,"revoked":%v}`, paddleKey, revoked))
		g.Expect(w.send("GET", "/paddle/products", "").status == 403).To(Equal(revoked))
	}
	modes := map[string]bool{}
	for _, v := range w.Paddle().Accounts() {
		modes[v.ID()] = v.Live()
	}
	g.Expect(modes).To(HaveLen(4))
	g.Expect(modes).To(HaveKeyWithValue(w.Paddle().Account(live).ID(), true))
	g.Expect(modes).To(HaveKeyWithValue(w.Paddle().Account(paddleKey).ID(), false))
}

// door sends a request to the door for tests, which must succeed, and returns the answer.
func (w *paddleWorld) door(method, path, body string) string {
	w.t.Helper()
	answer := httptest.NewRecorder()
	w.Handler().ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	w.g.Expect(answer.Code).To(BeNumerically("<", 300), answer.Body.String())
	return answer.Body.String()
}

func TestPaddleFaultsAndState(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	g := w.g
	g.Expect(w.Faults().Add(
		traffic.Fault{Method: "POST", Path: "/paddle/products", Status: 503, After: true},
		traffic.Fault{Method: "GET", Path: "/paddle/prices", Status: 429, RetryAfter: "7"},
		traffic.Fault{Method: "GET", Path: "/paddle/prices", N: 2, Status: 500, Saved: true},
		traffic.Fault{Method: "PATCH", Path: "/v1/", Status: 500},
	)).To(Succeed())
	lost := w.send("POST", "/paddle/products", `{"name":"Pro","tax_category":"saas"}`)
	g.Expect([]any{lost.status, lost.Error.Type, lost.verdict()}).To(Equal([]any{503, "api_error", "service_unavailable"}))
	g.Expect(lost.Meta.RequestID).NotTo(BeEmpty())
	busy := w.send("GET", "/paddle/prices", "")
	g.Expect([]any{busy.status, busy.verdict(), busy.header.Get("Retry-After")}).
		To(Equal([]any{429, "too_many_requests", "7"}))
	g.Expect(w.send("GET", "/paddle/prices", "").verdict()).To(Equal("internal_error"))

	products := w.Paddle().Account(paddleKey).Products()
	g.Expect(products).To(HaveLen(1), "the work was done, and the answer lost")
	g.Expect(w.send("PATCH", "/paddle/products/"+products[0].ID, `{"name":"x"}`).status).To(Equal(200))
	last := w.Requests()[len(w.Requests())-1]
	g.Expect([]any{last.Provider, last.Method, last.Path}).
		To(Equal([]any{"paddle", "PATCH", "/paddle/products/" + products[0].ID}))
	g.Expect(w.Counts()).To(Equal(traffic.Counts{Reads: 2, Writes: 2}))

	var state struct{ Paddle []paddle.State }
	g.Expect(json.Unmarshal([]byte(w.door("GET", "/_kassa/state", "")), &state)).To(Succeed())
	g.Expect(state.Paddle).To(HaveLen(1))
	g.Expect(state.Paddle[0].Products[0].Name).To(Equal("x"))
	g.Expect(state.Paddle[0].Writes).To(Equal(paddle.Writes{ProductsCreated: 1, ProductsUpdated: 1}))
	w.door("DELETE", "/_kassa/state", "")
	g.Expect(w.Paddle().Accounts()).To(BeEmpty())
}

func TestPaddleRateLimit(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{RateLimit: 0.01})
	w.g.Expect(w.send("GET", "/paddle/products", "").status).To(Equal(200))
	a := w.send("GET", "/paddle/prices", "")
	w.g.Expect([]any{a.status, a.Error.Type, a.verdict(), a.header.Get("Retry-After")}).
		To(Equal([]any{429, "api_error", "too_many_requests", "100"}))
	w.key = "pdl_sdbx_apikey_2"
	w.g.Expect(w.send("GET", "/paddle/products", "").status).To(Equal(429), "another account at the same address")
	w.key = "pdl_live_apikey_2"
	w.g.Expect(w.send("GET", "/paddle/products", "").status).To(Equal(200), "the other mode")
}

func TestPaddleEdits(t *testing.T) {
	w := newPaddleWorld(t, sandbox.Options{})
	g, account := w.g, w.Paddle().Account(paddleKey)
	product := w.product("Pro")
	price := w.price(product, "")
	g.Expect(account.EditProduct(product, func(p *paddle.Product) {
		p.ID, p.Name, p.CustomData = "other", "By hand", map[string]any{"a": "b"}
	})).To(Succeed())
	g.Expect(account.EditPrice(price, func(p *paddle.Price) { p.UnitPrice.Amount, p.Status = "1", "archived" })).
		To(Succeed())
	g.Expect(account.EditPrice(product, func(*paddle.Price) {})).To(MatchError(paddle.ErrNotFound))
	var seen paddle.Product
	g.Expect(json.Unmarshal(w.send("GET", "/paddle/products/"+product, "").Data, &seen)).To(Succeed())
	g.Expect([]any{seen.ID, seen.Name, seen.CustomData["a"]}).To(Equal([]any{product, "By hand", "b"}))
	g.Expect(w.send("GET", "/paddle/prices", "").ids()).To(BeEmpty())
	g.Expect(account.Prices()[0].UnitPrice.Amount).To(Equal("1"))
	g.Expect(account.Writes()).To(Equal(paddle.Writes{ProductsCreated: 1, PricesCreated: 1}))
	copied := account.Products()
	copied[0].CustomData["a"] = "changed"
	g.Expect(account.Products()[0].CustomData["a"]).To(Equal("b"), "what a view returns are copies")
}
