package lemonsqueezy_test

import (
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/lemonsqueezy"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/sandbox"
	dashboard "github.com/kassa-dev/kassa/internal/sandbox/lemonsqueezy"
)

const (
	storeID = 77
	testKey = "eyJ0" + "ZXN0a2V5MTIz"
	liveKey = "eyJ0" + "live"
)

func connect(t *testing.T, mode billing.Mode, revoked bool) (provider.Connection, *dashboard.Server) {
	t.Helper()
	key := testKey
	if mode == billing.Live {
		key = liveKey
	}
	s := sandbox.New(sandbox.Options{})
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	s.LemonSqueezy().AddStore(dashboard.Store{ID: storeID, Name: "Shop"})
	s.LemonSqueezy().AddStore(dashboard.Store{ID: 78, Name: "Other"})
	s.LemonSqueezy().Revoke(key, revoked)
	c, err := lemonsqueezy.Adapter{}.Connect(provider.Config{
		Mode: mode, APIKey: key, StoreID: "77", BaseURL: srv.URL + "/lemonsqueezy",
		HTTP: instrument.Client(instrument.Options{Provider: billing.LemonSqueezy}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, s.LemonSqueezy()
}

func TestConformance(t *testing.T) {
	for _, mode := range []billing.Mode{billing.Test, billing.Live} {
		t.Run(string(mode), func(t *testing.T) {
			stores := sync.Map{} // connection → *dashboard.Server
			open := func(revoked bool) func(*testing.T) provider.Connection {
				return func(t *testing.T) provider.Connection {
					t.Helper()
					c, s := connect(t, mode, revoked)
					stores.Store(c, s)
					return c
				}
			}
			providertest.Run(t, providertest.Fixture{
				Adapter: lemonsqueezy.Adapter{}, Mode: mode, PageSize: 100, Connect: open(false), Refused: open(true),
				GoneProduct: "999999", GonePrice: "999998",
				Seed: func(
					t *testing.T, conn provider.Connection, product billing.ProductSpec, prices ...billing.PriceSpec,
				) (string, []string) {
					t.Helper()
					s, _ := stores.Load(conn)
					return seed(t, s.(*dashboard.Server), mode, product, prices)
				},
			})
		})
	}
}
