package providertest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func usd(minor int64) billing.PriceTerms {
	return billing.PriceTerms{
		Money:       billing.Money{Minor: minor, Currency: "USD"},
		Recurring:   billing.Recurring{Interval: billing.Month, Count: 1},
		TaxBehavior: billing.TaxUnspecified,
	}
}

func newPrice(o billing.Owner, p billing.Product, name string, terms billing.PriceTerms) provider.CreatePrice {
	return provider.CreatePrice{
		Owner: o, ProductID: p.ID, Name: name, IdempotencyKey: name + "-" + terms.Money.String(),
		Spec: billing.PriceSpec{Terms: terms, DisplayName: "Per month"},
	}
}

func (f Fixture) price(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	product := createProduct(t, conn, owner)
	in := newPrice(owner, product, "monthly", usd(2900))
	p, err := catalog.CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	want := billing.Price{
		ID: p.ID, ProductID: product.ID, Owner: owner, Name: "monthly", Active: true, Created: p.Created, Spec: in.Spec,
	}
	g.Expect(p.ID).NotTo(BeEmpty())
	g.Expect(p.Created).To(BeTemporally("~", time.Now(), time.Hour))
	g.Expect(cmp.Diff(want, p)).To(BeEmpty())
	expectObserved(t, conn, product, want)

	other := billing.Owner{Cluster: "cluster-1", Namespace: "shop", Name: "renamed", UID: "uid-1"}
	steps := []struct {
		reason string
		patch  provider.PricePatch
		change func(*billing.Price)
	}{
		{"another name for people", provider.PricePatch{DisplayName: ptr("Each month")},
			func(p *billing.Price) { p.Spec.DisplayName = "Each month" }},
		{"none", provider.PricePatch{DisplayName: ptr("")}, func(p *billing.Price) { p.Spec.DisplayName = "" }},
		{"archived", provider.PricePatch{Active: ptr(false)}, func(p *billing.Price) { p.Active = false }},
		{"active again", provider.PricePatch{Active: ptr(true)}, func(p *billing.Price) { p.Active = true }},
		{"other marks", provider.PricePatch{Owner: &other, Name: ptr("each-month")},
			func(p *billing.Price) { p.Owner, p.Name = other, "each-month" }},
	}
	for _, s := range steps {
		s.patch.Current = want
		s.change(&want)
		p, err = catalog.UpdatePrice(t.Context(), p.ID, s.patch)
		g.Expect(err).NotTo(HaveOccurred(), s.reason)
		g.Expect(cmp.Diff(want, p)).To(BeEmpty(), s.reason)
		expectObserved(t, conn, product, want)
	}
}

func (f Fixture) priceTerms(t *testing.T) {
	conn := f.Connect(t)
	product := createProduct(t, conn, owner)
	terms := func(minor int64, c billing.Currency, i billing.Interval, n int, tax billing.TaxBehavior) billing.PriceTerms {
		return billing.PriceTerms{
			Money: billing.Money{Minor: minor, Currency: c}, Recurring: billing.Recurring{Interval: i, Count: n},
			TaxBehavior: tax,
		}
	}
	var prices []billing.Price
	for name, want := range map[string]billing.PriceTerms{
		"once":           terms(9900, "USD", "", 0, billing.TaxExclusive),
		"free":           terms(0, "USD", billing.Month, 1, billing.TaxUnspecified),
		"weekly":         terms(700, "EUR", billing.Week, 1, billing.TaxInclusive),
		"fortnight":      terms(1300, "EUR", billing.Day, 14, billing.TaxInclusive),
		"quarter":        terms(2500, "GBP", billing.Month, 3, billing.TaxExclusive),
		"yearly":         terms(29000, "USD", billing.Year, 1, billing.TaxExclusive),
		"no-decimals":    terms(3000, "JPY", billing.Month, 1, billing.TaxUnspecified),
		"three-decimals": terms(5120, "KWD", billing.Month, 1, billing.TaxUnspecified),
		"krona":          terms(3900, "ISK", billing.Month, 1, billing.TaxUnspecified),
		"ariary":         terms(1500000, "MGA", billing.Month, 1, billing.TaxUnspecified),
	} {
		p, err := conn.Catalog().CreatePrice(t.Context(), newPrice(owner, product, name, want))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, p.Spec.Terms); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		prices = append(prices, p)
	}
	expectObserved(t, conn, product, prices...)
}

// lookupKey moves a key from price to price, in both ways that there are.
func (f Fixture) lookupKey(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	key := catalog.LookupKey(owner, "monthly")
	g.Expect(key != "").To(Equal(f.Adapter.Traits().LookupKeys))
	if key == "" {
		return
	}
	product := createProduct(t, conn, owner)
	holders := func() (ids []string) {
		o, err := catalog.Observe(t.Context(), owner, known(product))
		g.Expect(err).NotTo(HaveOccurred())
		for _, p := range o.Prices {
			if p.LookupKey == key {
				ids = append(ids, p.ID)
			}
		}
		return ids
	}
	in := newPrice(owner, product, "monthly", usd(2900))
	in.LookupKey = key
	first, err := catalog.CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.LookupKey).To(Equal(key))
	g.Expect(holders()).To(Equal([]string{first.ID}))

	in = newPrice(owner, product, "monthly", usd(3900))
	in.LookupKey = key
	second, err := catalog.CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(holders()).To(Equal([]string{second.ID}), "a new price takes the key")

	_, err = catalog.UpdatePrice(t.Context(), first.ID, provider.PricePatch{Current: first, LookupKey: &key})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(holders()).To(Equal([]string{first.ID}), "an update takes it back")
}

func (f Fixture) defaultPrice(t *testing.T) {
	if !f.Adapter.Traits().DefaultPrice {
		t.Skip("this provider's products have no default price")
	}
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	product := createProduct(t, conn, owner)
	first, err := catalog.CreatePrice(t.Context(), newPrice(owner, product, "monthly", usd(2900)))
	g.Expect(err).NotTo(HaveOccurred())
	second, err := catalog.CreatePrice(t.Context(), newPrice(owner, product, "yearly", usd(29000)))
	g.Expect(err).NotTo(HaveOccurred())
	for _, p := range []billing.Price{first, second} {
		patch := provider.ProductPatch{Current: product, DefaultPriceID: &p.ID}
		product, err = catalog.UpdateProduct(t.Context(), product.ID, patch)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(product.DefaultPriceID).To(Equal(p.ID))
	}
	_, err = catalog.UpdatePrice(t.Context(), second.ID, provider.PricePatch{Current: second, Active: ptr(false)})
	g.Expect(err).To(HaveOccurred(), "the default cannot be archived")
	_, err = catalog.UpdatePrice(t.Context(), first.ID, provider.PricePatch{Current: first, Active: ptr(false)})
	g.Expect(err).NotTo(HaveOccurred())
	first.Active = false
	expectObserved(t, conn, product, first, second)
}
