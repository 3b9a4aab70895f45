package preview_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/accounts"
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/catalog"
	"github.com/kassa-dev/kassa/internal/preview"
	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/provider/stripe"
)

var (
	mine   = billing.Owner{Cluster: "c", Namespace: "shop", Name: "pro", UID: "u1"}
	theirs = billing.Owner{Cluster: "c", Namespace: "shop", Name: "other", UID: "u2"}
)

// shelf is the catalogue of an account. It can only be read.
type shelf struct {
	provider.Catalog
	snapshot provider.Snapshot
}

func (s *shelf) ProductID(o billing.Owner) string              { return "kassa_" + o.UID }
func (s *shelf) LookupKey(o billing.Owner, name string) string { return "kassa:" + o.UID + ":" + name }

func (s *shelf) Snapshot(context.Context) (*provider.Snapshot, error) { return &s.snapshot, nil }

// put adds a product that is on sale for 29.00 USD a month.
func (s *shelf) put(id string, owner billing.Owner) *shelf {
	s.snapshot.Products = append(s.snapshot.Products, billing.Product{
		ID: id, Owner: owner, Active: true, Spec: billing.ProductSpec{Name: "Pro"}, DefaultPriceID: "price_" + id,
	})
	price := billing.Price{
		ID: "price_" + id, ProductID: id, Owner: owner, Active: true, LookupKey: "key_" + id,
		Spec: billing.PriceSpec{DisplayName: "monthly", Terms: billing.PriceTerms{
			Money:     billing.Money{Minor: 2900, Currency: "USD"},
			Recurring: billing.Recurring{Interval: billing.Month, Count: 1}, TaxBehavior: billing.TaxUnspecified,
		}},
	}
	if owner.Identifies() {
		price.Name, price.LookupKey = "monthly", s.LookupKey(owner, "monthly")
	}
	s.snapshot.Prices = append(s.snapshot.Prices, price)
	return s
}

// connection leads to a shelf.
type connection struct {
	provider.Connection
	shelf *shelf
}

func (c connection) Catalog() provider.Catalog { return c.shelf }

