package stripe_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/provider/providertest"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
	"github.com/kassa-dev/kassa/internal/sandbox"
)

// offline carries no webhooks: the endpoints that the suite registers are nobody's.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("offline") }

func TestConformance(t *testing.T) {
	for mode, prefix := range map[billing.Mode]string{billing.Test: "sk_" + "test_", billing.Live: "rk_" + "live_"} {
		connect := func(t *testing.T, revoked bool) provider.Connection {
			key := prefix + "conformance"
			s := sandbox.New(sandbox.Options{WebhookTransport: offline{}})
			srv := httptest.NewServer(s.Handler())
			t.Cleanup(func() {
				srv.Close()
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				_ = s.Close(ctx) // the deliveries that wait are dropped
			})
			s.Stripe().Revoke(key, revoked)
			c, err := stripe.Adapter{}.Connect(provider.Config{
				Mode: mode, APIKey: key, BaseURL: srv.URL,
				HTTP: instrument.Client(instrument.Options{Provider: billing.Stripe}),
			})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		t.Run(string(mode), func(t *testing.T) {
			providertest.Run(t, providertest.Fixture{
				Adapter: stripe.Adapter{}, Mode: mode, PageSize: 100,
				Connect: func(t *testing.T) provider.Connection { return connect(t, false) },
				Refused: func(t *testing.T) provider.Connection { return connect(t, true) },
			})
		})
	}
}
