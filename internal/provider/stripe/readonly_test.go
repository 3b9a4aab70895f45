package stripe_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
)

// readOnly is Stripe's adapter as that of a provider whose catalogue can only be read.
type readOnly struct{ stripe.Adapter }

func (readOnly) Capabilities() []provider.Capability {
	return []provider.Capability{provider.CapabilityCatalog, provider.CapabilityPriceNames}
}

func (readOnly) Traits() provider.Traits      { return provider.Traits{ReadOnly: true} }
func (readOnly) Codec() provider.WebhookCodec { return nil }

type readConnection struct{ provider.Connection }

func (c readConnection) Catalog() provider.Catalog   { return readCatalog{c.Connection.Catalog()} }
func (readConnection) Endpoints() provider.Endpoints { return nil }

type readCatalog struct{ provider.Catalog }

func (readCatalog) ProductID(billing.Owner) string         { return "" }
func (readCatalog) LookupKey(billing.Owner, string) string { return "" }

var errReadOnly = &provider.Error{Class: provider.ClassTerminal, Provider: billing.Stripe, Message: "read-only"}

func (readCatalog) CreateProduct(context.Context, provider.CreateProduct) (billing.Product, error) {
	return billing.Product{}, errReadOnly
}

func (readCatalog) UpdateProduct(context.Context, string, provider.ProductPatch) (billing.Product, error) {
	return billing.Product{}, errReadOnly
}

func (readCatalog) CreatePrice(context.Context, provider.CreatePrice) (billing.Price, error) {
	return billing.Price{}, errReadOnly
}

func (readCatalog) UpdatePrice(context.Context, string, provider.PricePatch) (billing.Price, error) {
	return billing.Price{}, errReadOnly
}

// TestReadOnlyConformance shows that a provider without writes can pass the suite, and that what is read of objects
// that Kassa did not make is right.
func TestReadOnlyConformance(t *testing.T) {
	const key = "sk_test_" + "readonly"
	accounts := sync.Map{} // connection → address and key
	connect := func(t *testing.T, revoked bool) provider.Connection {
		t.Helper()
		s := sandbox.New(sandbox.Options{WebhookTransport: offline{}})
		srv := httptest.NewServer(s.Handler())
		t.Cleanup(srv.Close)
		s.Stripe().Revoke(key, revoked)
		c, err := stripe.Adapter{}.Connect(provider.Config{
			Mode: billing.Test, APIKey: key, BaseURL: srv.URL, HTTP: srv.Client(),
		})
		if err != nil {
			t.Fatal(err)
		}
		accounts.Store(readConnection{c}, account{srv.URL, key})
		return readConnection{c}
	}
	providertest.Run(t, providertest.Fixture{
		Adapter: readOnly{}, Mode: billing.Test, PageSize: 100, GoneProduct: "prod_gone", GonePrice: "price_gone",
		Connect: func(t *testing.T) provider.Connection { t.Helper(); return connect(t, false) },
		Refused: func(t *testing.T) provider.Connection { t.Helper(); return connect(t, true) },
		Seed: func(
			t *testing.T, conn provider.Connection, product billing.ProductSpec, prices ...billing.PriceSpec,
		) (string, []string) {
			t.Helper()
			at, _ := accounts.Load(conn)
			return at.(account).seed(t, product, prices)
		},
	})
}
