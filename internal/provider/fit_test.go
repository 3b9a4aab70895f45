package provider_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// limited is an adapter of which only what Fit asks is there.
type limited struct {
	provider.Adapter
	can     []provider.Capability
	checked []billing.PriceSpec
}

func (*limited) Type() billing.Provider                { return "Acme" }
func (a *limited) Capabilities() []provider.Capability { return a.can }

func (*limited) TaxCode(code string) (string, error) {
	switch code {
	case "":
		return "default", nil
	case billing.TaxCodeSaaS, "acme-saas":
		return "acme-saas", nil
	default:
		return "", errors.New("the codes are saas and acme-saas")
	}
}

func (a *limited) CheckPrice(p billing.PriceSpec) error {
	a.checked = append(a.checked, p)
	if p.Terms.Money.Minor > 1_000_000 {
		return errors.New("at most 10000.00 can be charged")
	}
	return nil
}

// everything are the capabilities that Fit asks for.
var everything = []provider.Capability{
	provider.CapabilityCatalog, provider.CapabilityCatalogWrite, provider.CapabilityMultiCurrency,
	provider.CapabilityTiers, provider.CapabilityMeteredUsage, provider.CapabilityPriceTrials,
	provider.CapabilityTaxBehavior, provider.CapabilityTaxCodes, provider.CapabilityFeatures,
	provider.CapabilityUnitLabel, provider.CapabilityDescription, provider.CapabilityImages,
	provider.CapabilityMetadata, provider.CapabilityPriceNames,
}

func without(gone ...provider.Capability) []provider.Capability {
	return slices.DeleteFunc(slices.Clone(everything), func(c provider.Capability) bool {
		return slices.Contains(gone, c)
	})
}

// full is a plan that asks for everything.
func full() billing.Plan {
	dollars := billing.Money{Minor: 2900, Currency: "USD"}
	monthly := billing.Recurring{Interval: billing.Month, Count: 1}
	tiers := []billing.Tier{{UpTo: 10, Unit: 500}, {Unit: 400}}
	return billing.Plan{
		Owner: billing.Owner{Cluster: "c", Namespace: "shop", Name: "pro", UID: "u"},
		Product: billing.ProductSpec{
			Name: "Pro", Description: "All of it", Features: []string{"Fast", "Safe"}, TaxCode: billing.TaxCodeSaaS,
			UnitLabel: "seat", ImageURLs: []string{"https://a/1", "https://a/2"}, Metadata: map[string]string{"team": "red"},
		},
		Default: "plain",
		Prices: []billing.DesiredPrice{
			{Name: "plain", Spec: billing.PriceSpec{
				Terms:       billing.PriceTerms{Money: dollars, Recurring: monthly, TaxBehavior: billing.TaxUnspecified},
				DisplayName: "Each month", TrialDays: 14,
			}},
			{Name: "taxed", Spec: billing.PriceSpec{
				Terms: billing.PriceTerms{Money: dollars, TaxBehavior: billing.TaxInclusive}, DisplayName: "taxed",
			}},
			{Name: "abroad", Spec: billing.PriceSpec{Terms: billing.PriceTerms{
				Money: dollars, TaxBehavior: billing.TaxUnspecified,
				Options: []billing.CurrencyOption{{Money: billing.Money{Minor: 2700, Currency: "EUR"}}},
			}}},
			{Name: "seats", Spec: billing.PriceSpec{Terms: billing.PriceTerms{
				Money: billing.Money{Currency: "USD"}, Recurring: monthly, TaxBehavior: billing.TaxUnspecified,
				TierMode: billing.TiersVolume, Tiers: tiers,
			}}},
			{Name: "usage", Spec: billing.PriceSpec{Terms: billing.PriceTerms{
				Money: dollars, Recurring: monthly, TaxBehavior: billing.TaxUnspecified, Metered: billing.AggregateSum,
			}}},
		},
	}
}

