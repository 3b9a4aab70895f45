package providertest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// readOnly checks that every write is refused for good, and changes nothing.
func (f Fixture) readOnly(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	id, ids := f.Seed(t, conn, f.plainProduct(), f.plainPrice(2900))
	before, err := catalog.Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(before.Products).To(HaveLen(1))
	g.Expect(before.Prices).To(HaveLen(1))

	other := f.fitted(billing.ProductSpec{Name: "Pro 2"})
	writes := map[string]func() error{
		"create product": func() error {
			_, err := catalog.CreateProduct(t.Context(), provider.CreateProduct{Owner: owner, Spec: other, IdempotencyKey: "k"})
			return err
		},
		"update product": func() error {
			_, err := catalog.UpdateProduct(t.Context(), id, provider.ProductPatch{
				Current: before.Products[0], Spec: &other, Owner: &owner, Active: ptr(false),
			})
			return err
		},
		"create price": func() error {
			_, err := catalog.CreatePrice(t.Context(), f.newPrice(owner, before.Products[0], "monthly", usd(3900)))
			return err
		},
		"update price": func() error {
			_, err := catalog.UpdatePrice(t.Context(), ids[0], provider.PricePatch{
				Current: before.Prices[0], Owner: &owner, Name: ptr("monthly"), Active: ptr(false),
			})
			return err
		},
	}
	for name, write := range writes {
		var e *provider.Error
		g.Expect(errors.As(write(), &e)).To(BeTrue(), name)
		g.Expect(e.Class.String()).To(Equal(provider.ClassTerminal.String()), name)
		g.Expect(e.Provider).To(Equal(f.Adapter.Type()), name)
	}
	after, err := catalog.Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cmp.Diff(before, after)).To(BeEmpty())
}
