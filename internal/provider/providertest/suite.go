// Package providertest is a conformance suite for adapters: what the contract in internal/provider promises, checked
// at an account of the provider or of something that stands in for it. What is tested follows from the adapter's
// capabilities and traits, so that every adapter passes the same suite.
package providertest

import (
	"context"
	"errors"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Fixture says how to reach accounts.
type Fixture struct {
	Adapter provider.Adapter
	Mode    billing.Mode
	// Connect opens an empty account, another one at each call. Its lists do not lag.
	Connect func(t *testing.T) provider.Connection
	// Refused opens a connection with a key that the provider refuses.
	Refused func(t *testing.T) provider.Connection
	// PageSize is the largest number of objects in one page of the provider's lists. 0 leaves out the test that
	// creates more than that.
	PageSize int
	// GoneProduct and GonePrice are well-formed ids of a product and a price that no account has.
	GoneProduct, GonePrice string
	// Lagging opens an empty account whose lists lack what was created while the test runs. It may be nil where
	// Traits.ListSettle is 0.
	Lagging func(t *testing.T) provider.Connection
	// Seed puts a product with prices into the account of conn, as somebody does in the provider's dashboard: without
	// Kassa's marks. It returns the ids, those of the prices in the order given. It may be nil unless the adapter is
	// read-only.
	Seed func(t *testing.T, conn provider.Connection, product billing.ProductSpec, prices ...billing.PriceSpec) (
		productID string, priceIDs []string)
	// ConnectIn is Connect with an account of one currency, in which all of its prices are. Seed then takes all terms
	// that the capabilities promise. nil leaves out the test that reads them.
	ConnectIn func(t *testing.T, currency billing.Currency) provider.Connection
	// Withdraw takes a price off sale, as somebody does in the provider's dashboard. nil leaves out the test of that.
	Withdraw func(t *testing.T, conn provider.Connection, priceID string)
}

// Run runs every test that the adapter's capabilities and traits call for.
func Run(t *testing.T, f Fixture) {
	t.Run("Declared", f.declared)
	t.Run("Account", f.account)
	t.Run("Refused", f.refused)
	t.Run("TaxCode", f.taxCode)
	t.Run("CheckPrice", f.checkPrice)
	if f.has(provider.CapabilityCatalog) {
		t.Run("Missing", f.missing)
		t.Run("Snapshot", f.snapshot)
		if f.Seed != nil {
			t.Run("Foreign", f.foreign)
		}
	}
	if f.has(provider.CapabilityCatalog) && !f.writes() {
		t.Run("ReadOnly", f.readOnly)
		if f.ConnectIn != nil {
			t.Run("SeededTerms", f.seededTerms)
		}
		if f.Withdraw != nil {
			t.Run("Withdrawn", f.withdrawn)
		}
	}
	if f.writes() {
		t.Run("Product", f.product)
		t.Run("ProductOwner", f.productOwner)
		t.Run("Price", f.price)
		t.Run("PriceTerms", f.priceTerms)
		t.Run("LookupKey", f.lookupKey)
		t.Run("KeptKey", f.keptKey)
		t.Run("DefaultPrice", f.defaultPrice)
		t.Run("Known", f.known)
		t.Run("IdempotentCreate", f.idempotentCreate)
		t.Run("Twins", f.twins)
		t.Run("ManyPrices", f.manyPrices)
		if f.Lagging != nil {
			t.Run("Lagging", f.lagging)
		}
		if f.Seed != nil {
			t.Run("Adopt", f.adopt)
		}
	}
	if f.has(provider.CapabilityEndpoints) {
		t.Run("Endpoints", f.endpoints)
		t.Run("EndpointEvents", f.endpointEvents)
	}
}

func (f Fixture) has(want provider.Capability) bool {
	return slices.Contains(f.Adapter.Capabilities(), want)
}

func (f Fixture) writes() bool { return f.has(provider.CapabilityCatalogWrite) }

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
	switch {
	case f.writes():
		f.createProduct(t, conn, owner)
	case f.Seed != nil:
		f.Seed(t, conn, f.plainProduct(), f.plainPrice(2900))
	default:
		return
	}
	again, err := conn.Account(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	if a.Provisional {
		g.Expect(again.Provisional).To(BeFalse(), "an account with objects has an id")
		a.ID, a.Provisional = again.ID, false
	}
	g.Expect(again).To(Equal(a))
}

// refused checks the errors that no object is needed for.
func (f Fixture) refused(t *testing.T) {
	g := NewWithT(t)
	conn := f.Refused(t)
	calls := map[string]func() error{
		"account": func() error { _, err := conn.Account(t.Context()); return err },
	}
	if f.has(provider.CapabilityCatalog) {
		calls["snapshot"] = func() error { _, err := conn.Catalog().Snapshot(t.Context()); return err }
		calls["observe"] = func() error {
			_, err := conn.Catalog().Observe(t.Context(), owner, provider.Known{ProductID: f.GoneProduct})
			return err
		}
	}
	for name, call := range calls {
		var e *provider.Error
		g.Expect(errors.As(call(), &e)).To(BeTrue(), name)
		g.Expect(e.Class.String()).To(Equal(provider.ClassCredentials.String()), name)
		g.Expect(e.Provider).To(Equal(f.Adapter.Type()), name)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Connect(t).Account(ctx)
	g.Expect(err).To(MatchError(context.Canceled))
}

func (f Fixture) missing(t *testing.T) {
	g := NewWithT(t)
	catalog := f.Connect(t).Catalog()
	gone := provider.Known{ProductID: f.GoneProduct, PriceIDs: []string{f.GonePrice}}
	only := gone
	only.Only = true
	for _, k := range []provider.Known{{}, gone, only} {
		o, err := catalog.Observe(t.Context(), owner, k)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(o.Product).To(BeNil())
		g.Expect(o.Prices).To(BeEmpty())
		g.Expect(o.Twins).To(BeEmpty())
	}
	if !f.writes() {
		return
	}
	yes := true
	_, err := catalog.UpdateProduct(t.Context(), f.GoneProduct, provider.ProductPatch{
		Current: billing.Product{ID: f.GoneProduct}, Active: &yes,
	})
	g.Expect(provider.IsNotFound(err)).To(BeTrue(), "%v", err)
	_, err = catalog.UpdatePrice(t.Context(), f.GonePrice, provider.PricePatch{
		Current: billing.Price{ID: f.GonePrice}, Active: &yes,
	})
	g.Expect(provider.IsNotFound(err)).To(BeTrue(), "%v", err)
	_, err = catalog.CreatePrice(t.Context(), f.newPrice(owner, billing.Product{ID: f.GoneProduct}, "monthly", usd(100)))
	g.Expect(err).To(HaveOccurred())
	g.Expect([]provider.Class{provider.ClassNotFound, provider.ClassTerminal}).To(ContainElement(provider.ClassOf(err)),
		"a create that can never succeed is not repeated: %v", err)
}

func ptr[T any](v T) *T { return &v }