// TestFit takes one capability away from a provider that has all.
func TestFit(t *testing.T) {
	translated := func(change func(*billing.Plan)) func(*billing.Plan) {
		return func(p *billing.Plan) {
			p.Product.TaxCode = "acme-saas"
			change(p)
		}
	}
	cases := []struct {
		lacks   provider.Capability
		change  func(*billing.Plan) // what becomes of the full plan
		omitted []string
		refused []string // parts of the one error
	}{
		{lacks: "nothing", change: translated(func(*billing.Plan) {})},
		{lacks: provider.CapabilityDescription, omitted: []string{"description"},
			change: translated(func(p *billing.Plan) { p.Product.Description = "" })},
		{lacks: provider.CapabilityFeatures, omitted: []string{"features"},
			change: translated(func(p *billing.Plan) { p.Product.Features = nil })},
		{lacks: provider.CapabilityUnitLabel, omitted: []string{"unitLabel"},
			change: translated(func(p *billing.Plan) { p.Product.UnitLabel = "" })},
		{lacks: provider.CapabilityMetadata, omitted: []string{"metadata"},
			change: translated(func(p *billing.Plan) { p.Product.Metadata = nil })},
		{lacks: provider.CapabilityImages, omitted: []string{"imageURLs"},
			change: translated(func(p *billing.Plan) { p.Product.ImageURLs = nil })},
		{lacks: provider.CapabilityTaxCodes, omitted: []string{"taxCode"},
			change: func(p *billing.Plan) { p.Product.TaxCode = "" }},
		{lacks: provider.CapabilityPriceNames, omitted: []string{"prices[plain].displayName"},
			change: translated(func(p *billing.Plan) { p.Prices[0].Spec.DisplayName, p.Prices[1].Spec.DisplayName = "", "" })},
		// Checkout gives it, so nothing is lost.
		{lacks: provider.CapabilityPriceTrials,
			change: translated(func(p *billing.Plan) { p.Prices[0].Spec.TrialDays = 0 })},
		{lacks: provider.CapabilityMultiCurrency, refused: []string{
			"spec.prices[abroad].currencyOptions: Acme: a price has one currency here"}},
		{lacks: provider.CapabilityTiers, refused: []string{
			"spec.prices[seats].tiers: Acme: there are no tiered prices here"}},
		{lacks: provider.CapabilityMeteredUsage, refused: []string{
			"spec.prices[usage].metered: Acme: usage cannot be billed here"}},
		{lacks: provider.CapabilityTaxBehavior, refused: []string{
			"spec.prices[taxed].taxBehavior: Acme: the store's own setting decides"}},
		{lacks: provider.CapabilityCatalogWrite, refused: []string{
			"spec.providers: Acme: the API cannot create products"}},
	}
	for _, c := range cases {
		t.Run(string(c.lacks), func(t *testing.T) {
			g := NewWithT(t)
			given := full()
			got, omitted, err := provider.Fit(&limited{can: without(c.lacks)}, given)
			g.Expect(cmp.Diff(full(), given)).To(BeEmpty(), "the given plan was changed")
			g.Expect(omitted).To(Equal(c.omitted))
			expectRefusals(t, err, c.refused...)
			if len(c.refused) > 0 {
				return
			}
			want := full()
			c.change(&want)
			g.Expect(cmp.Diff(want, got)).To(BeEmpty())
		})
	}
}

func expectRefusals(t *testing.T, err error, want ...string) {
	t.Helper()
	var got []string
	if err != nil {
		got = strings.Split(err.Error(), "\n")
	}
	if len(got) != len(want) {
		t.Fatalf("refused is %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("refused is %q, want %q", got[i], want[i])
		}
	}
}

