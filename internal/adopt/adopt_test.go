package adopt_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/adopt"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

var then = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func options() adopt.Options {
	pp := &v1alpha1.PaymentProvider{}
	pp.Name = "stripe"
	pp.Spec = v1alpha1.PaymentProviderSpec{Mode: v1alpha1.ModeTest, Stripe: &v1alpha1.StripeProvider{
		APIKeySecretRef: v1alpha1.SecretKeyReference{Name: "stripe-api", Key: "api-key"}, AccountID: "acct_1",
	}}
	return adopt.Options{
		Provider: pp, Adapter: stripe.Adapter{}, Management: v1alpha1.ManagementObserve,
		Rules: catalog.Rules{
			Traits:    stripe.Adapter{}.Traits(),
			LookupKey: func(o billing.Owner, name string) string { return "kassa:" + o.UID + ":" + name },
			ProductID: func(billing.Owner) string { return "" },
		},
	}
}

func usd(minor int64) billing.PriceTerms {
	return billing.PriceTerms{
		Money: billing.Money{Minor: minor, Currency: "USD"}, TaxBehavior: billing.TaxUnspecified,
		Recurring: billing.Recurring{Interval: billing.Month, Count: 1},
	}
}

// account is a catalogue that grows.
type account struct{ provider.Snapshot }

func (a *account) product(id, name string) *billing.Product {
	a.Products = append(a.Products, billing.Product{ID: id, Active: true, Spec: billing.ProductSpec{Name: name}})
	return &a.Products[len(a.Products)-1]
}

func (a *account) price(product, id string, terms billing.PriceTerms) *billing.Price {
	a.Prices = append(a.Prices, billing.Price{
		ID: id, ProductID: product, Active: true, Created: then.Add(time.Duration(len(a.Prices)) * time.Hour),
		Spec: billing.PriceSpec{Terms: terms},
	})
	return &a.Prices[len(a.Prices)-1]
}

func imported(t *testing.T, a *account, o adopt.Options) (*adopt.Import, map[string]*v1alpha1.Plan) {
	t.Helper()
	made, err := adopt.Of(&a.Snapshot, o)
	if err != nil {
		t.Fatal(err)
	}
	plans := map[string]*v1alpha1.Plan{}
	for _, d := range made.Documents[1:] {
		p := &v1alpha1.Plan{}
		if err := yaml.UnmarshalStrict(d.Content, p); err != nil {
			t.Fatal(err, string(d.Content))
		}
		if d.File != "plan-"+p.Name+".yaml" {
			t.Fatal(d.File, p.Name)
		}
		plans[p.Name] = p
	}
	return made, plans
}

