package lemonsqueezy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/sandbox"
)

// What the door makes is what the API tells: ids are texts, and numbers where they refer to another object.
func TestWhatASellerMakes(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	w := newWorld(t, sandbox.Options{Now: func() time.Time { return now }})
	status, shop := w.dashboard("POST", "/stores", `{"id":77,"name":"Shop","currency":"PLN"}`)
	w.g.Expect([]any{status, shop.ID.String()}).To(Equal([]any{200, "77"}))
	w.g.Expect(w.one(w.get("/v1/stores/77"))).To(Equal(object{"stores", "77", map[string]any{
		"name": "Shop", "slug": "Shop", "country": "", "currency": "PLN", "plan": "",
	}}))
	w.g.Expect(w.one(w.get("/v1/stores/" + w.store("Other", ""))).Attributes).To(HaveKeyWithValue("currency", "USD"))

	product, variants := w.product("77", 2, "")
	w.g.Expect(slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(variants), product))))).To(HaveLen(3))
	p := w.one(w.get("/v1/products/" + product))
	w.g.Expect([]string{p.Type, p.ID}).To(Equal([]string{"products", product}))
	w.g.Expect(p.Attributes).To(And(
		HaveKeyWithValue("store_id", 77.), HaveKeyWithValue("name", "Pro"), HaveKeyWithValue("status", "published"),
		HaveKeyWithValue("test_mode", true), HaveKeyWithValue("created_at", "2026-01-02T03:04:05.000006Z"),
	))
	for i, id := range variants {
		v := w.one(w.get("/v1/variants/" + id))
		w.g.Expect([]string{v.Type, v.ID}).To(Equal([]string{"variants", id}))
		w.g.Expect(v.Attributes).To(And(
			HaveKeyWithValue("product_id", numeric(w, product)), HaveKeyWithValue("name", "Monthly"),
			HaveKeyWithValue("status", "published"), HaveKeyWithValue("sort", float64(i+1)),
		))
		prices := w.ids(w.get("/v1/prices", "filter[variant_id]", id))
		w.g.Expect(prices).To(HaveLen(1))
		price := w.one(w.get("/v1/prices/" + prices[0]))
		w.g.Expect(price.Type).To(Equal("prices"))
		w.g.Expect(price.Attributes).To(And(
			HaveKeyWithValue("variant_id", numeric(w, id)), HaveKeyWithValue("category", "subscription"),
			HaveKeyWithValue("scheme", "standard"), HaveKeyWithValue("unit_price", 2900.),
			HaveKeyWithValue("unit_price_decimal", BeNil()), HaveKeyWithValue("renewal_interval_unit", "month"),
			HaveKeyWithValue("renewal_interval_quantity", 1.), HaveKeyWithValue("trial_interval_unit", BeNil()),
			HaveKeyWithValue("tax_code", "eservice"), Not(HaveKey("currency")),
		))
	}
}

func numeric(w *world, id string) float64 {
	w.t.Helper()
	n, err := json.Number(id).Float64()
	w.g.Expect(err).NotTo(HaveOccurred())
	return n
}

// Prices have the members that their scheme needs; a tier without an end is "inf".
func TestPriceSchemes(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	store := w.store("Shop", "USD")
	for name, c := range map[string]struct {
		price string
		want  map[string]any
	}{
		"usage": {
			`"usage_aggregation":"sum","unit_price_decimal":"0.5","renewal_interval_unit":"day","renewal_interval_quantity":7`,
			map[string]any{"unit_price": nil, "unit_price_decimal": "0.5", "usage_aggregation": "sum",
				"renewal_interval_unit": "day", "renewal_interval_quantity": 7.},
		},
		"trial": {
			`"unit_price":0,"trial_interval_unit":"week","trial_interval_quantity":2`,
			map[string]any{"unit_price": 0., "trial_interval_unit": "week", "trial_interval_quantity": 2.},
		},
		"once": {
			`"category":"one_time","unit_price":100,"tax_code":"saas"`,
			map[string]any{"category": "one_time", "renewal_interval_unit": nil, "tax_code": "saas"},
		},
		"tiers": {
			`"scheme":"graduated","tiers":[{"last_unit":10,"unit_price":500,"fixed_fee":100},{"last_unit":"inf",
			"unit_price":400}]`,
			map[string]any{"scheme": "graduated", "unit_price": nil, "tiers": []any{
				map[string]any{"last_unit": 10., "unit_price": 500., "unit_price_decimal": nil, "fixed_fee": 100.},
				map[string]any{"last_unit": "inf", "unit_price": 400., "unit_price_decimal": nil, "fixed_fee": 0.},
			}},
		},
	} {
		status, out := w.dashboard("POST", "/products", fmt.Sprintf(
			`{"store_id":%s,"name":%q,"variants":[{"name":"v","price":{%s}}]}`, store, name, c.price))
		w.g.Expect(status).To(Equal(http.StatusOK), "%s: %s", name, out.Error)
		prices := w.ids(w.get("/v1/prices", "filter[variant_id]", out.Variants[0].String()))
		got := w.one(w.get("/v1/prices/" + prices[0])).Attributes
		for member, want := range c.want {
			w.g.Expect(cmp.Diff(want, got[member])).To(BeEmpty(), "%s: %s", name, member)
		}
	}
}

