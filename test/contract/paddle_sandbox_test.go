package contract_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	paddlesdk "github.com/PaddleHQ/paddle-go-sdk/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/sandbox"
	"github.com/kassa-dev/kassa/test/contract"
)

const paddleKey = "pdl_sdbx_apikey_contract"

// paddleRig is a sandbox with Paddle's own SDK, and the judge between them.
type paddleRig struct {
	t       *testing.T
	sb      *sandbox.Sandbox
	judge   *contract.PaddleJudge
	sdk     *paddlesdk.SDK
	address string
}

func newPaddleRig(t *testing.T) *paddleRig {
	t.Helper()
	sb, address := newSandbox(t)
	judge := &contract.PaddleJudge{Prefix: "/paddle"}
	sdk, err := paddlesdk.New(paddleKey, paddlesdk.WithBaseURL(address), paddlesdk.WithClient(prefixed{judge}))
	if err != nil {
		t.Fatal(err)
	}
	return &paddleRig{t, sb, judge, sdk, address}
}

// prefixed does what the SDK does not: it keeps the path of the base URL, and says which version it wants.
type prefixed struct{ next http.RoundTripper }

func (p prefixed) Do(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/paddle/") { // the pages that an answer names have it
		r.URL.Path = "/paddle" + r.URL.Path
	}
	r.Header.Set("Paddle-Version", "1")
	return (&http.Client{Transport: p.next}).Do(r)
}

func (r *paddleRig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *paddleRig) accepted() {
	r.t.Helper()
	for _, problem := range r.judge.Problems() {
		r.t.Error(problem)
	}
}

// raw sends a request through the judge, as it is.
func (r *paddleRig) raw(method, path, body string, headers ...string) (status int, code string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.address+"/paddle"+path, strings.NewReader(body))
	r.must(err)
	req.Header.Set("Authorization", "Bearer "+paddleKey)
	req.Header.Set("Paddle-Version", "1")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Transport: r.judge}).Do(req)
	r.must(err)
	defer res.Body.Close()
	var answer struct{ Error struct{ Code string } }
	r.must(json.NewDecoder(res.Body).Decode(&answer))
	return res.StatusCode, answer.Error.Code
}

