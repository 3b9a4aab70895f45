package providertest

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// declared checks that capabilities and traits say the same, each once.
func (f Fixture) declared(t *testing.T) {
	g := NewWithT(t)
	seen := map[provider.Capability]bool{}
	for _, c := range f.Adapter.Capabilities() {
		g.Expect(seen[c]).To(BeFalse(), "%s is declared twice", c)
		seen[c] = true
	}
	traits := f.Adapter.Traits()
	g.Expect(traits.ReadOnly).To(Equal(f.has(provider.CapabilityCatalog) && !f.writes()))
	g.Expect(f.has(provider.CapabilityImage) && f.has(provider.CapabilityImages)).To(BeFalse(), "one or several images")
	if f.writes() {
		g.Expect(f.has(provider.CapabilityCatalog)).To(BeTrue(), "what is written must be read")
		g.Expect(traits.ListSettle > 0).To(Equal(!traits.IdempotentCreate),
			"a create that is not idempotent is held back until the lists have settled")
	}
	g.Expect(f.Adapter.Codec() != nil).To(Equal(f.has(provider.CapabilityWebhooks)))
	g.Expect(f.Connect(t).Endpoints() != nil).To(Equal(f.has(provider.CapabilityEndpoints)))
	g.Expect(f.Adapter.DefaultRate(f.Mode)).To(BeNumerically(">", 0))
	if f.has(provider.CapabilityCatalog) {
		catalog := f.Connect(t).Catalog()
		g.Expect(catalog.LookupKey(owner, "monthly") != "").To(Equal(traits.LookupKeys))
		g.Expect(catalog.LookupKey(owner, "monthly") != catalog.LookupKey(owner, "yearly")).To(Equal(traits.LookupKeys))
		his := owner
		his.UID = "uid-2"
		g.Expect(catalog.LookupKey(owner, "monthly") != catalog.LookupKey(his, "monthly")).To(Equal(traits.LookupKeys))
		if id := catalog.ProductID(owner); id != "" {
			renamed := owner
			renamed.Name = "renamed"
			g.Expect(catalog.ProductID(renamed)).To(Equal(id), "names change, UIDs do not")
			g.Expect(catalog.ProductID(his)).NotTo(Equal(id))
		}
	}
}

// taxCode checks that what TaxCode returns is stable: it is compared with what is at the provider.
func (f Fixture) taxCode(t *testing.T) {
	if !f.has(provider.CapabilityTaxCodes) {
		t.Skip("this provider has no tax codes")
	}
	g := NewWithT(t)
	none, err := f.Adapter.TaxCode("")
	g.Expect(err).NotTo(HaveOccurred(), "a Plan need not say what it sells")
	again, err := f.Adapter.TaxCode(none)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(Equal(none))
	translated := 0
	for _, neutral := range billing.TaxCodes() {
		code, err := f.Adapter.TaxCode(neutral)
		if err != nil {
			g.Expect(err.Error()).NotTo(BeEmpty())
			continue
		}
		translated++
		g.Expect(code).NotTo(BeEmpty(), neutral)
		again, err := f.Adapter.TaxCode(code)
		g.Expect(err).NotTo(HaveOccurred(), "%s gives %s", neutral, code)
		g.Expect(again).To(Equal(code), neutral)
	}
	g.Expect(translated).To(BeNumerically(">", 0))
	_, err = f.Adapter.TaxCode("no such thing")
	g.Expect(err).To(MatchError(ContainSubstring(billing.TaxCodeSaaS)), "the error says which codes there are")
}

// checkPrice checks that the sentences are such as Fit puts after the provider's name.
func (f Fixture) checkPrice(t *testing.T) {
	g := NewWithT(t)
	g.Expect(f.Adapter.CheckPrice(f.plainPrice(2900))).To(Succeed())
	unknown := f.plainPrice(2900)
	unknown.Terms.Money.Currency = "KPW"
	forever := f.plainPrice(2900)
	forever.Terms.Recurring = billing.Recurring{Interval: billing.Year, Count: 100}
	huge := f.plainPrice(1 << 62)
	for reason, spec := range map[string]billing.PriceSpec{
		"a currency that no provider takes": unknown, "a period of a century": forever,
		"an amount that nobody can pay": huge,
	} {
		err := f.Adapter.CheckPrice(spec)
		if err == nil && !f.writes() {
			continue // no price is made by it; one that exists never equals it
		}
		g.Expect(err).To(HaveOccurred(), reason)
		g.Expect(err.Error()).NotTo(HavePrefix(string(f.Adapter.Type())), reason)
		g.Expect(err.Error()).NotTo(HaveSuffix("."), reason)
		g.Expect(strings.ContainsAny(err.Error(), "\n")).To(BeFalse(), reason)
	}
}
