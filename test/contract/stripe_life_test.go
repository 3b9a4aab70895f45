package contract_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

// lifeOfAPlan sends what production sends: each step converges from what is there to what a Plan says.
func lifeOfAPlan(t *testing.T, j *judged) {
	_, address := newSandbox(t)
	conn := connectTo(t, address, j)
	executor := catalog.NewExecutor(conn.Catalog(), stripe.Adapter{}.Traits(), nil)
	done := map[catalog.Kind]bool{}
	executor.Done = func(op catalog.Operation) { done[op.Kind] = true }
	monthly := billing.Recurring{Interval: billing.Month, Count: 1}
	plan := billing.Plan{
		Owner: owner,
		Product: billing.ProductSpec{
			Name: "Pro", Description: "All of it", Features: []string{"Fast", "Safe"}, UnitLabel: "seat",
			ImageURLs: []string{"https://example.com/a.png"}, Metadata: map[string]string{"team": "growth", "gone": "soon"},
		},
		Default: "monthly",
		Prices: []billing.DesiredPrice{
			desired(t, "monthly", "29.00", "USD", monthly),
			desired(t, "quarterly", "8000", "JPY", billing.Recurring{Interval: billing.Month, Count: 3}),
			desired(t, "weekly", "9.990", "KWD", billing.Recurring{Interval: billing.Week, Count: 2}),
			desired(t, "daily", "500", "ISK", billing.Recurring{Interval: billing.Day, Count: 30}),
			desired(t, "yearly", "290.00", "EUR", billing.Recurring{Interval: billing.Year, Count: 1}),
			desired(t, "lifetime", "0", "USD", billing.Recurring{}),
			desired(t, "usage", "0", "USD", monthly),
			desired(t, "abroad", "19.00", "USD", monthly),
		},
	}
	usual, abroad := &plan.Prices[6].Spec.Terms, &plan.Prices[7].Spec.Terms
	*usual = usage(*usual)
	abroad.Options = []billing.CurrencyOption{{Money: billing.Money{Minor: 1700, Currency: "EUR"}}}
	observe := func() billing.Observed {
		have, err := conn.Catalog().Observe(t.Context(), owner, provider.Known{})
		if err != nil {
			t.Fatal(err)
		}
		return have
	}
	for _, step := range []struct {
		name   string
		change func()
	}{
		{"create", func() {}},
		{"change an amount", func() { plan.Prices[0] = desired(t, "monthly", "39.00", "USD", monthly) }},
		{"back to the amount before", func() { plan.Prices[0] = desired(t, "monthly", "29.00", "USD", monthly) }},
		{"another default", func() { plan.Default = "yearly" }},
		{"other texts", func() {
			plan.Product.Name, plan.Product.Description, plan.Product.UnitLabel = "Pro 2", "", ""
			plan.Product.Features, plan.Product.ImageURLs = nil, nil
			plan.Product.Metadata = map[string]string{"team": "sales"}
			plan.Prices[1].Spec.DisplayName = "Every quarter"
		}},
		{"no display name", func() { plan.Prices[1].Spec.DisplayName = "" }},
		{"tax behaviour", func() { plan.Prices[2].Spec.Terms.TaxBehavior = billing.TaxInclusive }},
		{"a new price with tax", func() { plan.Prices[3].Spec.Terms.TaxBehavior = billing.TaxExclusive }},
		{"a tax code", func() { plan.Product.TaxCode = "txcd_10103001" }},
		{"no tax code", func() { plan.Product.TaxCode = "" }},
		{"another amount abroad", func() {
			abroad.Options = []billing.CurrencyOption{{Money: billing.Money{Minor: 1800, Currency: "EUR"}}}
		}},
		{"one more currency", func() {
			abroad.Options = append(slices.Clone(abroad.Options),
				billing.CurrencyOption{Money: billing.Money{Minor: 2500, Currency: "JPY"}})
		}},
		{"usage by its highest", func() { usual.Metered = billing.AggregateMax }},
		{"volume tiers", func() { usual.TierMode = billing.TiersVolume }},
		{"a longer first tier", func() {
			usual.Tiers, usual.Options = slices.Clone(usual.Tiers), slices.Clone(usual.Options)
			usual.Options[0].Tiers = slices.Clone(usual.Options[0].Tiers)
			usual.Tiers[0].UpTo, usual.Options[0].Tiers[0].UpTo = 200, 200
		}},
		{"a price less", func() { plan.Prices = plan.Prices[:4]; plan.Default = "monthly" }},
		{"retired and taken up again", func() {
			if _, err := executor.Retire(t.Context(), owner, observe()); err != nil {
				t.Fatal(err)
			}
		}},
		{"marks removed by somebody", func() {
			have := observe()
			post(t, address+"/v1/products/"+have.Product.ID, url.Values{"metadata": {""}})
			post(t, address+"/v1/prices/"+have.Prices[0].ID, url.Values{"metadata": {""}})
		}},
	} {
		step.change()
		have, err := executor.Converge(t.Context(), plan, observe())
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(have.Product, observe().Product); diff != "" {
			t.Errorf("%s: the product is another than the answers said (-said +is):\n%s", step.name, diff)
		}
		if op, err := executor.Rules.Next(plan, observe(), nil); op != nil || err != nil {
			t.Errorf("%s: the plan is never done: %v, %v", step.name, op, err)
		}
	}
	have, err := executor.Retire(t.Context(), owner, observe())
	if err != nil {
		t.Fatal(err)
	}
	if have.Product.Active || slices.ContainsFunc(have.Prices, func(p billing.Price) bool { return p.Active }) {
		t.Errorf("something can still be bought: %+v", have)
	}
	for _, kind := range []catalog.Kind{
		catalog.CreateProduct, catalog.UpdateProduct, catalog.CreatePrice, catalog.UpdatePrice, catalog.SetDefault,
		catalog.ArchivePrice, catalog.ArchiveProduct, catalog.ClearDefault,
	} {
		if !done[kind] {
			t.Errorf("no %s was sent", kind)
		}
	}
}

// post sends a form as a person in Stripe's dashboard would.
func post(t *testing.T, address string, form url.Values) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %d", address, res.StatusCode)
	}
}

func desired(t *testing.T, name, amount, currency string, every billing.Recurring) billing.DesiredPrice {
	t.Helper()
	money, err := billing.ParseMoney(amount, currency)
	if err != nil {
		t.Fatal(err)
	}
	return billing.DesiredPrice{Name: name, Spec: billing.PriceSpec{
		DisplayName: name,
		Terms:       billing.PriceTerms{Money: money, Recurring: every, TaxBehavior: billing.TaxUnspecified},
	}}
}

// usage makes a price billed by what is reported, in tiers, in two currencies.
func usage(t billing.PriceTerms) billing.PriceTerms {
	t.Metered, t.TierMode = billing.AggregateSum, billing.TiersGraduated
	t.Tiers = []billing.Tier{{UpTo: 100, Flat: 500}, {UpTo: 1000, Unit: 5}, {Unit: 4, Flat: 100}}
	t.Options = []billing.CurrencyOption{{
		Money: billing.Money{Currency: "ISK"},
		Tiers: []billing.Tier{{UpTo: 100, Flat: 700}, {UpTo: 1000, Unit: 7}, {Unit: 6, Flat: 140}},
	}}
	return t
}
