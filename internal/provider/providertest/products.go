package providertest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// expectObserved compares what is at the provider with want.
func expectObserved(t *testing.T, conn provider.Connection, want billing.Product, prices ...billing.Price) {
	t.Helper()
	o, err := conn.Catalog().Observe(t.Context(), want.Owner, known(want, prices...))
	if err != nil {
		t.Fatal(err)
	}
	expectSame(t, o, want, prices...)
	if len(o.Twins) > 0 {
		t.Errorf("there are twins: %v", o.Twins)
	}
}

// expectSame compares an observation, in which the order of prices does not matter.
func expectSame(t *testing.T, o billing.Observed, want billing.Product, prices ...billing.Price) {
	t.Helper()
	if diff := cmp.Diff(&want, o.Product); diff != "" {
		t.Errorf("product (-want +got):\n%s", diff)
	}
	byID := map[string]billing.Price{}
	for _, p := range o.Prices {
		byID[p.ID] = p
	}
	wanted := map[string]billing.Price{}
	for _, p := range prices {
		wanted[p.ID] = p
	}
	if diff := cmp.Diff(wanted, byID); diff != "" {
		t.Errorf("prices (-want +got):\n%s", diff)
	}
	if len(o.Prices) != len(byID) {
		t.Errorf("a price was observed twice: %v", o.Prices)
	}
}

// product changes every field that the provider has, one at a time and together. Whatever is read back must equal what
// was sent, also in what is nil: a difference would be repaired forever.
func (f Fixture) product(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	full := f.fullProduct()
	p, err := catalog.CreateProduct(t.Context(), provider.CreateProduct{Owner: owner, Spec: full, IdempotencyKey: "k"})
	g.Expect(err).NotTo(HaveOccurred())
	want := billing.Product{ID: p.ID, Owner: owner, Active: true, Spec: full}
	g.Expect(p.ID).NotTo(BeEmpty())
	if id := catalog.ProductID(owner); id != "" {
		g.Expect(p.ID).To(Equal(id))
	}
	g.Expect(cmp.Diff(want, p)).To(BeEmpty())
	expectObserved(t, conn, want)

	other := f.fitted(billing.ProductSpec{
		Name: "Pro 2", Description: "d", Features: []string{"Three"}, TaxCode: billing.TaxCodeEbook, UnitLabel: "user",
		ImageURLs: []string{"https://example.com/b.png", "https://example.com/c.png"},
		Metadata:  map[string]string{"team": "blue", "new": "1"},
	})
	bare := f.fitted(billing.ProductSpec{Name: "Pro 3"})
	oneKeyLess := f.fullProduct()
	delete(oneKeyLess.Metadata, "tier")
	noCode := f.fullProduct()
	noCode.TaxCode = f.codeOf("")
	renamed := owner
	renamed.Name = "renamed"
	steps := []struct {
		reason string
		patch  provider.ProductPatch
		change func(*billing.Product)
	}{
		{"other values, one key less and one more", provider.ProductPatch{Spec: &other}, nil},
		{"everything optional is cleared", provider.ProductPatch{Spec: &bare}, nil},
		{"archived; the rest stays", provider.ProductPatch{Active: ptr(false)},
			func(p *billing.Product) { p.Active = false }},
		{"active again", provider.ProductPatch{Active: ptr(true)}, func(p *billing.Product) { p.Active = true }},
		{"back to everything", provider.ProductPatch{Spec: &full}, nil},
		{"a metadata key is removed", provider.ProductPatch{Spec: &oneKeyLess}, nil},
		{"the tax code is cleared", provider.ProductPatch{Spec: &noCode}, nil},
		{"other marks; metadata stays", provider.ProductPatch{Owner: &renamed},
			func(p *billing.Product) { p.Owner = renamed }},
		{"archived again", provider.ProductPatch{Active: ptr(false)}, func(p *billing.Product) { p.Active = false }},
		{"active, with other values and marks, in one call", provider.ProductPatch{
			Active: ptr(true), Owner: &owner, Spec: &other,
		}, func(p *billing.Product) { p.Active, p.Owner = true, owner }},
	}
	for _, s := range steps {
		s.patch.Current = want
		if s.patch.Spec != nil {
			want.Spec = *s.patch.Spec
		}
		if s.change != nil {
			s.change(&want)
		}
		p, err = catalog.UpdateProduct(t.Context(), p.ID, s.patch)
		g.Expect(err).NotTo(HaveOccurred(), s.reason)
		g.Expect(cmp.Diff(want, p)).To(BeEmpty(), s.reason)
		expectObserved(t, conn, want)
	}
}

// productOwner moves a product to another owner, and back.
func (f Fixture) productOwner(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	p := f.createProduct(t, conn, owner)
	other := billing.Owner{Cluster: "cluster-2", Namespace: "shop", Name: "basic", UID: "uid-2"}
	moved, err := catalog.UpdateProduct(t.Context(), p.ID, provider.ProductPatch{Current: p, Owner: &other})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(moved.Owner).To(Equal(other))
	g.Expect(moved.Spec).To(Equal(p.Spec))

	if catalog.ProductID(owner) == "" {
		return
	}
	_, err = catalog.CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: p.Spec, IdempotencyKey: "another key",
	})
	g.Expect(err).To(MatchError(provider.ErrOwnedByAnother))
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassConflict))

	_, err = catalog.UpdateProduct(t.Context(), p.ID, provider.ProductPatch{Current: moved, Owner: &owner})
	g.Expect(err).NotTo(HaveOccurred())
	adopted, err := catalog.CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: p.Spec, IdempotencyKey: "a third key",
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(adopted).To(Equal(p))
}