// TestFitSaysAllAtOnce: a user mends a plan once, not once for each problem.
func TestFitSaysAllAtOnce(t *testing.T) {
	g := NewWithT(t)
	given := full()
	given.Product.TaxCode = "vodka"
	given.Prices[0].Spec.Terms.Money.Minor = 1_000_001
	given.Prices[1].Spec.Terms.Metered = billing.AggregateMax
	a := &limited{can: []provider.Capability{provider.CapabilityCatalog, provider.CapabilityTaxCodes}}
	_, omitted, err := provider.Fit(a, given)
	g.Expect(omitted).To(Equal([]string{
		"description", "features", "unitLabel", "metadata", "imageURLs", "prices[plain].displayName",
	}))
	expectRefusals(t, err,
		"spec.taxCode: Acme: the codes are saas and acme-saas",
		"spec.prices[plain]: Acme: at most 10000.00 can be charged",
		"spec.prices[taxed].metered: Acme: ",
		"spec.prices[taxed].taxBehavior: Acme: ",
		"spec.prices[abroad].currencyOptions: Acme: ",
		"spec.prices[seats].tiers: Acme: ",
		"spec.prices[usage].metered: Acme: ",
		"spec.providers: Acme: ")
	g.Expect(a.checked).To(HaveLen(1), "of a price that is refused anyway the adapter is not asked")
	g.Expect(a.checked[0].DisplayName).To(BeEmpty(), "the adapter is asked about what it would get")
	g.Expect(a.checked[0].TrialDays).To(BeZero())
}

// TestFitOneImage keeps the first of several, in a list of its own.
func TestFitOneImage(t *testing.T) {
	g := NewWithT(t)
	can := append(without(provider.CapabilityImages), provider.CapabilityImage)
	given := full()
	got, omitted, err := provider.Fit(&limited{can: can}, given)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(omitted).To(Equal([]string{"imageURLs after the first"}))
	g.Expect(got.Product.ImageURLs).To(Equal([]string{"https://a/1"}))
	_ = append(got.Product.ImageURLs, "https://a/3")
	g.Expect(given.Product.ImageURLs).To(Equal([]string{"https://a/1", "https://a/2"}))

	given.Product.ImageURLs = given.Product.ImageURLs[:1]
	_, omitted, err = provider.Fit(&limited{can: can}, given)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(omitted).To(BeEmpty())
}

// TestFitOfNothing: a plan that asks for nothing more than a provider has loses nothing, and still gets the tax code
// that stands for none.
func TestFitOfNothing(t *testing.T) {
	g := NewWithT(t)
	plan := billing.Plan{Product: billing.ProductSpec{Name: "Pro"}, Prices: []billing.DesiredPrice{{Name: "monthly"}}}
	bare := []provider.Capability{provider.CapabilityCatalog, provider.CapabilityCatalogWrite}
	got, omitted, err := provider.Fit(&limited{can: bare}, plan)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(omitted).To(BeEmpty())
	g.Expect(cmp.Diff(plan, got)).To(BeEmpty())
	got, _, err = provider.Fit(&limited{can: everything}, plan)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Product.TaxCode).To(Equal("default"))
	g.Expect(plan.Product.TaxCode).To(BeEmpty())
}

// TestFitAdoption: where nothing can be created, each price must be there already.
func TestFitAdoption(t *testing.T) {
	plan := billing.Plan{
		Product: billing.ProductSpec{Name: "Pro"},
		Prices:  []billing.DesiredPrice{{Name: "monthly"}, {Name: "yearly"}, {Name: "once"}},
		Adopt:   &billing.Adoption{ProductID: "1", Prices: map[string]string{"monthly": "11"}},
	}
	read := &limited{can: []provider.Capability{provider.CapabilityCatalog}}
	_, _, err := provider.Fit(read, plan)
	expectRefusals(t, err,
		`spec.providers: Acme: adopt.prices names no id for the price "yearly", and the API cannot create one`,
		`spec.providers: Acme: adopt.prices names no id for the price "once", and the API cannot create one`)
	plan.Prices = plan.Prices[:1]
	_, _, err = provider.Fit(read, plan)
	expectRefusals(t, err)
	plan.Prices = append(plan.Prices, billing.DesiredPrice{Name: "yearly"})
	_, _, err = provider.Fit(&limited{can: everything}, plan)
	expectRefusals(t, err)
}
