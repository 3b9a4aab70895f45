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

var modes = map[billing.Mode]string{billing.Test: testKey, billing.Live: liveKey}

// connect opens a store in USD with a key of test mode.
func connect(t *testing.T) (provider.Connection, *dashboard.Server) {
	t.Helper()
	return withKey(t, billing.Test, testKey)
}

// withKey connects with a key that need not be of the mode.
func withKey(t *testing.T, mode billing.Mode, key string) (provider.Connection, *dashboard.Server) {
	t.Helper()
	s, at := shop(t, "USD")
	return dial(t, mode, key, at), s
}

// shop is LemonSqueezy with a store in a currency beside another one, and its address.
func shop(t *testing.T, currency string) (*dashboard.Server, string) {
	t.Helper()
	s := sandbox.New(sandbox.Options{})
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	s.LemonSqueezy().AddStore(dashboard.Store{ID: storeID, Name: "Shop", Currency: currency})
	s.LemonSqueezy().AddStore(dashboard.Store{ID: 78, Name: "Other", Currency: "GBP"})
	return s.LemonSqueezy(), srv.URL + "/lemonsqueezy"
}

func dial(t *testing.T, mode billing.Mode, key, at string) provider.Connection {
	t.Helper()
	c, err := lemonsqueezy.Adapter{}.Connect(provider.Config{
		Mode: mode, APIKey: key, StoreID: "77", BaseURL: at,
		HTTP: instrument.Client(instrument.Options{Provider: billing.LemonSqueezy}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConformance(t *testing.T) {
	for _, mode := range []billing.Mode{billing.Test, billing.Live} {
		t.Run(string(mode), func(t *testing.T) {
			stores := sync.Map{} // connection → *dashboard.Server
			open := func(t *testing.T, currency string, revoked bool) provider.Connection {
				t.Helper()
				s, at := shop(t, currency)
				s.Revoke(modes[mode], revoked)
				c := dial(t, mode, modes[mode], at)
				stores.Store(c, s)
				return c
			}
			store := func(conn provider.Connection) *dashboard.Server {
				s, _ := stores.Load(conn)
				return s.(*dashboard.Server)
			}
			providertest.Run(t, providertest.Fixture{
				Adapter: lemonsqueezy.Adapter{}, Mode: mode, PageSize: 100,
				GoneProduct: "999999", GonePrice: "999998",
				Connect: func(t *testing.T) provider.Connection { return open(t, "USD", false) },
				Refused: func(t *testing.T) provider.Connection { return open(t, "USD", true) },
				ConnectIn: func(t *testing.T, currency billing.Currency) provider.Connection {
					return open(t, string(currency), false)
				},
				Seed: func(
					t *testing.T, conn provider.Connection, product billing.ProductSpec, prices ...billing.PriceSpec,
				) (string, []string) {
					t.Helper()
					return seed(t, store(conn), mode, product, prices)
				},
				Withdraw: func(t *testing.T, conn provider.Connection, priceID string) {
					t.Helper()
					withdraw(t, store(conn), priceID)
				},
			})
		})
	}
}
