package stripe

import (
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	"github.com/stripe/stripe-go/v76/webhook"
)

func ptr[T any](v T) *T { return &v }

func TestAmountOf(t *testing.T) {
	tiers := []Tier{
		{UpTo: ptr(int64(10)), UnitAmountDecimal: ptr("500"), FlatAmountDecimal: ptr("100")},
		{UnitAmountDecimal: ptr("12.5")},
	}
	cases := []struct {
		reason   string
		price    Price
		quantity int64
		currency string
		want     int64
		ok       bool
	}{
		{"unit × quantity", Price{UnitAmountDecimal: ptr("1250")}, 3, "usd", 3750, true},
		{"decimals round half up", Price{UnitAmountDecimal: ptr("0.5")}, 3, "usd", 2, true},
		{"below the half rounds down", Price{UnitAmountDecimal: ptr("0.1")}, 4, "usd", 0, true},
		{"graduated within the first tier", Price{Tiers: tiers, TiersMode: ptr("graduated")}, 10, "usd", 5100, true},
		{"graduated over both tiers", Price{Tiers: tiers, TiersMode: ptr("graduated")}, 13, "usd", 5138, true},
		{"volume takes one tier for all", Price{Tiers: tiers, TiersMode: ptr("volume")}, 13, "usd", 163, true},
		{"packages round up", Price{UnitAmountDecimal: ptr("100"),
			TransformQuantity: &TransformQuantity{DivideBy: 5, Round: "up"}}, 6, "usd", 200, true},
		{"packages round down", Price{UnitAmountDecimal: ptr("100"),
			TransformQuantity: &TransformQuantity{DivideBy: 5, Round: "down"}}, 6, "usd", 100, true},
		{"another currency", Price{UnitAmountDecimal: ptr("100"), CurrencyOptions: map[string]CurrencyOption{
			"eur": {UnitAmountDecimal: ptr("90")}}}, 2, "eur", 180, true},
		{"a currency that it lacks", Price{UnitAmountDecimal: ptr("100")}, 2, "eur", 0, false},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			c.price.Currency = "usd"
			got, ok := c.price.amountOf(c.quantity, c.currency)
			NewWithT(t).Expect([]any{got, ok}).To(Equal([]any{c.want, c.ok}))
		})
	}
}

func TestPeriodsEndOnTheLastDayThatTheMonthHas(t *testing.T) {
	from := time.Date(2024, 1, 31, 8, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		interval string
		count    int64
		want     string
	}{
		{"day", 3, "2024-02-03"}, {"week", 2, "2024-02-14"}, {"month", 1, "2024-02-29"}, {"month", 3, "2024-04-30"},
		{"year", 1, "2025-01-31"}, {"month", 12, "2025-01-31"},
	} {
		r := Recurring{Interval: c.interval, IntervalCount: c.count}
		NewWithT(t).Expect(r.after(from).Format(time.DateOnly)).To(Equal(c.want), "%v", c)
	}
}

func TestReadableAmounts(t *testing.T) {
	for _, c := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{5, "usd", "0.05 USD"}, {2900, "eur", "29.00 EUR"}, {500, "jpy", "500 JPY"}, {5120, "kwd", "5.120 KWD"},
		{5000, "isk", "50.00 ISK"}, {70, "mga", "70 MGA"},
	} {
		NewWithT(t).Expect(readable(c.amount, c.currency)).To(Equal(c.want))
	}
}

func TestForms(t *testing.T) {
	g := NewWithT(t)
	s := schema{"a": {kind: hash, fields: schema{"b": {kind: list, item: &param{kind: integer}}}}, "t": {kind: text}}
	read := func(form string) (params, *apiError) {
		pairs, err := parsePairs(form)
		if err != nil {
			return nil, err
		}
		root, err := tree(pairs)
		if err != nil {
			return nil, err
		}
		return check(root, s, "")
	}
	want := params{"a": params{"b": []any{int64(1), int64(2)}}, "t": "x & y"}
	for _, form := range []string{
		"a[b][0]=1&a[b][1]=2&t=x+%26+y", "a[b][]=1&a[b][]=2&t=x%20%26%20y", "t=x+%26+y&a%5Bb%5D%5B1%5D=2&a[b][0]=1",
	} {
		got, err := read(form)
		g.Expect(err).To(BeNil())
		g.Expect(cmp.Diff(want, got)).To(BeEmpty(), form)
	}
	for _, form := range []string{"a=1", "a[b]=1", "a[b][x]=1", "a[b][0]=1&a[b]=2", "t[0]=1", "[x]=1", "t=%zz", "a[b=1"} {
		_, err := read(form)
		g.Expect(err).NotTo(BeNil(), form)
	}
	one, _ := parsePairs("b=2&a=1")
	two, _ := parsePairs("a=1&b=2")
	g.Expect(canonical(one)).To(Equal(canonical(two)))
}

func FuzzForms(f *testing.F) {
	f.Add("name=x&metadata[a]=b&images[0]=https://a.example&expand[]=default_price")
	f.Add("default_price_data[currency]=usd&default_price_data[unit_amount]=1&name[]=&[]")
	rt := route{params: productCreate}
	f.Fuzz(func(t *testing.T, form string) {
		pairs, err := parsePairs(form)
		if err != nil {
			return
		}
		p, _, err := rt.check(pairs)
		if (p == nil) == (err == nil) {
			t.Fatalf("both or neither of parameters and an error: %v, %v", p, err)
		}
	})
}

func TestDifference(t *testing.T) {
	before := object{"id": "x", "name": "a", "metadata": map[string]any{"k": "1", "gone": "2"}, "tags": []any{"a"}}
	after := object{"id": "x", "name": "b", "metadata": map[string]any{"k": "1", "new": "3"}, "tags": []any{"b"}}
	want := object{"name": "a", "metadata": object{"gone": "2", "new": nil}, "tags": []any{"a"}}
	if d := cmp.Diff(want, difference(before, after)); d != "" {
		t.Error(d)
	}
}

func TestObjectsStartWithIDAndObject(t *testing.T) {
	got, err := json.Marshal(object{"amount": 1, "object": "charge", "a": object{"z": 1, "id": "n"}, "id": "ch_1"})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(string(got)).To(Equal(`{"id":"ch_1","object":"charge","a":{"id":"n","z":1},"amount":1}`))
}

func TestRedact(t *testing.T) {
	for key, want := range map[string]string{
		"sk_test_abcdef1234": "sk_test_******1234", "sk_" + "live_12345": "sk_" + "live_*2345", "sk_test_abc": "sk_test_***",
		"abc": "***", "hello-world": "hel****orld",
	} {
		NewWithT(t).Expect(redact(key)).To(Equal(want))
	}
}

func TestSignIsWhatStripesLibraryComputes(t *testing.T) {
	at, body := time.Unix(1712000000, 0), []byte(`{"id":"evt_1"}`)
	want := "t=1712000000,v1=" + hex.EncodeToString(webhook.ComputeSignature(at, body, "whsec_x"))
	NewWithT(t).Expect(Sign("whsec_x", at, body)).To(Equal(want))
}
