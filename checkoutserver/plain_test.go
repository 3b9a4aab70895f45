package checkoutserver

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// Whatever the document says, a key for real money is not sent in the clear.
func TestLiveKeysAreSentOverHTTPSAlone(t *testing.T) {
	for base, want := range map[string]int{
		"": 201, "https://proxy.example.com": 201, "http://proxy.example.com": 503, "HTTP://proxy.example.com": 503,
		"//proxy.example.com": 503,
	} {
		t.Run(base, func(t *testing.T) {
			s := newShop(t, onlyStripe, func(_ *v1alpha1.CheckoutEndpoint, doc *storefront.Document) {
				doc.Providers[0].Mode, doc.Providers[0].BaseURL = billing.Live, base
			})
			r := s.buy("u1")
			s.g.Expect(r.status).To(Equal(want), r.body)
			s.g.Expect(s.stripe.keys).To(HaveLen(map[bool]int{true: 1, false: 0}[want == http.StatusCreated]))
		})
	}
}