func TestWhatIsWritten(t *testing.T) {
	g := NewWithT(t)
	a := &account{}
	p := a.product("prod_1", "Pro: \"Teams\"")
	p.Spec.Description, p.Spec.Metadata = "One\nTwo", map[string]string{"b": "yes", "a": "29"}
	p.DefaultPriceID = "price_2"
	a.price("prod_1", "price_1", usd(2900)).LookupKey = "pro_monthly"
	tiers := usd(0)
	tiers.TierMode, tiers.Tiers = billing.TiersGraduated, []billing.Tier{{UpTo: 10, Unit: 500}, {Unit: 400, Flat: 100}}
	a.price("prod_1", "price_2", tiers).Spec.DisplayName = "Per seat"
	a.price("prod_1", "price_3", billing.PriceTerms{})
	made, _ := imported(t, a, options())
	g.Expect(string(made.Documents[0].Content)).To(Equal(`# The key is in a Secret, and in no file:
#   kubectl create secret generic stripe-api --from-file=api-key=FILE
apiVersion: billing.kassa.dev/v1alpha1
kind: PaymentProvider
metadata:
  name: stripe
spec:
  mode: Test
  stripe:
    apiKeySecretRef:
      name: stripe-api
      key: api-key
    accountID: acct_1
`))
	g.Expect(string(made.Documents[1].Content)).To(Equal(`# price price_3 is left out, and left as it is: ` +
		`a Plan cannot express its terms, such as a fraction of a cent, a package, a set-up fee, an amount that the ` +
		`customer chooses, or one for some countries only
apiVersion: billing.kassa.dev/v1alpha1
kind: Plan
metadata:
  name: pro-teams
spec:
  providers:
  - name: stripe
    adopt:
      productID: prod_1
      prices:
      - name: pro-monthly
        id: price_1
      - name: per-seat
        id: price_2
  displayName: 'Pro: "Teams"'
  description: |-
    One
    Two
  metadata:
    a: "29"
    b: "yes"
  prices:
  - name: pro-monthly
    amount: "29.00"
    currency: USD
    recurring:
      interval: Month
  - name: per-seat
    displayName: Per seat
    tiers:
      mode: Graduated
      tiers:
      - upTo: 10
        unitAmount: "5.00"
      - unitAmount: "4.00"
        flatAmount: "1.00"
    currency: USD
    recurring:
      interval: Month
  defaultPrice: per-seat
  management: Observe
`))
	g.Expect(made.LeftOut).To(Equal(1))
	g.Expect(string(made.Kustomization().Content)).To(ContainSubstring("- plan-pro-teams.yaml\n"))
}

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Names are DNS labels, differ, and do not depend on the order in which the provider lists.
func TestNames(t *testing.T) {
	g := NewWithT(t)
	texts := []string{
		"Pro", "Pro", "pro!", "日本", "日本", "🚀", "Größe Ünïcode", strings.Repeat("long ", 60), strings.Repeat("long ", 60),
		"--", "a\x00b", "L'été", "İstanbul",
	}
	a := &account{}
	for i, text := range texts {
		id := fmt.Sprintf("prod_%c", 'z'-i)
		a.product(id, text)
		for j, name := range texts {
			price := a.price(id, fmt.Sprintf("price_%d_%d", i, j), usd(100))
			price.Spec.DisplayName = name
		}
	}
	made, plans := imported(t, a, options())
	g.Expect(plans).To(HaveLen(len(texts)))
	for name, p := range plans {
		g.Expect(name).To(MatchRegexp(dnsLabel.String()))
		prices := map[string]bool{}
		for _, price := range p.Spec.Prices {
			g.Expect(price.Name).To(MatchRegexp(dnsLabel.String()))
			prices[price.Name] = true
		}
		g.Expect(prices).To(HaveLen(len(texts)))
	}
	g.Expect(plans).To(And(HaveKey("pro"), HaveKey("grosse-unicode"), HaveKey("lete"), HaveKey("prod-w")))
	g.Expect(plans["pro"].Spec.Providers[0].Adopt.ProductID).To(Equal("prod_z"), "the oldest has the plain name")

	reversed := &account{}
	for i := range a.Products {
		reversed.Products = append(reversed.Products, a.Products[len(a.Products)-1-i])
	}
	for i := range a.Prices {
		reversed.Prices = append(reversed.Prices, a.Prices[len(a.Prices)-1-i])
	}
	again, _ := imported(t, reversed, options())
	g.Expect(again.Documents).To(Equal(made.Documents))
}

func TestPricesAreNamedByWhatTheyAre(t *testing.T) {
	g := NewWithT(t)
	a := &account{}
	a.product("prod_1", "Pro")
	terms := func(currency billing.Currency, r billing.Recurring) billing.PriceTerms {
		p := usd(100)
		p.Money.Currency, p.Recurring = currency, r
		return p
	}
	for i, t := range []billing.PriceTerms{
		terms("USD", billing.Recurring{}), terms("USD", billing.Recurring{Interval: billing.Day, Count: 1}),
		terms("USD", billing.Recurring{Interval: billing.Week, Count: 1}),
		terms("USD", billing.Recurring{Interval: billing.Month, Count: 3}),
		terms("USD", billing.Recurring{Interval: billing.Year, Count: 1}),
		terms("EUR", billing.Recurring{Interval: billing.Year, Count: 1}),
		terms("EUR", billing.Recurring{Interval: billing.Year, Count: 1}),
	} {
		a.price("prod_1", fmt.Sprintf("price_%d", i), t).LookupKey = "kassa:uid:gone"
	}
	_, plans := imported(t, a, options())
	var names []string
	for _, p := range plans["pro"].Spec.Prices {
		names = append(names, p.Name)
	}
	g.Expect(names[:6]).To(Equal([]string{"once", "daily", "weekly", "every-3-months", "yearly", "yearly-eur"}))
	g.Expect(names[6]).To(MatchRegexp(`^yearly-[0-9a-f]{6}$`))
}

