package paddle_test

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/paddle"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/sandbox"
	sandboxpaddle "github.com/kassa-dev/kassa/internal/sandbox/paddle"
)

func key(mode string) string {
	return "pdl_" + mode + "_apikey_" + strings.Repeat("a", 26) + "_" + strings.Repeat("b", 22) + "_ccc"
}

func TestConformance(t *testing.T) {
	accounts := sync.Map{} // connection → sandboxpaddle.View
	for mode, prefix := range map[billing.Mode]string{billing.Test: "sdbx", billing.Live: "live"} {
		connect := func(t *testing.T, revoked bool, lag time.Duration) provider.Connection {
			t.Helper()
			s := sandbox.New(sandbox.Options{PaddleListLag: lag})
			srv := httptest.NewServer(s.Handler())
			t.Cleanup(srv.Close)
			s.Paddle().Revoke(key(prefix), revoked)
			c, err := paddle.Adapter{}.Connect(provider.Config{
				Mode: mode, APIKey: key(prefix), BaseURL: srv.URL + "/paddle",
				HTTP: instrument.Client(instrument.Options{Provider: billing.Paddle}),
			})
			if err != nil {
				t.Fatal(err)
			}
			accounts.Store(c, s.Paddle().Account(key(prefix)))
			return c
		}
		t.Run(string(mode), func(t *testing.T) {
			providertest.Run(t, providertest.Fixture{
				Adapter: paddle.Adapter{}, Mode: mode, PageSize: 200,
				Connect:     func(t *testing.T) provider.Connection { t.Helper(); return connect(t, false, 0) },
				Refused:     func(t *testing.T) provider.Connection { t.Helper(); return connect(t, true, 0) },
				Lagging:     func(t *testing.T) provider.Connection { t.Helper(); return connect(t, false, time.Hour) },
				GoneProduct: "pro_" + strings.Repeat("0", 26), GonePrice: "pri_" + strings.Repeat("0", 26),
				Seed: func(
					t *testing.T, conn provider.Connection, product billing.ProductSpec, prices ...billing.PriceSpec,
				) (string, []string) {
					t.Helper()
					v, _ := accounts.Load(conn)
					return seed(t, conn, v.(sandboxpaddle.View), product, prices)
				},
			})
		})
	}
}

// seed makes objects through the API and takes Kassa's marks off them.
func seed(
	t *testing.T, conn provider.Connection, account sandboxpaddle.View, product billing.ProductSpec,
	prices []billing.PriceSpec,
) (string, []string) {
	t.Helper()
	owner := billing.Owner{Cluster: "x", Namespace: "x", Name: "x", UID: "x"}
	p, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{Owner: owner, Spec: product})
	if err != nil {
		t.Fatal(err)
	}
	unmark := func(data map[string]any) {
		for k := range data {
			if strings.HasPrefix(k, "kassa") {
				delete(data, k)
			}
		}
	}
	if err := account.EditProduct(p.ID, func(p *sandboxpaddle.Product) { unmark(p.CustomData) }); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i, spec := range prices {
		price, err := conn.Catalog().CreatePrice(t.Context(), provider.CreatePrice{
			Owner: owner, ProductID: p.ID, Name: strconv.Itoa(i), Spec: spec,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := account.EditPrice(price.ID, func(p *sandboxpaddle.Price) { unmark(p.CustomData) }); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, price.ID)
	}
	return p.ID, ids
}

// inSandbox opens an account, and the dashboard's side of it.
func inSandbox(t *testing.T) (provider.Connection, sandboxpaddle.View) {
	t.Helper()
	s := sandbox.New(sandbox.Options{})
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	c, err := paddle.Adapter{}.Connect(provider.Config{
		Mode: billing.Test, APIKey: key("sdbx"), BaseURL: srv.URL + "/paddle",
		HTTP: instrument.Client(instrument.Options{Provider: billing.Paddle}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, s.Paddle().Account(key("sdbx"))
}
