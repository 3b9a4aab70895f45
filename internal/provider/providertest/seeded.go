package providertest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// seededTerms reads every shape and trial that the capabilities promise, from an account in which somebody else made
// them. Terms that are read as others would be reported as drift, or hide it.
func (f Fixture) seededTerms(t *testing.T) {
	for _, currency := range []billing.Currency{"USD", "EUR"} {
		t.Run(string(currency), func(t *testing.T) {
			g := NewWithT(t)
			conn := f.ConnectIn(t, currency)
			a, err := conn.Account(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(a.DefaultCurrency).To(Equal(currency))
			product := billing.Product{Active: true, Spec: f.plainProduct()}
			var names []string
			var specs []billing.PriceSpec
			for name, spec := range f.seeds(currency) {
				g.Expect(f.Adapter.CheckPrice(spec)).To(Succeed(), "%s is promised by the capabilities", name)
				names, specs = append(names, name), append(specs, spec)
			}
			var ids []string
			product.ID, ids = f.Seed(t, conn, product.Spec, specs...)
			g.Expect(ids).To(HaveLen(len(specs)))
			want := map[string]billing.Price{}
			for i, id := range ids {
				want[id] = billing.Price{ID: id, ProductID: product.ID, Active: true, Spec: specs[i]}
			}
			for by, prices := range f.bothReads(t, conn, product) {
				g.Expect(prices).To(HaveLen(len(want)), by)
				for i, id := range ids {
					got := prices[id]
					got.Created = want[id].Created // the seed does not know
					if diff := cmp.Diff(want[id], got); diff != "" || !want[id].Spec.Terms.Equal(got.Spec.Terms) {
						t.Errorf("%s by the %s (-want +got):\n%s", names[i], by, diff)
					}
				}
			}
		})
	}
}

// withdrawn takes one of two prices off sale: the other one is still sold.
func (f Fixture) withdrawn(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	product := billing.Product{Active: true, Spec: f.plainProduct()}
	var ids []string
	product.ID, ids = f.Seed(t, conn, product.Spec, f.plainPrice(2900), f.plainPrice(3900))
	f.Withdraw(t, conn, ids[0])
	for by, prices := range f.bothReads(t, conn, product) {
		g.Expect(prices).To(HaveLen(2), by)
		g.Expect(prices[ids[0]].Active).To(BeFalse(), by)
		g.Expect(prices[ids[0]].Spec).To(Equal(f.plainPrice(2900)), by)
		g.Expect(prices[ids[1]].Active).To(BeTrue(), by)
	}
}

// seeds are prices of all shapes, and with trials, in a currency.
func (f Fixture) seeds(currency billing.Currency) map[string]billing.PriceSpec {
	all := map[string]billing.PriceSpec{}
	for name, terms := range f.shapes() {
		all[name] = f.fittedPrice(billing.PriceSpec{Terms: terms, DisplayName: name})
	}
	if f.has(provider.CapabilityPriceTrials) {
		for _, days := range []int{1, 3, 7, 14, 30, 365} {
			spec := f.plainPrice(2900)
			spec.TrialDays = days
			all[fmt.Sprintf("trial-of-%d-days", days)] = spec
		}
	}
	for name, spec := range all {
		spec.Terms.Money.Currency = currency
		all[name] = spec
	}
	return all
}

// bothReads are the prices of the account's one product by their ids, as an observation and as a snapshot tell them.
func (f Fixture) bothReads(
	t *testing.T, conn provider.Connection, want billing.Product,
) map[string]map[string]billing.Price {
	t.Helper()
	o, err := conn.Catalog().Observe(t.Context(), owner, provider.Known{ProductID: want.ID, Only: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := conn.Catalog().Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, o.Product); diff != "" {
		t.Errorf("product by the observation (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]billing.Product{want}, s.Products); diff != "" {
		t.Errorf("products by the snapshot (-want +got):\n%s", diff)
	}
	out := map[string]map[string]billing.Price{"observation": {}, "snapshot": {}}
	for by, prices := range map[string][]billing.Price{"observation": o.Prices, "snapshot": s.Prices} {
		for _, p := range prices {
			if _, twice := out[by][p.ID]; twice {
				t.Errorf("the %s has price %s twice", by, p.ID)
			}
			out[by][p.ID] = p
		}
	}
	return out
}
