// Package providertest is a conformance suite for adapters: what the contract in internal/provider promises, checked
// at an account of the provider or of something that stands in for it.
package providertest

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Fixture says how to reach accounts.
type Fixture struct {
	Adapter provider.Adapter
	Mode    billing.Mode
	// Connect opens an empty account, another one at each call.
	Connect func(t *testing.T) provider.Connection
	// Refused opens a connection with a key that the provider refuses.
	Refused func(t *testing.T) provider.Connection
	// PageSize is the largest number of objects in one page of the provider's lists. 0 leaves out the test that
	// creates more than that.
	PageSize int
}

// Run runs every test that the adapter's capabilities and traits call for.
func Run(t *testing.T, f Fixture) {
	t.Run("Account", f.account)
	t.Run("Refused", f.refused)
	for _, c := range f.Adapter.Capabilities() {
		switch c {
		case provider.CapabilityCatalog:
			t.Run("Product", f.product)
			t.Run("ProductOwner", f.productOwner)
			t.Run("Price", f.price)
			t.Run("PriceTerms", f.priceTerms)
			t.Run("LookupKey", f.lookupKey)
			t.Run("DefaultPrice", f.defaultPrice)
			t.Run("IdempotentCreate", f.idempotentCreate)
			t.Run("Missing", f.missing)
			t.Run("Snapshot", f.snapshot)
		case provider.CapabilityEndpoints:
			t.Run("Endpoints", f.endpoints)
		}
	}
}

var owner = billing.Owner{Cluster: "cluster-1", Namespace: "shop", Name: "pro", UID: "uid-1"}

// known are the objects that an observation of a lagging list would lack.
func known(p billing.Product, prices ...billing.Price) provider.Known {
	k := provider.Known{ProductID: p.ID}
	for _, x := range prices {
		k.PriceIDs = append(k.PriceIDs, x.ID)
	}
	return k
}

func (f Fixture) account(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	a, err := conn.Account(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.ID).NotTo(BeEmpty())
	g.Expect(a.Mode).To(Equal(f.Mode))
	// The mode of an account that has objects may be read from another place.
	if f.has(provider.CapabilityCatalog) {
		createProduct(t, conn, owner)
		again, err := conn.Account(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(again).To(Equal(a))
	}
}

func (f Fixture) has(want provider.Capability) bool {
	for _, c := range f.Adapter.Capabilities() {
		if c == want {
			return true
		}
	}
	return false
}

// refused checks the errors that no object is needed for.
func (f Fixture) refused(t *testing.T) {
	g := NewWithT(t)
	_, err := f.Refused(t).Account(t.Context())
	var e *provider.Error
	g.Expect(errors.As(err, &e)).To(BeTrue())
	g.Expect(e.Class.String()).To(Equal(provider.ClassCredentials.String()))
	g.Expect(e.Provider).To(Equal(f.Adapter.Type()))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Connect(t).Account(ctx)
	g.Expect(err).To(MatchError(context.Canceled))
}

func (f Fixture) missing(t *testing.T) {
	g := NewWithT(t)
	catalog := f.Connect(t).Catalog()
	for _, k := range []provider.Known{{}, {ProductID: "prod_gone", PriceIDs: []string{"price_gone"}}} {
		o, err := catalog.Observe(t.Context(), owner, k)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(o.Product).To(BeNil())
		g.Expect(o.Prices).To(BeEmpty())
	}
	yes := true
	_, err := catalog.UpdateProduct(t.Context(), "prod_gone", provider.ProductPatch{Active: &yes})
	g.Expect(provider.IsNotFound(err)).To(BeTrue(), "%v", err)
	_, err = catalog.UpdatePrice(t.Context(), "price_gone", provider.PricePatch{Active: &yes})
	g.Expect(provider.IsNotFound(err)).To(BeTrue(), "%v", err)
	_, err = catalog.CreatePrice(t.Context(), newPrice(owner, billing.Product{ID: "prod_gone"}, "monthly", usd(100)))
	g.Expect(provider.IsNotFound(err)).To(BeTrue(), "%v", err)
}
