package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// changed are entries of status.catalogChanges: "a5" is product a at the fifth second.
func changed(entries ...string) (out []v1alpha1.CatalogChange) {
	for _, e := range entries {
		at := metav1.NewMicroTime(noon.Add(time.Duration(e[1]-'0') * time.Second))
		out = append(out, v1alpha1.CatalogChange{ProductID: e[:1], SeenAt: &at})
	}
	return out
}

// full is a ring that has no room for another product, of which the first kept are as they were.
func full(kept int) (before, now []v1alpha1.CatalogChange) {
	for i := range ringLength {
		at, earlier := metav1.NewMicroTime(noon.Add(time.Hour)), metav1.NewMicroTime(noon)
		product := fmt.Sprint("prod_", i)
		before = append(before, v1alpha1.CatalogChange{ProductID: product, SeenAt: &earlier})
		if i < kept {
			at = earlier
		}
		now = append(now, v1alpha1.CatalogChange{ProductID: product, SeenAt: &at})
	}
	return before, now
}

func TestNewsOfARing(t *testing.T) {
	fullBefore, fullNow := full(0)
	_, allButOne := full(1)
	cases := []struct {
		reason      string
		before, now []v1alpha1.CatalogChange
		products    []string
		count       int // instead of products
		all         bool
	}{
		{"nothing was there", nil, changed("a1", "b2"), []string{"a", "b"}, 2, false},
		{"nothing changed", changed("a1", "b2"), changed("a1", "b2"), nil, 0, false},
		{"one again, one new", changed("a1", "b2"), changed("a3", "c4", "b2"), []string{"a", "c"}, 2, false},
		{"an earlier time is of another replica's clock, and news", changed("a5"), changed("a3"), []string{"a"}, 1, false},
		{"what fell out is no news", changed("a1", "b2"), changed("b2"), nil, 0, false},
		{"a ring full of news may lack some", fullBefore, fullNow, nil, ringLength, true},
		{"one that is as it was proves that nothing fell out", fullBefore, allButOne, nil, ringLength - 1, false},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			products, all := ringOf(c.now).since(ringOf(c.before))
			slices.Sort(products)
			if c.products != nil {
				g.Expect(products).To(Equal(c.products))
			}
			g.Expect(products).To(HaveLen(c.count))
			g.Expect(all).To(Equal(c.all))
		})
	}
}

// A process that sees a receiver for the first time takes the latest entries for news: its first snapshots may be a
// little older than they are.
func TestNewsAtFirstSight(t *testing.T) {
	g := NewWithT(t)
	p := newPokes(&Reconciler{Now: func() time.Time { return noon.Add(firstSight + 5*time.Second) }})
	r := &v1alpha1.WebhookReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hooks", UID: "1"}}
	r.Spec.ProviderRef.Name = "stripe"
	r.Status.CatalogChanges = changed("c9", "b6", "a4")
	p.see(r)
	n := p.take()
	g.Expect(n).To(HaveLen(1))
	g.Expect(n[0].products).To(ConsistOf("b", "c"))
	g.Expect(n[0].all).To(BeFalse())
	p.see(r)
	g.Expect(p.take()).To(BeEmpty())
	r.Status.CatalogChanges = changed("a7", "c9", "b6")
	p.see(r)
	n = p.take()
	g.Expect(n).To(HaveLen(1))
	g.Expect(n[0].products).To(ConsistOf("a"))
	p.forget(r.UID)
	g.Expect(p.seen).To(BeEmpty())
}

func TestProductsOfAPlan(t *testing.T) {
	g := NewWithT(t)
	plan := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}
	plan.Spec.Providers = []v1alpha1.PlanProvider{
		{Name: "stripe"}, {Name: "paddle", Namespace: "pay", Adopt: &v1alpha1.Adopt{ProductID: "pro_1"}},
	}
	plan.Status.Providers = []v1alpha1.PlanProviderStatus{{Name: "stripe", ProductID: "prod_1"}, {Name: "new"}}
	in := func(namespace, name, product string) tip {
		t := tip{product: product}
		t.at.Namespace, t.at.Name = namespace, name
		return t
	}
	g.Expect(productsOf(plan)).To(Equal([]tip{in("shop", "stripe", "prod_1"), in("pay", "paddle", "pro_1")}))
	again := in("shop", "stripe", "prod_1")
	again.tries, again.due = 1, noon
	g.Expect(has(plan, again)).To(BeTrue())
	g.Expect(has(plan, in("pay", "stripe", "prod_1"))).To(BeFalse(), "another account may have a product of that id")
}