func TestWhatIsArchived(t *testing.T) {
	g := NewWithT(t)
	a := &account{}
	a.product("prod_1", "Gone").Active = false
	a.price("prod_1", "price_1", usd(100)).Active = false
	a.product("prod_2", "Pro")
	a.price("prod_2", "price_2", usd(100))
	a.price("prod_2", "price_3", usd(200)).Active = false
	o := options()
	o.Management = v1alpha1.ManagementEnforce
	made, plans := imported(t, a, o)
	g.Expect(plans).To(HaveLen(1))
	g.Expect(plans["pro"].Spec.Prices).To(HaveLen(1))
	g.Expect(plans["pro"].Spec.Management).To(Equal(v1alpha1.ManagementEnforce))
	g.Expect(made.Notices).To(BeEmpty())

	o.Archived = true
	made, plans = imported(t, a, o)
	g.Expect(plans).To(HaveLen(2))
	for _, p := range plans {
		g.Expect(p.Spec.Management).To(Equal(v1alpha1.ManagementObserve), "nothing is put on sale by an import")
	}
	g.Expect(plans["pro"].Spec.Prices).To(HaveLen(2))
	g.Expect(made.Notices).To(ContainElement(ContainSubstring("Enforce would put that on sale again")))
}

// What is another's, or would be sold on other terms, is in no Plan.
func TestWhatIsLeftOut(t *testing.T) {
	g := NewWithT(t)
	a := &account{}
	other := billing.Owner{Cluster: "c", Namespace: "shop", Name: "team", UID: "u"}
	a.product("prod_1", "Theirs").Owner = other
	a.price("prod_1", "price_1", usd(100))
	a.product("prod_2", "Pro")
	a.price("prod_2", "price_2", usd(100)).Owner = other
	long, trial, never, small := usd(100), a.price("prod_2", "price_3", usd(100)), usd(1_000_000_000_00), usd(100)
	trial.Spec.TrialDays = -1
	long.Recurring.Count = 37
	small.Money.Currency = "CUP" // Stripe does not charge in it
	a.price("prod_2", "price_4", long)
	a.price("prod_2", "price_5", never)
	a.price("prod_2", "price_6", small)
	a.price("prod_2", "price_7", usd(700))
	a.price("prod_3", "price_8", usd(100))
	made, plans := imported(t, a, options())
	g.Expect(plans).To(HaveLen(1))
	g.Expect(plans["pro"].Spec.Prices).To(ConsistOf(HaveField("Amount", v1alpha1.Amount("7.00"))))
	g.Expect(plans["pro"].Spec.Providers[0].Adopt.Prices).To(ConsistOf(HaveField("ID", "price_7")))
	g.Expect(made.LeftOut).To(Equal(7))
	for i, why := range map[int]string{
		1: "belongs to Plan shop/team", 2: "belongs to Plan shop/team", 3: "trial", 4: "longer than three years",
		5: "a thousand millions", 6: "CUP", 8: "prod_3 is not in the catalogue",
	} {
		id := fmt.Sprintf("price_%d", i)
		if i == 1 {
			id = "prod_1 (Theirs)"
		}
		g.Expect(made.Notices).To(ContainElement(And(ContainSubstring(id), ContainSubstring(why))))
	}
	g.Expect(string(made.Documents[0].Content)).To(ContainSubstring("#   prod_1 (Theirs): it belongs to Plan"))
}

