package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/sandbox/paddle"
	"github.com/kassa-dev/kassa/internal/sandbox/traffic"
	"github.com/kassa-dev/kassa/test/stack"
)

// paddleAccount is an account at Paddle with the key of its Secret.
type paddleAccount struct {
	*stack.Stack
	key string
}

// newPaddleAccount makes the PaymentProvider "paddle" and its Secret.
func newPaddleAccount(s *stack.Stack) paddleAccount {
	s.T.Helper()
	peer := stack.Peers[slices.IndexFunc(stack.Peers, func(p stack.Peer) bool { return p.Name == "paddle" })]
	a := paddleAccount{s, peer.Key(s.Namespace)}
	s.Create(stack.Secret("paddle", "key", a.key), peer.Provider("paddle", s.SandboxURL))
	return a
}

// byHand changes an object at Paddle as somebody does in the dashboard: by what Paddle lets be changed.
func (a paddleAccount) byHand(path string, change map[string]any) {
	a.T.Helper()
	g := NewWithT(a.T)
	body, err := json.Marshal(change)
	g.Expect(err).NotTo(HaveOccurred())
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPatch, a.SandboxURL+path,
		bytes.NewReader(body))
	g.Expect(err).NotTo(HaveOccurred())
	req.Header.Set("Authorization", "Bearer "+a.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = resp.Body.Close() }()
	g.Expect(resp.StatusCode).To(Equal(http.StatusOK), "%s %s", path, body)
}

// there is the product of a Plan and all its prices, the one on sale last, by their names in the Plan.
func (a paddleAccount) there(name string) (product paddle.Product, prices map[string][]paddle.Price) {
	a.T.Helper()
	view, found := a.Sandbox.Paddle().Account(a.key), 0
	for _, p := range view.Products() {
		if p.CustomData["kassa_plan"] == a.Namespace+"/"+name {
			product, found = p, found+1
		}
	}
	NewWithT(a.T).Expect(found).To(Equal(1), name)
	prices = map[string][]paddle.Price{}
	for _, p := range view.Prices() {
		if price, ok := p.CustomData["kassa_price"].(string); ok && p.ProductID == product.ID {
			prices[price] = append(prices[price], p)
		}
	}
	return product, prices
}

// richAtPaddle is a Plan with a value in every field that Kassa manages at Paddle.
func richAtPaddle(name string) *v1alpha1.Plan {
	p := stack.Plan(name)
	p.Spec.Providers = []v1alpha1.PlanProvider{{Name: "paddle"}}
	p.Spec.Description, p.Spec.TaxCode = "For growing teams", "saas"
	p.Spec.ImageURLs = []string{"https://example.com/a.png"}
	p.Spec.Metadata = map[string]v1alpha1.MetadataValue{"team": "growth"}
	yearly := &p.Spec.Prices[1]
	yearly.DisplayName, yearly.Trial = "By the year", &v1alpha1.Trial{Days: 14}
	yearly.CurrencyOptions = []v1alpha1.CurrencyOption{{Currency: "JPY", Amount: "30000"}}
	return p
}

// edit is a change by hand, given the object's custom data, which Paddle replaces as a whole.
type edit func(custom map[string]any) map[string]any

// set gives a field of the object another value; nil is null.
func set(field string, value any) edit {
	return func(map[string]any) map[string]any { return map[string]any{field: value} }
}

// custom gives a key of the custom data another value; nil removes it.
func custom(key string, value any) edit {
	return func(there map[string]any) map[string]any {
		data := maps.Clone(there)
		data[key] = value
		if value == nil {
			delete(data, key)
		}
		return map[string]any{"custom_data": data}
	}
}

type object = map[string]any

func duration(interval string, frequency int) object {
	return object{"interval": interval, "frequency": frequency}
}

func money(amount, currency string) object {
	return object{"amount": amount, "currency_code": currency}
}

func override(amount, currency string, countries ...string) object {
	return object{"country_codes": countries, "unit_price": money(amount, currency)}
}

// How a field is put right: a changed term needs a new price, and the old one archived.
var (
	updateProduct = []string{"UpdateProduct"}
	updatePrice   = []string{"UpdatePrice"}
	replacePrice  = []string{"CreatePrice", "ArchivePrice"}
)

