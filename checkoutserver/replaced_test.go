package checkoutserver

import (
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// A price is taken off sale at the provider a moment before the server is told of its successor: who buys in that
// moment is sold the successor.
func TestPriceIsReplacedWhileItIsBought(t *testing.T) {
	s := newShop(t, onlyStripe)
	asked := make(chan struct{}, 100)
	s.stripe.archived = func(priceID string) bool {
		if strings.HasSuffix(priceID, "_2") {
			return false
		}
		asked <- struct{}{}
		return true
	}
	go func() {
		<-asked
		c := s.server.config
		c.mu.Lock()
		defer c.mu.Unlock()
		doc := testDocument(testNamespace)
		onlyStripe(nil, doc)
		doc.Plans[0].Prices[0].At[0].PriceID += "_2"
		doc.Plans[0].Prices[0].Trial = nil
		c.doc = doc
		c.resolve(t.Context())
	}()
	r := s.buy("u1", "Idempotency-Key", "k1")
	s.g.Expect(r.status).To(Equal(http.StatusCreated), r.body)
	sold := s.stripe.checkouts()
	s.g.Expect(sold).To(HaveLen(1))
	s.g.Expect(sold[0].PriceID).To(Equal("price_monthly_2"))
	s.g.Expect(sold[0].Trial).To(BeNil(), "the terms are the successor's too")
	s.g.Expect(len(asked)).To(BeZero(), "the provider is not asked for the same again")
}