// What the provider has and a Plan cannot say is named beside the price, and so is a trial that nobody gets by itself.
func TestWhatAPlanCannotSay(t *testing.T) {
	for name, test := range map[string]struct {
		edit  func(*billing.Price)
		reads bool   // only
		note  string // empty: none
		left  bool
	}{
		"nothing": {edit: func(*billing.Price) {}},
		"a field": {
			edit: func(p *billing.Price) { p.Beyond = []string{"metadata", "quantity from 1 to 2"} },
			note: "prices[monthly]: a Plan has no place for metadata, quantity from 1 to 2; price_1 keeps it, and a price " +
				"that takes its place does not get it",
		},
		"a field that nobody replaces": {
			edit: func(p *billing.Price) { p.Beyond = []string{"has_license_keys"} }, reads: true,
			note: "prices[monthly]: a Plan has no place for has_license_keys; price_1 keeps it",
		},
		"terms": {
			edit: func(p *billing.Price) {
				p.BeyondTerms, p.Beyond = []string{"transform_quantity"}, []string{"metadata"}
				p.Spec.Terms = billing.PriceTerms{}
			},
			note: "price price_1 is left out, and left as it is: a Plan cannot express transform_quantity", left: true,
		},
		"terms without a name": {
			edit: func(p *billing.Price) { p.Beyond, p.Spec.Terms = []string{"metadata"}, billing.PriceTerms{} },
			note: "price price_1 is left out, and left as it is: a Plan cannot express its terms, such as a fraction of a " +
				"cent, a package, a set-up fee, an amount that the customer chooses, or one for some countries only",
			left: true,
		},
		"a trial": {
			edit: func(p *billing.Price) { p.OwnTrial = 14 },
			note: "prices[monthly].trial: the 14 days that the price names are left out, as Stripe gives them to nobody by " +
				"itself; write `trial: {days: 14}` for Kassa's checkouts to give them to every buyer",
		},
		"a long trial": {
			edit: func(p *billing.Price) { p.OwnTrial = 731 },
			note: "prices[monthly].trial: the 731 days that the price names are left out, because a Plan's trial has at " +
				"most 730",
		},
		"no line of its own": {
			edit: func(p *billing.Price) { p.Beyond = []string{"a\nkind: Secret"} },
			note: "prices[monthly]: a Plan has no place for a kind: Secret; price_1 keeps it, and a price that takes its " +
				"place does not get it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, a, o := NewWithT(t), &account{}, options()
			o.Rules.Traits.ReadOnly = test.reads
			a.product("prod_1", "Pro")
			test.edit(a.price("prod_1", "price_1", usd(2900)))
			a.price("prod_1", "price_2", usd(900)).Spec.DisplayName = "Small"
			made, plans := imported(t, a, o)
			if test.note == "" {
				g.Expect(made.Notices).To(BeEmpty())
			} else {
				g.Expect(made.Notices).To(Equal([]string{"Plan pro, prod_1: " + test.note}))
				g.Expect(string(made.Documents[1].Content)).To(HavePrefix("# " + test.note + "\n"))
			}
			if test.left {
				g.Expect(plans["pro"].Spec.Prices).To(HaveLen(1))
				return
			}
			g.Expect(plans["pro"].Spec.Prices[0].Trial).To(BeNil())
		})
	}
	g, a := NewWithT(t), &account{}
	a.product("prod_1", "Pro").Beyond = []string{"url"}
	a.price("prod_1", "price_1", usd(2900)).Title = "Plus!"
	made, plans := imported(t, a, options())
	g.Expect(made.Notices).To(ConsistOf(
		"Plan pro, prod_1: a Plan has no place for url of the product, which Kassa leaves as it is"))
	g.Expect(plans["pro"].Spec.Prices).To(ConsistOf(And(HaveField("Name", "plus"), HaveField("DisplayName", ""))))
}

func TestTooMuchOfEverything(t *testing.T) {
	g := NewWithT(t)
	a := &account{}
	p := a.product("prod_1", strings.Repeat("n", 300))
	p.Spec.Description, p.Spec.UnitLabel = strings.Repeat("d", 3000), strings.Repeat("u", 13)
	p.Spec.Features, p.Spec.TaxCode = []string{strings.Repeat("f", 81)}, "vodka"
	p.Spec.ImageURLs = []string{"http://a/1", "https://a/2"}
	p.Spec.Metadata = map[string]string{"a[b]": "c", "ok": "\u2028", strings.Repeat("k", 41): "v"}
	for i := range 55 {
		a.price("prod_1", fmt.Sprintf("price_%d", i), usd(int64(i)))
	}
	p.DefaultPriceID = "price_54"
	made, plans := imported(t, a, options())
	g.Expect(plans).To(HaveLen(1))
	for _, plan := range plans {
		g.Expect(plan.Spec.Prices).To(HaveLen(50))
		g.Expect(plan.Spec.DefaultPrice).To(Equal(plan.Spec.Prices[0].Name), "the default is among them")
		g.Expect(plan.Spec.Metadata).To(Equal(map[string]v1alpha1.MetadataValue{"ok": "\u2028"}))
		g.Expect(plan.Spec.ImageURLs).To(Equal([]string{"https://a/2"}))
	}
	for _, field := range []string{
		"displayName", "description", "features", "unitLabel", "taxCode", "imageURLs", "metadata",
	} {
		g.Expect(made.Notices).To(ContainElement(ContainSubstring(": " + field + ": ")))
	}
	g.Expect(made.LeftOut).To(Equal(5))
	for _, line := range strings.Split(string(made.Documents[1].Content), "apiVersion")[:1] {
		g.Expect(line).To(HavePrefix("# "))
	}
}