// driftAtPaddle are the edits by hand of a rich Plan.
var driftAtPaddle = []struct {
	reason string
	of     string // the object to change: product or the name of a price
	edit   edit
	field  string // that differs; empty: Kassa does not manage it
	got    string
	steps  []string
}{
	{"name", "product", set("name", "X"), "displayName", "X", updateProduct},
	{"description", "product", set("description", "X"), "description", "X", updateProduct},
	{"no description", "product", set("description", nil), "description", "", updateProduct},
	{"tax category", "product", set("tax_category", "ebooks"), "taxCode", "ebooks", updateProduct},
	{"image", "product", set("image_url", "https://example.com/x.png"), "imageURLs", `"https://example.com/x.png"`,
		updateProduct},
	{"no image", "product", set("image_url", nil), "imageURLs", "", updateProduct},
	{"metadata", "product", custom("team", "X"), "metadata[team]", "X", updateProduct},
	{"no metadata", "product", custom("team", nil), "metadata[team]", "", updateProduct},
	{"metadata of another type", "product", custom("team", 5), "metadata[team]", "", updateProduct},
	{"more metadata", "product", custom("added", "X"), "metadata[added]", "X", updateProduct},
	{"archived product", "product", set("status", "archived"), "active", "archived", updateProduct},

	{"price's name", "yearly", set("name", "X"), "prices[yearly].displayName", "X", updatePrice},
	{"no price's name", "yearly", set("name", nil), "prices[yearly].displayName", "", updatePrice},
	{"archived price", "yearly", set("status", "archived"), "prices[yearly].active", "archived", updatePrice},
	{"trial", "yearly", set("trial_period", duration("day", 7)), "prices[yearly].trial", "7 days", updatePrice},
	{"no trial", "yearly", set("trial_period", nil), "prices[yearly].trial", "", updatePrice},
	{"amount", "yearly", set("unit_price", money("1", "USD")), "prices[yearly].amount", "0.01 USD", replacePrice},
	{"currency", "yearly", set("unit_price", money("29000", "EUR")), "prices[yearly].amount", "290.00 EUR", replacePrice},
	{"billing cycle", "yearly", set("billing_cycle", duration("month", 3)), "prices[yearly].recurring", "every 3 months",
		replacePrice},
	{"tax mode", "yearly", set("tax_mode", "internal"), "prices[yearly].taxBehavior", "Inclusive", replacePrice},
	{"override's amount", "yearly", set("unit_price_overrides", []any{override("1", "JPY", "JP")}),
		"prices[yearly].currencyOptions", "1 JPY", replacePrice},
	{"no override", "yearly", set("unit_price_overrides", []any{}), "prices[yearly].currencyOptions", "", replacePrice},
	{"another override", "yearly", set("unit_price_overrides", []any{
		override("30000", "JPY", "JP"), override("1", "BRL", "BR"),
	}), "prices[yearly].currencyOptions", "0.01 BRL, 30000 JPY", replacePrice},
	{"override of another country", "yearly", set("unit_price_overrides", []any{override("30000", "JPY", "DE")}),
		"prices[yearly].amount", "terms that Kassa cannot express", replacePrice},
	{"price's description", "yearly", set("description", "For our own people"), "", "", nil},
	{"quantity", "yearly", set("quantity", object{"minimum": 2, "maximum": 3}), "", "", nil},
	{"price's custom data", "yearly", custom("theirs", "X"), "", "", nil},
}

