package checkoutendpoint

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/storefront"
)

// A server gets rights before it is told of a Secret that it did not need, and is told first of everything else.
func TestNeedsMore(t *testing.T) {
	g := NewWithT(t)
	at := func(namespace, key, token string) storefront.Provider {
		p := storefront.Provider{Namespace: namespace, Name: "pp", APIKey: storefront.SecretKey{Name: key}}
		if token != "" {
			p.ClientToken = &storefront.SecretKey{Name: token}
		}
		return p
	}
	doc := func(providers ...storefront.Provider) *storefront.Document {
		return &storefront.Document{Providers: providers}
	}
	before := doc(at("shop", "key", "token"), at("billing", "key", ""))
	g.Expect(needsMore(nil, before)).To(BeTrue(), "what the servers may read is not known")
	g.Expect(needsMore(before, before)).To(BeFalse())
	g.Expect(needsMore(before, doc(at("billing", "key", "")))).To(BeFalse())
	g.Expect(needsMore(before, doc(at("shop", "token", "key")))).To(BeFalse())
	g.Expect(needsMore(before, doc(at("shop", "other", "token")))).To(BeTrue())
	g.Expect(needsMore(before, doc(at("shop", "key", "other")))).To(BeTrue())
	g.Expect(needsMore(before, doc(at("billing", "key", "token")))).To(BeTrue(), "of another namespace")
}