// compare compares one Plan. Accounts are by the key of their PaymentProvider, such as "shop/stripe".
func compare(t *testing.T, p *v1alpha1.Plan, shelves map[string]*shelf) *preview.Report {
	t.Helper()
	scheme := runtime.NewScheme()
	NewWithT(t).Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	c := fake.NewClientBuilder().WithScheme(scheme)
	open := map[*shelf]*accounts.Account{}
	for key, s := range shelves {
		namespace, name, _ := strings.Cut(key, "/")
		pp := &v1alpha1.PaymentProvider{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		pp.Spec.AllowedNamespaces.From = v1alpha1.NamespacesAll
		c.WithObjects(pp)
		if open[s] == nil {
			id := "acct_" + namespace
			open[s] = &accounts.Account{
				Info: billing.Account{ID: id}, Identity: id, Adapter: stripe.Adapter{}, Conn: connection{shelf: s},
				Mirror: catalog.NewMirror(s, time.Now),
			}
		}
	}
	comparer := preview.Comparer{
		Cluster: "c", Reader: c.Build(),
		Open: func(_ context.Context, pp *v1alpha1.PaymentProvider) (*accounts.Account, error) {
			if a := open[shelves[client.ObjectKeyFromObject(pp).String()]]; a != nil {
				return a, nil
			}
			return nil, errors.New("no such account")
		},
	}
	return comparer.Compare(t.Context(), []preview.Plan{{Wanted: p, Applied: p}})
}

// pro is a Plan that was made at stripe, and is sold there.
func pro(change ...func(*v1alpha1.Plan)) *v1alpha1.Plan {
	p := &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pro", UID: "u1"},
		Spec: v1alpha1.PlanSpec{
			Providers: []v1alpha1.PlanProvider{{Name: "stripe"}}, DisplayName: "Pro",
			Prices: []v1alpha1.Price{{
				Name: "monthly", Amount: "29.00", Currency: "USD", Recurring: &v1alpha1.Recurring{Interval: "Month"},
			}},
		},
		Status: v1alpha1.PlanStatus{Providers: []v1alpha1.PlanProviderStatus{{
			Name: "stripe", ProductID: "kassa_u1", Written: true,
			Prices: []v1alpha1.PlanPriceStatus{{Name: "monthly", ID: "price_kassa_u1"}},
		}}},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

// adopting: the spec means the product prod_b.
func adopting(p *v1alpha1.Plan) { p.Spec.Providers[0].Adopt = adopt("prod_b") }

func adopt(id string) *v1alpha1.Adopt {
	return &v1alpha1.Adopt{ProductID: id, Prices: []v1alpha1.AdoptPrice{{Name: "monthly", ID: "price_" + id}}}
}

// taken: another name of the account stands for what the first one stood for.
func taken(p *v1alpha1.Plan) {
	p.Spec.Providers = append(p.Spec.Providers, v1alpha1.PlanProvider{Name: "second", Adopt: adopt("kassa_u1")})
}

func management(m v1alpha1.Management) func(*v1alpha1.Plan) {
	return func(p *v1alpha1.Plan) { p.Spec.Management = m }
}

func orphan(p *v1alpha1.Plan) { p.Spec.DeletionPolicy = v1alpha1.DeletionOrphan }

// elsewhere: the PaymentProvider of that name that is meant is another namespace's.
func elsewhere(p *v1alpha1.Plan) { p.Spec.Providers[0].Namespace = "pay" }

// without: the spec names another provider alone.
func without(p *v1alpha1.Plan) { p.Spec.Providers[0].Name = "second" }

// A provider's name may mean another product or account than it did when the Plan was made there: what the operator
// takes off sale then is shown, in its order.
func TestWhatANameMeantBefore(t *testing.T) {
	retired := []string{
		"retire ArchiveProduct kassa_u1", "retire ClearDefault kassa_u1", "retire ArchivePrice price_kassa_u1",
	}
	marked := []string{"change UpdateProduct prod_b", "change UpdatePrice price_prod_b"}
	both := func() map[string]*shelf {
		return map[string]*shelf{"shop/stripe": new(shelf).put("kassa_u1", mine).put("prod_b", billing.Owner{})}
	}
	one, shared := new(shelf).put("kassa_u1", mine), both()["shop/stripe"]
	for name, test := range map[string]struct {
		plan    *v1alpha1.Plan
		shelves map[string]*shelf
		// steps have an empty one between sales.
		steps  []string
		says   string // a notice, or a failure
		equal  bool
		failed int
	}{
		"the same": {plan: pro(), shelves: both(), equal: true},
		"another product": {
			plan: pro(adopting), shelves: both(), steps: join(retired, marked),
			says: "when this name meant another product or account",
		},
		"and back": {
			plan: pro(func(p *v1alpha1.Plan) {
				p.Status.Providers[0].ProductID, p.Status.Providers[0].Adopted = "prod_a", true
			}),
			shelves: map[string]*shelf{"shop/stripe": new(shelf).put("prod_a", mine)},
			// What is archived has the Plan's marks, by which the operator finds it again.
			steps: join([]string{
				"retire ArchiveProduct prod_a", "retire ClearDefault prod_a", "retire ArchivePrice price_prod_a",
			}, []string{"change UpdateProduct prod_a", "change UpdatePrice price_prod_a", "change SetDefault price_prod_a"}),
		},
		"another account": {
			plan: pro(elsewhere), shelves: map[string]*shelf{
				"shop/stripe": new(shelf).put("kassa_u1", mine), "pay/stripe": {},
			},
			steps: join(retired, []string{"create CreateProduct ", "create CreatePrice ", "change SetDefault <new> monthly"}),
		},
		"another PaymentProvider of the account": {
			plan: pro(elsewhere), shelves: map[string]*shelf{"shop/stripe": one, "pay/stripe": one},
			equal: true,
		},
		"an account that is gone": {
			plan: pro(elsewhere), shelves: map[string]*shelf{"pay/stripe": {}},
			says: "does not exist", failed: 1,
		},
		"may not write": {
			plan: pro(adopting, management(v1alpha1.ManagementObserve)), shelves: both(),
			says: "is not compared as long as that is on sale",
		},
		"still sold under another name": {
			plan: pro(adopting, taken), shelves: map[string]*shelf{"shop/stripe": shared, "shop/second": shared},
			steps: append([]string{"", ""}, marked...),
		},
		"left there": {
			plan: pro(adopting, orphan), shelves: both(), steps: join([]string{}, marked),
			says: "Orphan leaves everything",
		},
		"another Plan's by now": {
			plan:    pro(adopting),
			shelves: map[string]*shelf{"shop/stripe": new(shelf).put("kassa_u1", theirs).put("prod_b", billing.Owner{})},
			steps:   join([]string{}, marked),
			says:    "kassa_u1 belongs to Plan shop/other (cluster c); Kassa does not touch it, so it stays as it is",
		},
		"not named any more, and another Plan's": {
			plan: pro(without), shelves: map[string]*shelf{"shop/stripe": new(shelf).put("kassa_u1", theirs), "shop/second": {}},
			steps: join([]string{"create CreateProduct ", "create CreatePrice ", "change SetDefault <new> monthly"}, nil),
			says:  "so it stays as it is",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := compare(t, test.plan, test.shelves)
			g.Expect(shown(r)).To(Equal(test.steps))
			g.Expect(r.Summary.Equal == 1).To(Equal(test.equal))
			g.Expect(r.Summary.Failed).To(Equal(test.failed))
			var out strings.Builder
			g.Expect(r.People(&out)).To(Succeed())
			g.Expect(out.String()).To(ContainSubstring(test.says))
		})
	}
}

func join(first, second []string) []string {
	return append(append(append([]string{}, first...), ""), second...)
}

// shown are the operations, with an empty line before each sale but the first.
func shown(r *preview.Report) []string {
	var out []string
	for i, sale := range r.Plans {
		if i > 0 {
			out = append(out, "")
		}
		for _, op := range sale.Operations {
			out = append(out, strings.Join([]string{string(op.Action), op.Operation, op.ID}, " "))
		}
	}
	return out
}

// What Kassa never made at the provider, nobody has changed there.
func TestWhatWasNeverMadeIsNoDrift(t *testing.T) {
	g := NewWithT(t)
	fresh := func(p *v1alpha1.Plan) { p.Status.Providers = nil }
	drifted := ContainElement(HaveField("Drift", true))
	r := compare(t, pro(management(v1alpha1.ManagementPreview), fresh), map[string]*shelf{"shop/stripe": {}})
	g.Expect(r.Plans[0].Differences).To(And(Not(BeEmpty()), Not(drifted)))
	r = compare(t, pro(), map[string]*shelf{"shop/stripe": {}})
	g.Expect(r.Plans[0].Differences).To(drifted, "somebody removed it")
}