func TestPaddlesSDKDrivesTheSandbox(t *testing.T) {
	r := newPaddleRig(t)
	ctx := t.Context()
	product, err := r.sdk.CreateProduct(ctx, &paddlesdk.CreateProductRequest{
		Name: "Pro", TaxCategory: paddlesdk.TaxCategorySaas, Description: paddlesdk.PtrTo("All of it"),
		ImageURL:   paddlesdk.PtrTo("https://example.com/a.png"),
		CustomData: paddlesdk.CustomData{"kassa.dev/uid": "1", "deep": map[string]any{"a": []any{true}}},
	})
	r.must(err)
	price, err := r.sdk.CreatePrice(ctx, &paddlesdk.CreatePriceRequest{
		Description: "monthly", ProductID: product.ID, Name: paddlesdk.PtrTo("Monthly"),
		UnitPrice:    paddlesdk.Money{Amount: "2900", CurrencyCode: paddlesdk.CurrencyCodeUSD},
		BillingCycle: &paddlesdk.Duration{Interval: paddlesdk.IntervalMonth, Frequency: 1},
		TrialPeriod:  &paddlesdk.Duration{Interval: paddlesdk.IntervalDay, Frequency: 14},
		TaxMode:      paddlesdk.PtrTo(paddlesdk.TaxModeInternal),
		UnitPriceOverrides: []paddlesdk.UnitPriceOverride{{
			CountryCodes: []paddlesdk.CountryCode{paddlesdk.CountryCodeDE},
			UnitPrice:    paddlesdk.Money{Amount: "2700", CurrencyCode: paddlesdk.CurrencyCodeEUR},
		}},
		Quantity: &paddlesdk.PriceQuantity{Minimum: 1, Maximum: 999},
	})
	r.must(err)
	once, err := r.sdk.CreatePrice(ctx, &paddlesdk.CreatePriceRequest{
		Description: "once", ProductID: product.ID,
		UnitPrice: paddlesdk.Money{Amount: "100", CurrencyCode: paddlesdk.CurrencyCodeJPY},
	})
	r.must(err)

	got, err := r.sdk.GetProduct(ctx, &paddlesdk.GetProductRequest{ProductID: product.ID, IncludePrices: true})
	r.must(err)
	if len(got.Prices) != 2 || got.CustomData["kassa.dev/uid"] != "1" {
		t.Errorf("the product is %+v", got)
	}
	withProduct, err := r.sdk.GetPrice(ctx, &paddlesdk.GetPriceRequest{PriceID: price.ID, IncludeProduct: true})
	r.must(err)
	if withProduct.Product.ID != product.ID || withProduct.TrialPeriod.Frequency != 14 {
		t.Errorf("the price is %+v", withProduct)
	}

	changed, err := r.sdk.UpdateProduct(ctx, &paddlesdk.UpdateProductRequest{
		ProductID: product.ID, Name: paddlesdk.NewPatchField("Pro 2"),
		Description: paddlesdk.NewNullPatchField[*string](),
		CustomData:  paddlesdk.NewPatchField(paddlesdk.CustomData{"other": "2"}),
	})
	r.must(err)
	want := paddlesdk.CustomData{"other": "2"}
	if changed.Name != "Pro 2" || changed.Description != nil || !cmp.Equal(changed.CustomData, want) {
		t.Errorf("the changed product is %+v", changed)
	}
	if changed.ImageURL == nil || changed.CreatedAt != product.CreatedAt {
		t.Errorf("what was not to change has changed: %+v", changed)
	}
	cheaper, err := r.sdk.UpdatePrice(ctx, &paddlesdk.UpdatePriceRequest{
		PriceID: price.ID, TrialPeriod: paddlesdk.NewNullPatchField[*paddlesdk.Duration](),
		UnitPrice: paddlesdk.NewPatchField(paddlesdk.Money{Amount: "1900", CurrencyCode: paddlesdk.CurrencyCodeUSD}),
	})
	r.must(err)
	if cheaper.TrialPeriod != nil || cheaper.UnitPrice.Amount != "1900" || cheaper.BillingCycle == nil {
		t.Errorf("the changed price is %+v", cheaper)
	}
	_, err = r.sdk.UpdatePrice(ctx, &paddlesdk.UpdatePriceRequest{
		PriceID: once.ID, Status: paddlesdk.NewPatchField(paddlesdk.StatusArchived),
	})
	r.must(err)

	if ids := r.prices(&paddlesdk.ListPricesRequest{}); !slices.Equal(ids, []string{price.ID}) {
		t.Errorf("active prices are %v", ids)
	}
	all := r.prices(&paddlesdk.ListPricesRequest{
		Status: []string{"active,archived"}, ProductID: []string{product.ID}, IncludeProduct: true,
	})
	if !slices.Equal(all, []string{once.ID, price.ID}) {
		t.Errorf("all prices are %v", all)
	}
	r.accepted()
	wantSeen := []string{
		"GET /prices/{price_id}: 200", "GET /prices: 200", "GET /products/{product_id}: 200",
		"PATCH /prices/{price_id}: 200", "PATCH /products/{product_id}: 200", "POST /prices: 201", "POST /products: 201",
	}
	if diff := cmp.Diff(wantSeen, r.judge.Seen()); diff != "" {
		t.Errorf("other requests were judged (-want +got):\n%s", diff)
	}
}

func (r *paddleRig) prices(in *paddlesdk.ListPricesRequest) []string {
	r.t.Helper()
	list, err := r.sdk.ListPrices(r.t.Context(), in)
	r.must(err)
	var ids []string
	r.must(list.Iter(r.t.Context(), func(p *paddlesdk.Price) (bool, error) {
		ids = append(ids, p.ID)
		return true, nil
	}))
	return ids
}

func TestPaddlesSDKFollowsPages(t *testing.T) {
	r := newPaddleRig(t)
	var want []string
	for i := range 7 {
		p, err := r.sdk.CreateProduct(t.Context(), &paddlesdk.CreateProductRequest{
			Name: fmt.Sprint("p", i), TaxCategory: paddlesdk.TaxCategoryStandard,
		})
		r.must(err)
		want = append([]string{p.ID}, want...)
	}
	list, err := r.sdk.ListProducts(t.Context(), &paddlesdk.ListProductsRequest{
		PerPage: paddlesdk.PtrTo(3), Status: []string{"active,archived"}, IncludePrices: true,
	})
	r.must(err)
	if list.PerPage() != 3 || list.EstimatedTotal() != 7 || !list.HasMore() {
		t.Errorf("the page has %d, of %d, more: %v", list.PerPage(), list.EstimatedTotal(), list.HasMore())
	}
	var got []string
	r.must(list.Iter(t.Context(), func(p *paddlesdk.Product) (bool, error) {
		got = append(got, p.ID)
		return true, nil
	}))
	if diff := cmp.Diff(want, got); diff != "" || r.judge.Checked() != 7+3 {
		t.Errorf("after %d answers (-want +got):\n%s", r.judge.Checked(), diff)
	}
	r.accepted()
}

