package providertest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

type priceStep struct {
	reason string
	patch  provider.PricePatch
	change func(*billing.Price)
}

// price changes what can be changed of a price.
func (f Fixture) price(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	product := f.createProduct(t, conn, owner)
	in := f.newPrice(owner, product, "monthly", usd(2900))
	in.Spec.TrialDays = 14
	in.Spec = f.fittedPrice(in.Spec)
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
	steps := []priceStep{
		{"archived", provider.PricePatch{Active: ptr(false)}, func(p *billing.Price) { p.Active = false }},
		{"active again", provider.PricePatch{Active: ptr(true)}, func(p *billing.Price) { p.Active = true }},
		{"other marks", provider.PricePatch{Owner: &other, Name: ptr("each-month")},
			func(p *billing.Price) { p.Owner, p.Name = other, "each-month" }},
	}
	if f.has(provider.CapabilityPriceNames) {
		steps = append(steps,
			priceStep{"another name for people", provider.PricePatch{DisplayName: ptr("Each month")},
				func(p *billing.Price) { p.Spec.DisplayName = "Each month" }},
			priceStep{"none", provider.PricePatch{DisplayName: ptr("")},
				func(p *billing.Price) { p.Spec.DisplayName = "" }})
	}
	if f.has(provider.CapabilityPriceTrials) {
		steps = append(steps,
			priceStep{"a longer trial", provider.PricePatch{TrialDays: ptr(30)},
				func(p *billing.Price) { p.Spec.TrialDays = 30 }},
			priceStep{"no trial", provider.PricePatch{TrialDays: ptr(0)},
				func(p *billing.Price) { p.Spec.TrialDays = 0 }},
			priceStep{"a trial again", provider.PricePatch{TrialDays: ptr(7)},
				func(p *billing.Price) { p.Spec.TrialDays = 7 }})
	}
	steps = append(steps,
		priceStep{"archived again", provider.PricePatch{Active: ptr(false)},
			func(p *billing.Price) { p.Active = false }},
		priceStep{"active with other marks in one call", provider.PricePatch{
			Active: ptr(true), Owner: &owner, Name: ptr("monthly"),
		}, func(p *billing.Price) { p.Active, p.Owner, p.Name = true, owner, "monthly" }})
	for _, s := range steps {
		s.patch.Current = want
		s.change(&want)
		p, err = catalog.UpdatePrice(t.Context(), p.ID, s.patch)
		g.Expect(err).NotTo(HaveOccurred(), s.reason)
		g.Expect(cmp.Diff(want, p)).To(BeEmpty(), s.reason)
		expectObserved(t, conn, product, want)
	}
}

// lookupKey moves a key from price to price, in both ways that there are.
func (f Fixture) lookupKey(t *testing.T) {
	if !f.Adapter.Traits().LookupKeys {
		t.Skip("this provider has no lookup keys")
	}
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	key := catalog.LookupKey(owner, "monthly")
	product := f.createProduct(t, conn, owner)
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
	in := f.newPrice(owner, product, "monthly", usd(2900))
	in.LookupKey = key
	first, err := catalog.CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.LookupKey).To(Equal(key))
	g.Expect(holders()).To(Equal([]string{first.ID}))

	in = f.newPrice(owner, product, "monthly", usd(3900))
	in.LookupKey = key
	second, err := catalog.CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(holders()).To(Equal([]string{second.ID}), "a new price takes the key")

	_, err = catalog.UpdatePrice(t.Context(), first.ID, provider.PricePatch{Current: first, LookupKey: &key})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(holders()).To(Equal([]string{first.ID}), "an update takes it back")
}

// keptKey writes the mark that remembers an adopted price's own key.
func (f Fixture) keptKey(t *testing.T) {
	if !f.Adapter.Traits().LookupKeys {
		t.Skip("this provider has no lookup keys")
	}
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	product := f.createProduct(t, conn, owner)
	in := f.newPrice(owner, product, "monthly", usd(2900))
	in.LookupKey, in.KeptKey = "pro_monthly", "pro_monthly"
	p, err := catalog.CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	want := billing.Price{
		ID: p.ID, ProductID: product.ID, Owner: owner, Name: "monthly", KeptKey: "pro_monthly", Active: true,
		LookupKey: "pro_monthly", Created: p.Created, Spec: in.Spec,
	}
	g.Expect(cmp.Diff(want, p)).To(BeEmpty())
	for _, s := range []priceStep{
		{"another key than was kept", provider.PricePatch{LookupKey: ptr("pro.monthly")},
			func(p *billing.Price) { p.LookupKey = "pro.monthly" }},
		{"marks without a word about the key", provider.PricePatch{Owner: &owner}, func(*billing.Price) {}},
		{"another key", provider.PricePatch{Owner: &owner, Name: ptr("monthly"), KeptKey: ptr("pro.month")},
			func(p *billing.Price) { p.KeptKey = "pro.month" }},
		{"no key", provider.PricePatch{Owner: &owner, Name: ptr("monthly"), KeptKey: ptr("")},
			func(p *billing.Price) { p.KeptKey = "" }},
	} {
		s.patch.Current = want
		s.change(&want)
		p, err = catalog.UpdatePrice(t.Context(), p.ID, s.patch)
		g.Expect(err).NotTo(HaveOccurred(), s.reason)
		g.Expect(cmp.Diff(want, p)).To(BeEmpty(), s.reason)
		expectObserved(t, conn, product, want)
	}
}

func (f Fixture) defaultPrice(t *testing.T) {
	if !f.Adapter.Traits().DefaultPrice {
		t.Skip("this provider's products have no default price")
	}
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	product := f.createProduct(t, conn, owner)
	first := f.createPrice(t, conn, product, "monthly", usd(2900))
	second := f.createPrice(t, conn, product, "yearly", usd(29000))
	for _, id := range []string{first.ID, second.ID} {
		patch := provider.ProductPatch{Current: product, DefaultPriceID: &id}
		updated, err := catalog.UpdateProduct(t.Context(), product.ID, patch)
		g.Expect(err).NotTo(HaveOccurred())
		product = updated
		g.Expect(product.DefaultPriceID).To(Equal(id))
	}
	_, err := catalog.UpdatePrice(t.Context(), second.ID, provider.PricePatch{Current: second, Active: ptr(false)})
	g.Expect(err).To(HaveOccurred(), "the default cannot be archived")
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal))
	_, err = catalog.UpdatePrice(t.Context(), first.ID, provider.PricePatch{Current: first, Active: ptr(false)})
	g.Expect(err).NotTo(HaveOccurred())
	first.Active = false
	expectObserved(t, conn, product, first, second)

	none := ""
	product, err = catalog.UpdateProduct(t.Context(), product.ID,
		provider.ProductPatch{Current: product, DefaultPriceID: &none})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(product.DefaultPriceID).To(BeEmpty())
	_, err = catalog.UpdatePrice(t.Context(), second.ID, provider.PricePatch{Current: second, Active: ptr(false)})
	g.Expect(err).NotTo(HaveOccurred(), "what is no default any more can be archived")
	second.Active = false
	expectObserved(t, conn, product, first, second)
}
