package importing

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
	"github.com/kassa-dev/kassa/test/stack"
)

// shop is an account with fifty products, as people make them.
type shop struct {
	name     string
	fill     func(t testing.TB, s *stack.Stack) (key string)
	provider func(s *stack.Stack) *v1alpha1.PaymentProvider
	edit     func(t testing.TB, s *stack.Stack, key string, plans []*v1alpha1.Plan)
	plans    int      // products that can be Plans
	leftOut  []string // what the import says of others
	edited   string
	create   string // how a price is made; empty where none can be
}

var shops = []shop{stripeShop, paddleShop, lemonShop}

// titles are names that products have, and that Kubernetes could not.
var titles = []string{
	"Pro", "Pro", "Größe Ünïcode", "日本語プラン", "🚀🚀", "-- Dash! --", "null", "29", "yes", "a: b # c",
	strings.Repeat("Very long ", 20), "\"Quoted\" 'twice'", "Ends with space ", "Tab\tand more", "UPPER lower",
}

func title(i int) string { return titles[i%len(titles)] }

// send makes or changes an object at the sandbox and returns its id.
func send(t testing.TB, method, address, key, kind, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		ID   string `json:"id"`
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	_ = json.Unmarshal(text, &out)
	id := cmp.Or(out.ID, out.Data.ID)
	if id == "" {
		t.Fatalf("%s %s\n%s", address, body, text)
	}
	return id
}

// form posts to Stripe's API; the fields are in the form of a query.
func form(t testing.TB, s *stack.Stack, key, path string, fields url.Values) string {
	t.Helper()
	return send(t, http.MethodPost, s.SandboxURL+"/v1/"+path, key, "application/x-www-form-urlencoded", fields.Encode())
}

