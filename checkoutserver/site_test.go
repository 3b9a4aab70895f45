package checkoutserver

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// limitedClients remember the limits that were asked for.
type limitedClients struct {
	plainClients

	limits [][2]float64
}

func (c *limitedClients) Client(_ billing.Provider, _, _ string, perSecond float64, burst int) *http.Client {
	c.limits = append(c.limits, [2]float64{perSecond, float64(burst)})
	return http.DefaultClient
}

// The limit is the document's, and a document with another one is heeded at once.
func TestTheLimitOfTheDocument(t *testing.T) {
	g, clients := NewWithT(t), &limitedClients{}
	c := connections{
		registry: provider.NewRegistry(&fakeAdapter{kind: billing.Stripe, accounts: map[string]*account{"stripe": {}}}),
		clients:  clients, open: map[string]opened{},
	}
	p := storefront.Provider{Namespace: "shop", Name: "stripe", Type: billing.Stripe, RequestsPerSecond: 1.5, Burst: 7}
	site := func() {
		c.site(p, "shop", func(string, storefront.SecretKey) (string, string) { return "key-stripe", "" })
	}
	site()
	site()
	p.Burst = 5
	site()
	p.Burst = 0 // as a document without one
	site()
	g.Expect(clients.limits).To(Equal([][2]float64{{1.5, 7}, {1.5, 5}, {1.5, 3}}))
}