// What a seller changes is told from then on, under the same ids. Another price of a variant is another price, the
// newest is the variant's, and the old ones stay as they were.
func TestWhatASellerChanges(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := newWorld(t, sandbox.Options{Now: func() time.Time { return now }})
	product, variants := w.product(w.store("Shop", "USD"), 1, "")
	now = now.Add(1500 * time.Millisecond)
	times := And(HaveKeyWithValue("created_at", "2026-01-02T03:04:05.000000Z"),
		HaveKeyWithValue("updated_at", "2026-01-02T03:04:06.500000Z"))
	for path, body := range map[string]string{
		"/products/" + product:     `{"name":"Renamed","status":"draft"}`,
		"/variants/" + variants[0]: `{"name":"By the month","status":"pending","price":{"unit_price":3900}}`,
	} {
		status, out := w.dashboard("PATCH", path, body)
		w.g.Expect(status).To(Equal(http.StatusNoContent), out.Error)
	}
	w.g.Expect(w.one(w.get("/v1/products/" + product)).Attributes).To(And(
		HaveKeyWithValue("name", "Renamed"), HaveKeyWithValue("status", "draft"), times))
	w.g.Expect(w.one(w.get("/v1/variants/" + variants[0])).Attributes).To(And(
		HaveKeyWithValue("name", "By the month"), HaveKeyWithValue("status", "pending"), times))

	ids := w.ids(w.get("/v1/prices", "filter[variant_id]", variants[0]))
	w.g.Expect(ids).To(HaveLen(2))
	amounts := map[float64]any{}
	for _, id := range ids {
		amounts[numeric(w, id)] = w.one(w.get("/v1/prices/" + id)).Attributes["unit_price"]
	}
	older, newer := min(numeric(w, ids[0]), numeric(w, ids[1])), max(numeric(w, ids[0]), numeric(w, ids[1]))
	w.g.Expect(amounts).To(Equal(map[float64]any{older: 2900., newer: 3900.}))
	current, err := w.LemonSqueezy().CurrentPrice(int64(numeric(w, variants[0])))
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(current.UnitPrice).To(HaveValue(BeEquivalentTo(3900)))
}

// The door refuses what makes no sense, and then nothing is made.
func TestWhatTheDoorRefuses(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	store := w.store("Shop", "USD")
	before := w.LemonSqueezy().State()
	for _, c := range []struct {
		reason, method, path, body string
		status                     int
	}{
		{"no such store", "POST", "/products", `{"store_id":1,"name":"Pro","variants":[{"price":{}}]}`, 400},
		{"no variant", "POST", "/products", `{"store_id":` + store + `,"name":"Pro"}`, 400},
		{"an unknown member", "POST", "/products", `{"store_id":` + store + `,"colour":"red"}`, 400},
		{"an unknown member of a store", "POST", "/stores", `{"title":"Shop"}`, 400},
		{"no JSON", "POST", "/stores", `{`, 400},
		{"no such product", "PATCH", "/products/1", `{"name":"x"}`, 404},
		{"no such variant", "PATCH", "/variants/x", `{"name":"x"}`, 404},
		{"an unknown member of a change", "PATCH", "/variants/1", `{"id":5}`, 400},
	} {
		status, out := w.dashboard(c.method, c.path, c.body)
		w.g.Expect(status).To(Equal(c.status), c.reason)
		w.g.Expect(out.Error).NotTo(BeEmpty(), c.reason)
	}
	w.g.Expect(w.LemonSqueezy().State()).To(Equal(before))
}

// A key that was revoked is refused until it is valid again; other keys are not concerned. A reset forgets all.
func TestRevokedKeysAndReset(t *testing.T) {
	w := newWorld(t, sandbox.Options{})
	store := w.store("Shop", "USD")
	const another = "Bearer " + testKey + "2"
	for _, revoked := range []bool{true, false, true} {
		status, _ := w.dashboard("POST", "/keys", fmt.Sprintf(`{"key":%q,"revoked":%t}`, testKey, revoked))
		w.g.Expect(status).To(Equal(http.StatusNoContent))
		w.key = "Bearer " + testKey
		w.g.Expect(w.get("/v1/stores/"+store).status == http.StatusUnauthorized).To(Equal(revoked))
		w.key = another
		w.g.Expect(w.get("/v1/stores/" + store).status).To(Equal(http.StatusOK))
	}
	w.Reset()
	w.key = "Bearer " + testKey
	w.g.Expect(w.ids(w.get("/v1/stores"))).To(BeEmpty())
}