func query(t testing.TB, text string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(strings.ReplaceAll(text, "\n", "&"))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// stripePrices are the prices of products, one product after the other; a line break is between two fields, and a blank
// between two prices.
var stripePrices = []string{
	"currency=usd\nunit_amount=2900",
	"currency=usd\nunit_amount=2900\nrecurring[interval]=month\nnickname=Monthly " +
		"currency=usd\nunit_amount=29000\nrecurring[interval]=year",
	"currency=eur\nunit_amount=700\nrecurring[interval]=week\ntax_behavior=inclusive\nnickname=Die+Woche",
	"currency=usd\nunit_amount=100\nrecurring[interval]=day\ntax_behavior=exclusive",
	"currency=usd\nunit_amount=8000\nrecurring[interval]=month\nrecurring[interval_count]=3\nlookup_key=KEY_quarter",
	"currency=usd\nbilling_scheme=tiered\ntiers_mode=graduated\ntiers[0][up_to]=10\ntiers[0][unit_amount]=500\n" +
		"tiers[1][up_to]=inf\ntiers[1][unit_amount]=400\ntiers[1][flat_amount]=1000\nrecurring[interval]=month",
	"currency=usd\nbilling_scheme=tiered\ntiers_mode=volume\ntiers[0][up_to]=5\ntiers[0][unit_amount]=0\n" +
		"tiers[0][flat_amount]=900\ntiers[1][up_to]=inf\ntiers[1][unit_amount]=150\nrecurring[interval]=year",
	"currency=usd\nunit_amount=2900\ncurrency_options[eur][unit_amount]=2700\ncurrency_options[jpy][unit_amount]=4300\n" +
		"currency_options[kwd][unit_amount]=8920\nrecurring[interval]=month",
	"currency=jpy\nunit_amount=500\nmetadata[by]=hand",
	"currency=kwd\nunit_amount=5120\nrecurring[interval]=month\nrecurring[trial_period_days]=14",
	"currency=usd\nunit_amount=2\nrecurring[interval]=month\n" +
		"recurring[usage_type]=metered\nrecurring[aggregate_usage]=sum",
	"currency=usd\nunit_amount=7\nrecurring[interval]=month\n" +
		"recurring[usage_type]=metered\nrecurring[aggregate_usage]=max",
	"currency=usd\nunit_amount=0\nrecurring[interval]=month",
	// Three of the same terms, without names.
	"currency=usd\nunit_amount=900\nrecurring[interval]=month currency=usd\nunit_amount=900\nrecurring[interval]=month " +
		"currency=usd\nunit_amount=900\nrecurring[interval]=month",
	// One price of two can be adopted.
	"currency=usd\nunit_amount=1500\nnickname=Fine currency=usd\nunit_amount_decimal=1.5\nrecurring[interval]=month",
}

var stripeShop = shop{
	name: "stripe", plans: 45, edited: "displayName", create: "POST /v1/prices",
	leftOut: []string{
		"it has no price", "a Plan cannot express custom_unit_amount", "a Plan cannot express unit_amount_decimal",
		"45 Plans",
		"the 14 days that the price names are left out, as Stripe gives them to nobody by itself",
		"a Plan has no place for metadata; price_",
		"a Plan has no place for url of the product",
	},
	provider: func(s *stack.Stack) *v1alpha1.PaymentProvider {
		pp := s.Provider()
		pp.Spec.Stripe.APIKeySecretRef = v1alpha1.SecretKeyReference{Name: "stripe", Key: "key"}
		return pp
	},
	fill: func(t testing.TB, s *stack.Stack) string {
		key := s.APIKey()
		for i := range 50 {
			fields := url.Values{"name": {title(i)}}
			if i%3 == 0 {
				fields = query(t, "description=Two+lines%0Aof+text\nunit_label=seat\ntax_code=txcd_10103001\n"+
					"images[0]=https://example.com/a.png\nfeatures[0][name]=One: of%23\nfeatures[1][name]=Two\n"+
					"metadata[yes]=yes\nmetadata[team]=29\nurl=https://example.com")
				fields.Set("name", title(i))
			}
			product := form(t, s, key, "products", fields)
			switch i {
			case 45: // nothing to buy
				continue
			case 46: // nothing that a Plan can say
				form(t, s, key, "prices", query(t, "currency=usd\ncustom_unit_amount[enabled]=true\nproduct="+product))
				continue
			case 47, 48: // not sold any more
				form(t, s, key, "prices", query(t, "currency=usd\nunit_amount=1\nproduct="+product))
				form(t, s, key, "products/"+product, url.Values{"active": {"false"}})
				continue
			case 49: // another Plan's
				form(t, s, key, "prices", query(t, "currency=usd\nunit_amount=1\nproduct="+product))
				form(t, s, key, "products/"+product, query(t, "metadata[kassa_cluster]=c\nmetadata[kassa_uid]=u\n"+
					"metadata[kassa_plan]=other/plan"))
				continue
			}
			for j, price := range strings.Split(stripePrices[i%len(stripePrices)], " ") {
				fields := query(t, strings.ReplaceAll(price, "KEY", fmt.Sprintf("Key.%d", i)))
				fields.Set("product", product)
				id := form(t, s, key, "prices", fields)
				switch {
				case i%4 == 1 && j == 0:
					form(t, s, key, "products/"+product, url.Values{"default_price": {id}})
				case i%4 == 2 && j > 0:
					form(t, s, key, "prices/"+id, url.Values{"active": {"false"}})
				}
			}
		}
		return key
	},
	edit: func(t testing.TB, s *stack.Stack, key string, plans []*v1alpha1.Plan) {
		id := plans[0].Spec.Providers[0].Adopt.ProductID
		form(t, s, key, "products/"+id, url.Values{"name": {"By somebody"}})
	},
}

// paddlePrices are parts of what makes a price.
var paddlePrices = []string{
	`"unit_price":{"amount":"2900","currency_code":"USD"}`,
	`"unit_price":{"amount":"2900","currency_code":"USD"},` +
		`"billing_cycle":{"interval":"month","frequency":1},"name":"Monthly"`,
	`"unit_price":{"amount":"700","currency_code":"EUR"},` +
		`"billing_cycle":{"interval":"week","frequency":1},"tax_mode":"internal"`,
	`"unit_price":{"amount":"100","currency_code":"USD"},` +
		`"billing_cycle":{"interval":"day","frequency":10},"tax_mode":"external"`,
	`"unit_price":{"amount":"500","currency_code":"JPY"},"quantity":{"minimum":1,"maximum":10}`,
	`"unit_price":{"amount":"9000","currency_code":"KRW"},` +
		`"billing_cycle":{"interval":"year","frequency":1}`,
	`"unit_price":{"amount":"2900","currency_code":"USD"},"billing_cycle":{"interval":"month","frequency":3},` +
		`"unit_price_overrides":[{"country_codes":["JP"],"unit_price":{"amount":"4300","currency_code":"JPY"}},` +
		`{"country_codes":["CH","LI"],"unit_price":{"amount":"2600","currency_code":"CHF"}}]`,
	`"unit_price":{"amount":"1900","currency_code":"USD"},"billing_cycle":{"interval":"month","frequency":1},` +
		`"trial_period":{"interval":"day","frequency":14}`,
	`"unit_price":{"amount":"0","currency_code":"USD"},"billing_cycle":{"interval":"month","frequency":1},` +
		`"trial_period":{"interval":"week","frequency":2}`,
}

var paddleShop = shop{
	name: "paddle", plans: 46, edited: "prices[once]", create: "POST /paddle/prices",
	leftOut: []string{
		"a Plan cannot express unit_price_overrides for other countries", "its trial is not a number of days", "46 Plans",
		"belongs to Plan other/plan", "a Plan has no place for quantity from 1 to 10; pri_",
		`a Plan has no place for custom_data "number", which is no text of the product`,
	},
	provider: func(s *stack.Stack) *v1alpha1.PaymentProvider { return stack.Peers[1].Provider("paddle", s.SandboxURL) },
	fill: func(t testing.TB, s *stack.Stack) string {
		key := stack.Peers[1].Key(s.Namespace)
		post := func(path string, fields map[string]any, rest string) string {
			text, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			if rest != "" {
				text = append(append(bytes.TrimSuffix(text, []byte("}")), ","+rest...), '}')
			}
			return send(t, http.MethodPost, s.SandboxURL+"/paddle/"+path, key, "application/json", string(text))
		}
		for i := range 50 {
			category := []string{"saas", "standard", "ebooks", "digital-goods"}[i%4]
			fields := map[string]any{"name": title(i), "tax_category": category}
			if i%3 == 0 {
				fields["description"], fields["image_url"] = "Two lines\nof text", "https://example.com/a.png"
				fields["custom_data"] = map[string]any{"yes": "no", "number": 5, "team": "29"}
			}
			if i == 49 {
				fields["custom_data"] = map[string]any{"kassa_cluster": "c", "kassa_uid": "u", "kassa_plan": "other/plan"}
			}
			product := post("products", fields, "")
			price := func(rest string) string {
				return post("prices", map[string]any{"product_id": product, "description": "By hand"}, rest)
			}
			switch i {
			case 46: // for some countries only
				price(paddlePrices[0] + `,"unit_price_overrides":[{"country_codes":["DE"],"unit_price":` +
					`{"amount":"1","currency_code":"EUR"}}]`)
				continue
			case 47: // a trial of a month
				price(paddlePrices[1] + `,"trial_period":{"interval":"month","frequency":1}`)
				continue
			case 48:
				price(paddlePrices[0])
				send(t, http.MethodPatch, s.SandboxURL+"/paddle/products/"+product, key, "application/json",
					`{"status":"archived"}`)
				continue
			}
			for j := range 1 + i%3 {
				id := price(paddlePrices[(i+j)%len(paddlePrices)])
				if i%4 == 2 && j > 0 {
					send(t, http.MethodPatch, s.SandboxURL+"/paddle/prices/"+id, key, "application/json", `{"status":"archived"}`)
				}
			}
		}
		return key
	},
	edit: func(t testing.TB, s *stack.Stack, key string, plans []*v1alpha1.Plan) {
		for _, p := range plans {
			for _, adopted := range p.Spec.Providers[0].Adopt.Prices {
				if adopted.Name == "once" {
					send(t, http.MethodPatch, s.SandboxURL+"/paddle/prices/"+adopted.ID, key, "application/json",
						`{"status":"archived"}`)
					return
				}
			}
		}
		t.Fatal("no price is named once")
	},
}

// lemonPrices are prices of a store.
func lemonPrices() []lemonsqueezy.Price {
	n := func(n int64) *int64 { return &n }
	text := func(s string) *string { return &s }
	every := func(unit string, count int64, p lemonsqueezy.Price) lemonsqueezy.Price {
		p.IntervalUnit, p.IntervalCount = text(unit), n(count)
		return p
	}
	tiers := []lemonsqueezy.Tier{{LastUnit: 10, UnitPrice: n(500)}, {UnitPrice: n(400), FixedFee: 100}}
	return []lemonsqueezy.Price{
		{Category: "one_time", UnitPrice: n(2900)},
		every("month", 1, lemonsqueezy.Price{UnitPrice: n(2900)}),
		every("year", 1, lemonsqueezy.Price{UnitPrice: n(29000)}),
		every("week", 2, lemonsqueezy.Price{UnitPrice: n(700)}),
		every("day", 1, lemonsqueezy.Price{UnitPrice: n(100)}),
		every("month", 1, lemonsqueezy.Price{Scheme: "graduated", Tiers: tiers}),
		every("month", 1, lemonsqueezy.Price{Scheme: "volume", Tiers: tiers}),
		every("month", 1, lemonsqueezy.Price{UnitPrice: n(3), UsageAggregation: text("sum")}),
		every("month", 1, lemonsqueezy.Price{UnitPrice: n(3), UsageAggregation: text("last_during_period")}),
		every("month", 1, lemonsqueezy.Price{UnitPrice: n(900), TrialUnit: text("day"), TrialCount: n(14)}),
		{Category: "lead_magnet", UnitPrice: n(0)},
	}
}

var lemonShop = shop{
	name: "lemon", plans: 46, edited: "amount",
	leftOut: []string{"a Plan cannot express category pwyw", "a Plan cannot express setup_fee", "46 Plans"},
	provider: func(s *stack.Stack) *v1alpha1.PaymentProvider {
		pp := &v1alpha1.PaymentProvider{}
		pp.Spec = v1alpha1.PaymentProviderSpec{
			Mode: v1alpha1.ModeTest, BaseURL: s.SandboxURL + "/lemonsqueezy",
			LemonSqueezy: &v1alpha1.LemonSqueezyProvider{
				APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "lemon", Key: "key"}, StoreID: "7",
			},
			RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000},
		}
		return pp
	},
	fill: func(t testing.TB, s *stack.Stack) string {
		shop := s.Sandbox.LemonSqueezy()
		// Amounts are in the minor unit of the store's currency, which has three decimals.
		store := shop.AddStore(lemonsqueezy.Store{ID: 7, Name: "Shop", Currency: "KWD"})
		add := func(d lemonsqueezy.Draft) {
			d.StoreID = store
			if _, _, err := shop.AddProduct(d); err != nil {
				t.Fatal(err)
			}
		}
		prices, amount, one := lemonPrices(), int64(100), int64(1)
		month := "month"
		for i := range 46 {
			d := lemonsqueezy.Draft{Name: title(i)}
			for j := range 1 + i%3 {
				v := lemonsqueezy.DraftVariant{Name: "Variant " + strconv.Itoa(j), Price: prices[(i+j)%len(prices)]}
				if i%4 == 2 && j > 0 {
					v.Status = "draft"
				}
				d.Variants = append(d.Variants, v)
			}
			add(d)
		}
		variant := func(p lemonsqueezy.Price) []lemonsqueezy.DraftVariant {
			return []lemonsqueezy.DraftVariant{{Name: "Default", Price: p}}
		}
		add(lemonsqueezy.Draft{Name: "Choose", Variants: variant(lemonsqueezy.Price{Category: "pwyw", UnitPrice: &amount})})
		add(lemonsqueezy.Draft{Name: "Fee", Variants: variant(lemonsqueezy.Price{
			UnitPrice: &amount, SetupFee: &amount, IntervalUnit: &month, IntervalCount: &one,
		})})
		add(lemonsqueezy.Draft{Name: "Draft", Status: "draft", Variants: variant(prices[0])})
		add(lemonsqueezy.Draft{Name: "Live", Live: true, Variants: variant(prices[0])})
		return "eyJ0" + "ZXN0a2V5MTIz"
	},
	edit: func(t testing.TB, s *stack.Stack, _ string, plans []*v1alpha1.Plan) {
		flat := slices.IndexFunc(plans, func(p *v1alpha1.Plan) bool { return p.Spec.Prices[0].Tiers == nil })
		id, err := strconv.ParseInt(plans[flat].Spec.Providers[0].Adopt.Prices[0].ID, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		raised := int64(123_450)
		price := lemonsqueezy.Price{Category: "one_time", UnitPrice: &raised}
		if err := s.Sandbox.LemonSqueezy().SetPrice(id, price); err != nil {
			t.Fatal(err)
		}
	},
}