// Every error answer is of Paddle's form, and the SDK reads it as the error that it stands for.
func TestErrorsArePaddles(t *testing.T) {
	r := newPaddleRig(t)
	r.judge.Skip = func(*http.Request) bool { return true }
	const product = `{"name":"Pro","tax_category":"saas"}`
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		code               string
	}{
		{"GET", "/products", "", []string{"Authorization", ""}, 403, "authentication_missing"},
		{"GET", "/products", "", []string{"Authorization", "Basic eDo="}, 403, "authentication_malformed"},
		{"GET", "/products", "", []string{"Authorization", "Bearer sk_test_1"}, 403, "invalid_token"},
		{"GET", "/products", "", []string{"Paddle-Version", "2"}, 400, "bad_request"},
		{"GET", "/products?status=deleted", "", nil, 400, "invalid_field"},
		{"GET", "/products/pro_01gsz97mq9pa4fkyy0wqenepkz", "", nil, 404, "not_found"},
		{"GET", "/subscribers", "", nil, 404, "invalid_url"},
		{"DELETE", "/products/pro_01gsz97mq9pa4fkyy0wqenepkz", "", nil, 405, "method_not_allowed"},
		{"POST", "/products", `{"name":`, nil, 400, "invalid_json"},
		{"POST", "/products", `{"name":"","colour":1}`, nil, 400, "invalid_field"},
		{"POST", "/products", product, []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type"},
		{"POST", "/products", `"` + strings.Repeat("x", 1<<20) + `"`, nil, 413, "request_body_too_large"},
	} {
		if status, code := r.raw(c.method, c.path, c.body, c.headers...); status != c.status || code != c.code {
			t.Errorf("%s %s is answered %d %s, want %d %s", c.method, c.path, status, code, c.status, c.code)
		}
	}
	if n := r.judge.Checked(); n != 12 {
		t.Errorf("%d answers were judged, want 12", n)
	}
	r.accepted()

	_, err := r.sdk.GetProduct(t.Context(), &paddlesdk.GetProductRequest{ProductID: "pro_01gsz97mq9pa4fkyy0wqenepkz"})
	if !errors.Is(err, paddlesdk.ErrNotFound) {
		t.Errorf("the SDK reads %v", err)
	}
	r.sb.Paddle().Revoke(paddleKey, true)
	_, err = r.sdk.ListProducts(t.Context(), &paddlesdk.ListProductsRequest{})
	if !errors.Is(err, paddlesdk.ErrInvalidToken) {
		t.Errorf("the SDK reads %v", err)
	}
}

// The judge must be able to fail.
func TestThePaddleJudgeNotices(t *testing.T) {
	const right = `{"name":"Pro","tax_category":"saas"}`
	schemas, err := contract.Paddle()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		method, path, body, version string
		wrong                       bool
	}{
		"right":               {"POST", "/products", right, "1", false},
		"right list":          {"GET", "/prices?per_page=200&status=active,archived&recurring=true", "", "1", false},
		"unknown path":        {"GET", "/pricelists", "", "1", true},
		"unknown method":      {"DELETE", "/products/pro_1", "", "1", true},
		"no version":          {"POST", "/products", right, "", true},
		"unknown property":    {"POST", "/products", `{"name":"Pro","tax_category":"saas","colour":"red"}`, "1", true},
		"read-only property":  {"POST", "/products", `{"name":"Pro","tax_category":"saas","import_meta":null}`, "1", true},
		"missing property":    {"POST", "/products", `{"name":"Pro"}`, "1", true},
		"value not listed":    {"POST", "/products", `{"name":"Pro","tax_category":"food"}`, "1", true},
		"null where no null":  {"PATCH", "/products/pro_1", `{"name":null}`, "1", true},
		"null where it may":   {"PATCH", "/products/pro_1", `{"description":null,"custom_data":null}`, "1", false},
		"text of a number":    {"PATCH", "/prices/pri_1", `{"quantity":{"minimum":"1","maximum":2}}`, "1", true},
		"number of a text":    {"PATCH", "/prices/pri_1", `{"unit_price":{"amount":1,"currency_code":"USD"}}`, "1", true},
		"unknown nested":      {"PATCH", "/prices/pri_1", `{"billing_cycle":{"interval":"month","count":1}}`, "1", true},
		"unknown extra":       {"PATCH", "/prices/pri_1", `{"quantity":{"minimum":1,"maximum":2,"step":1}}`, "1", true},
		"what cannot change":  {"PATCH", "/prices/pri_1", `{"product_id":"pro_01gsz97mq9pa4fkyy0wqenepkz"}`, "1", true},
		"too short":           {"PATCH", "/prices/pri_1", `{"description":"x"}`, "1", true},
		"no body":             {"POST", "/products", "", "1", true},
		"unknown parameter":   {"GET", "/products?colour=red", "", "1", true},
		"repeated parameter":  {"GET", "/products?status=active&status=archived", "", "1", true},
		"value of a list":     {"GET", "/products?status=active,deleted", "", "1", true},
		"too large a page":    {"GET", "/products?per_page=201", "", "1", true},
		"no number of a page": {"GET", "/products?per_page=all", "", "1", true},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest(c.method, "http://sandbox"+c.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer x")
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Paddle-Version", c.version)
			if err := schemas.Request(r.Method, r.URL, r.Header, []byte(c.body)); (err != nil) != c.wrong {
				t.Errorf("the verdict is %v", err)
			}
		})
	}
}