// Every field that somebody changes at Paddle is found by the next snapshot. Enforce puts it right, Observe and Preview
// report it and write nothing.
func TestDriftOfEveryFieldAtPaddle(t *testing.T) {
	s := stack.New(t, stack.Options{})
	s.Operator()
	a := newPaddleAccount(s)
	kinds := []v1alpha1.Management{v1alpha1.ManagementEnforce, v1alpha1.ManagementObserve, v1alpha1.ManagementPreview}
	name := func(kind v1alpha1.Management, i int) string {
		return fmt.Sprintf("%s-%d", strings.ToLower(string(kind)), i)
	}
	each := func(do func(kind v1alpha1.Management, i int, name string)) {
		for i := range driftAtPaddle {
			for _, kind := range kinds {
				do(kind, i, name(kind, i))
			}
		}
	}
	each(func(_ v1alpha1.Management, _ int, name string) { s.Create(richAtPaddle(name)) })
	each(func(kind v1alpha1.Management, _ int, name string) {
		eventually(s, planSays(s, name)).Should(Equal(planReady))
		if kind != v1alpha1.ManagementEnforce {
			change(s, plan(s, name), func(p *v1alpha1.Plan) { p.Spec.Management = kind })
		}
	})
	each(func(_ v1alpha1.Management, _ int, name string) {
		NewWithT(t).Eventually(func() bool {
			p := plan(s, name)
			return p.Status.ObservedGeneration == p.Generation
		}, stack.Patience, often).Should(BeTrue())
	})
	s.Quiet()

	untouchable := map[string]bool{} // paths of what must not be written to
	each(func(kind v1alpha1.Management, i int, name string) {
		c := driftAtPaddle[i]
		product, prices := a.there(name)
		// What no Plan can say is somebody's own: no drift, and nothing that Kassa writes takes it away.
		a.byHand("/paddle/products/"+product.ID, custom("theirs", object{"a": "b"})(product.CustomData))
		product, _ = a.there(name)
		path, data := "/paddle/products/"+product.ID, product.CustomData
		if kind != v1alpha1.ManagementEnforce || c.field == "" {
			untouchable[path] = true
			for _, p := range prices {
				untouchable["/paddle/prices/"+p[0].ID] = true
			}
		}
		if c.of != "product" {
			path, data = "/paddle/prices/"+prices[c.of][0].ID, prices[c.of][0].CustomData
		}
		a.byHand(path, c.edit(data))
	})
	before := len(s.Sandbox.Requests())
	touch(s, &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Name: "paddle"}})

	want, patience := 0, stack.Patience
	for i, c := range driftAtPaddle {
		want += len(c.steps)
		ok := t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			for _, kind := range kinds[1:] {
				state := map[v1alpha1.Management]string{
					v1alpha1.ManagementObserve: "Failed False " + v1alpha1.ReasonDrifted,
					v1alpha1.ManagementPreview: "Failed False " + v1alpha1.ReasonPendingChanges,
				}[kind]
				if c.field == "" {
					state = planReady
				}
				g.Eventually(planSays(s, name(kind, i)), patience, often).Should(Equal(state))
				at := plan(s, name(kind, i)).Status.Providers[0]
				if c.field == "" {
					g.Expect(at.Drift).To(BeEmpty())
					g.Expect(at.Pending).To(BeEmpty())
					continue
				}
				g.Expect(at.Drift).To(HaveLen(1), "%+v", at.Drift)
				g.Expect([]string{at.Drift[0].Field, at.Drift[0].Got}).To(Equal([]string{c.field, c.got}))
				g.Expect(at.Drift[0].Since).NotTo(BeNil())
				var steps []string
				for _, op := range at.Pending {
					steps = append(steps, op.Operation)
				}
				if kind == v1alpha1.ManagementPreview {
					g.Expect(steps).To(Equal(c.steps))
				} else {
					g.Expect(steps).To(BeEmpty())
				}
			}
			g.Eventually(func() []string { return a.differing(name(v1alpha1.ManagementEnforce, i)) }, patience, often).
				Should(BeEmpty())
			g.Eventually(planSays(s, name(v1alpha1.ManagementEnforce, i)), patience, often).Should(Equal(planReady))
			_, prices := a.there(name(v1alpha1.ManagementEnforce, i))
			g.Expect(prices["monthly"]).To(HaveLen(1))
			g.Expect(prices["yearly"]).To(HaveLen(max(1, len(c.steps))), "a changed term is never put back in place")
		})
		if !ok {
			patience = time.Second // what has not come by now does not come
		}
	}
	s.Quiet()
	g := NewWithT(t)
	written := slices.DeleteFunc(s.Sandbox.Requests()[before:], func(r traffic.Request) bool { return !r.Write() })
	for _, r := range written {
		g.Expect(untouchable).NotTo(HaveKey(r.Path), "%s %s", r.Method, r.Path)
	}
	g.Expect(written).To(HaveLen(want), "only the enforced Plans are written")
}

// differing are the fields in which Paddle differs from a rich Plan, looked at from outside.
func (a paddleAccount) differing(name string) (fields []string) {
	note := func(field string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			fields = append(fields, fmt.Sprintf("%s: %v", field, got))
		}
	}
	text := func(s *string) string {
		if s == nil {
			return "null"
		}
		return *s
	}
	product, prices := a.there(name)
	note("name", product.Name, "Plan "+name)
	note("description", text(product.Description), "For growing teams")
	note("tax category", product.TaxCategory, "saas")
	note("image", text(product.ImageURL), "https://example.com/a.png")
	note("team", product.CustomData["team"], "growth")
	note("added", product.CustomData["added"], nil)
	note("theirs", product.CustomData["theirs"], object{"a": "b"})
	note("status", product.Status, "active")
	for price, want := range map[string]paddle.Price{
		"monthly": {
			UnitPrice: paddle.Money{Amount: "2900", CurrencyCode: "USD"}, BillingCycle: &paddle.Duration{Interval: "month"},
		},
		"yearly": {
			UnitPrice: paddle.Money{Amount: "29000", CurrencyCode: "USD"}, BillingCycle: &paddle.Duration{Interval: "year"},
			TrialPeriod: &paddle.Duration{Interval: "day", Frequency: 14},
			UnitPriceOverrides: []paddle.UnitPriceOverride{
				{CountryCodes: []string{"JP"}, UnitPrice: paddle.Money{Amount: "30000", CurrencyCode: "JPY"}},
			},
		},
	} {
		onSale := slices.DeleteFunc(slices.Clone(prices[price]), func(p paddle.Price) bool { return p.Status != "active" })
		if len(onSale) != 1 {
			fields = append(fields, fmt.Sprintf("%d prices %s are on sale", len(onSale), price))
			continue
		}
		got := onSale[0]
		want.BillingCycle.Frequency = 1
		note(price+" name", text(got.Name), map[string]string{"monthly": "monthly", "yearly": "By the year"}[price])
		note(price+" amount", got.UnitPrice, want.UnitPrice)
		note(price+" cycle", *got.BillingCycle, *want.BillingCycle)
		note(price+" trial", got.TrialPeriod == nil, want.TrialPeriod == nil)
		if got.TrialPeriod != nil && want.TrialPeriod != nil {
			note(price+" trial", *got.TrialPeriod, *want.TrialPeriod)
		}
		note(price+" overrides", got.UnitPriceOverrides, want.UnitPriceOverrides)
		note(price+" tax mode", got.TaxMode, "account_setting")
	}
	return fields
}
