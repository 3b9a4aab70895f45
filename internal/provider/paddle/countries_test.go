package paddle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/instrument"
	"github.com/kassa-dev/kassa/internal/sandbox"
)

func connect(t *testing.T) provider.Connection {
	t.Helper()
	srv := httptest.NewServer(sandbox.New(sandbox.Options{}).Handler())
	t.Cleanup(srv.Close)
	c, err := Adapter{}.Connect(provider.Config{
		Mode: billing.Test, BaseURL: srv.URL + "/paddle",
		APIKey: "pdl_sdbx_apikey_" + strings.Repeat("a", 26) + "_" + strings.Repeat("b", 22) + "_ccc",
		HTTP:   instrument.Client(instrument.Options{Provider: billing.Paddle}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A country is in one list at most, and a price with an amount for each list is taken, and read back as it was sent.
func TestEveryCurrencyAndItsCountries(t *testing.T) {
	g := NewWithT(t)
	conn := connect(t)
	owner := billing.Owner{Cluster: "c", Namespace: "n", Name: "p", UID: "u"}
	product, err := conn.Catalog().CreateProduct(t.Context(), provider.CreateProduct{
		Owner: owner, Spec: billing.ProductSpec{Name: "Pro"},
	})
	g.Expect(err).NotTo(HaveOccurred())
	seen := map[string]billing.Currency{}
	for _, c := range currencies {
		countries := countriesOf(c)
		g.Expect(slices.IsSorted(countries)).To(BeTrue(), string(c))
		for _, code := range countries {
			g.Expect(seen).NotTo(HaveKey(string(code)), "%s is also in the list of %s", code, seen[string(code)])
			seen[string(code)] = c
		}
		spec := billing.PriceSpec{Terms: billing.PriceTerms{
			Money: billing.Money{Minor: 100, Currency: "CLP"}, TaxBehavior: billing.TaxUnspecified,
		}}
		g.Expect(Adapter{}.CheckPrice(spec)).NotTo(Succeed(), "Paddle does not sell in pesos of Chile")
		spec.Terms.Money.Currency = c
		g.Expect(Adapter{}.CheckPrice(spec)).To(Succeed())
		if c != "USD" {
			spec.Terms.Money.Currency = "USD"
			spec.Terms.Options = []billing.CurrencyOption{{Money: billing.Money{Minor: 70, Currency: c}}}
		}
		if len(countries) == 0 {
			g.Expect(Adapter{}.CheckPrice(spec)).NotTo(Succeed(), "nobody is sold to in %s", c)
			continue
		}
		g.Expect(Adapter{}.CheckPrice(spec)).To(Succeed())
		price, err := conn.Catalog().CreatePrice(t.Context(), provider.CreatePrice{
			Owner: owner, ProductID: product.ID, Name: "p", Spec: spec,
		})
		g.Expect(err).NotTo(HaveOccurred(), string(c))
		g.Expect(price.Spec.Terms.Equal(spec.Terms)).To(BeTrue(), "%s", price.Spec.Terms)
	}
}

// A row that changes lets every price that has it be replaced; see countries.
func TestCountriesStayAsTheyAre(t *testing.T) {
	all := sha256.New()
	for _, c := range currencies {
		fmt.Fprintln(all, c, countries[c])
	}
	NewWithT(t).Expect(hex.EncodeToString(all.Sum(nil)[:8])).To(Equal("9c98f79160200689"),
		"prices with the former countries must still equal their Plans: let optionsFrom take those as well")
}

// Overrides that are not a currency's own countries are somebody else's prices: they equal nothing that a Plan says.
func TestForeignOverridesAreNotTakenForOptions(t *testing.T) {
	g := NewWithT(t)
	euro := overridesTo([]billing.CurrencyOption{{Money: billing.Money{Minor: 70, Currency: "EUR"}}})
	_, ok := optionsFrom(euro)
	g.Expect(ok).To(BeTrue())
	_, ok = optionsFrom(append(slices.Clone(euro), euro...))
	g.Expect(ok).To(BeFalse(), "two amounts in one currency")
	euro[0].CountryCodes = euro[0].CountryCodes[1:]
	_, ok = optionsFrom(euro)
	g.Expect(ok).To(BeFalse())
}