// The description requires no property of an entity, but Paddle sends every one.
func TestThePaddleSandboxSendsEveryProperty(t *testing.T) {
	r := newPaddleRig(t)
	product, err := r.sdk.CreateProduct(t.Context(), &paddlesdk.CreateProductRequest{
		Name: "Pro", TaxCategory: paddlesdk.TaxCategorySaas,
	})
	r.must(err)
	_, err = r.sdk.CreatePrice(t.Context(), &paddlesdk.CreatePriceRequest{
		Description: "once", ProductID: product.ID, UnitPrice: paddlesdk.Money{Amount: "1", CurrencyCode: "EUR"},
	})
	r.must(err)
	schemas, err := contract.Paddle()
	r.must(err)
	account := r.sb.Paddle().Account(paddleKey)
	r.raw("POST", "/notification-settings",
		`{"description":"d","type":"url","destination":"https://a.example","subscribed_events":["price.updated"]}`)
	for entity, sent := range map[string]any{
		"product": account.Products()[0], "price": account.Prices()[0], "notification_setting": account.Settings()[0],
	} {
		text, err := json.Marshal(sent)
		r.must(err)
		var properties map[string]any
		r.must(json.Unmarshal(text, &properties))
		want, got := schemas.Properties(entity), slices.Sorted(maps.Keys(properties))
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("a %s has other properties (-Paddle +sandbox):\n%s", entity, diff)
		}
	}
}

func TestAnswersThatAreNotPaddlesAreNoticed(t *testing.T) {
	r := newPaddleRig(t)
	product, err := r.sdk.CreateProduct(t.Context(), &paddlesdk.CreateProductRequest{
		Name: "Pro", TaxCategory: paddlesdk.TaxCategorySaas,
	})
	r.must(err)
	path := "/products/" + product.ID
	res, err := http.NewRequest(http.MethodGet, r.address+"/paddle"+path+"?include=prices", http.NoBody)
	r.must(err)
	res.Header.Set("Authorization", "Bearer "+paddleKey)
	answer, err := http.DefaultClient.Do(res)
	r.must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	r.must(err)
	schemas, err := contract.Paddle()
	r.must(err)
	if err := schemas.Response("GET", path, 200, body); err != nil {
		t.Fatalf("the sandbox's own answer: %v", err)
	}
	for old, by := range map[string]string{
		`"name"`: `"title"`, `"saas"`: `"food"`, `"pro_`: `"prod_`, `"prices":[]`: `"prices":[{}],"more":1`,
		`"request_id"`: `"id"`, `"custom_data":null`: `"custom_data":"x"`, `"created_at":"`: `"created_at":"on `,
	} {
		changed := bytes.Replace(body, []byte(old), []byte(by), 1)
		if bytes.Equal(changed, body) {
			t.Errorf("there is no %s to change in %s", old, body)
		}
		if schemas.Response("GET", path, 200, changed) == nil {
			t.Errorf("%s instead of %s is not noticed", by, old)
		}
	}
	if schemas.Response("GET", path, 201, body) == nil {
		t.Error("a status that the operation does not have is not noticed")
	}
}
