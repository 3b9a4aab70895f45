package providertest

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// idempotentCreate repeats creates as a process does that did not get the answer.
func (f Fixture) idempotentCreate(t *testing.T) {
	if !f.Adapter.Traits().IdempotentCreate {
		t.Skip("this provider has no idempotent creates")
	}
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	product := createProduct(t, conn, owner)
	g.Expect(createProduct(t, conn, owner)).To(Equal(product))

	in := newPrice(owner, product, "monthly", usd(2900))
	first, err := catalog.CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	again, err := catalog.CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(Equal(first))

	// The remembered answer must not hide what happened since.
	first, err = catalog.UpdatePrice(t.Context(), first.ID, provider.PricePatch{Current: first, Active: ptr(false)})
	g.Expect(err).NotTo(HaveOccurred())
	again, err = catalog.CreatePrice(t.Context(), in)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.Active).To(BeFalse())

	// A key that was used for another intent does not stop this one.
	other := newPrice(owner, product, "yearly", usd(29000))
	other.IdempotencyKey = in.IdempotencyKey
	second, err := catalog.CreatePrice(t.Context(), other)
	g.Expect(err).NotTo(HaveOccurred())
	expectObserved(t, conn, product, first, second)
}

func (f Fixture) snapshot(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	empty, err := catalog.Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(empty.Products).To(BeEmpty())
	g.Expect(empty.Prices).To(BeEmpty())
	g.Expect(empty.Calls).To(BeNumerically(">", 0))

	n := f.PageSize + 1
	products, prices := map[string]billing.Product{}, map[string]billing.Price{}
	for i := range n {
		o := owner
		o.UID, o.Name = fmt.Sprintf("uid-%d", i), fmt.Sprintf("plan-%d", i)
		product := createProduct(t, conn, o)
		price, err := catalog.CreatePrice(t.Context(), newPrice(o, product, o.Name, usd(int64(i))))
		g.Expect(err).NotTo(HaveOccurred())
		if i%10 == 0 {
			price, err = catalog.UpdatePrice(t.Context(), price.ID, provider.PricePatch{Current: price, Active: ptr(false)})
			g.Expect(err).NotTo(HaveOccurred())
			product, err = catalog.UpdateProduct(t.Context(), product.ID,
				provider.ProductPatch{Current: product, Active: ptr(false)})
			g.Expect(err).NotTo(HaveOccurred())
		}
		products[product.ID], prices[price.ID] = product, price
	}
	s, err := catalog.Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Products).To(HaveLen(n))
	for _, p := range s.Products {
		g.Expect(p).To(Equal(products[p.ID]))
	}
	g.Expect(s.Prices).To(HaveLen(n))
	for _, p := range s.Prices {
		g.Expect(p).To(Equal(prices[p.ID]))
	}
	if f.PageSize > 0 {
		g.Expect(s.Calls).To(BeNumerically(">", empty.Calls), "one page did not hold it")
	}
}

func (f Fixture) endpoints(t *testing.T) {
	g := NewWithT(t)
	endpoints := f.Connect(t).Endpoints()
	names, unknown := f.Adapter.Codec().NativeEvents([]string{"payment.*", "subscription.*"})
	g.Expect(unknown).To(BeEmpty())
	g.Expect(len(names)).To(BeNumerically(">", 2))
	receiver := billing.Owner{Cluster: "cluster-1", Namespace: "shop", Name: "hooks", UID: "uid-9"}
	spec := provider.EndpointSpec{Owner: receiver, URL: "https://hooks.example.com/a", Events: names[:2]}

	first, err := endpoints.Create(t.Context(), spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.Secret).NotTo(BeEmpty())
	want := provider.Endpoint{
		ID: first.ID, URL: spec.URL, Owner: receiver, Events: names[:2], Active: true, Mode: f.Mode, Secret: first.Secret,
	}
	g.Expect(first).To(Equal(want))
	second, err := endpoints.Create(t.Context(), spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second.ID).NotTo(Equal(first.ID))
	g.Expect(second.Secret).NotTo(Equal(first.Secret))

	spec.URL, spec.Events = "https://hooks.example.com/b", names[1:]
	spec.Owner.Name = "renamed"
	updated, err := endpoints.Update(t.Context(), first.ID, spec)
	g.Expect(err).NotTo(HaveOccurred())
	want.URL, want.Events, want.Owner, want.Secret = spec.URL, spec.Events, spec.Owner, updated.Secret
	g.Expect(updated).To(Equal(want))

	g.Expect(endpoints.Delete(t.Context(), second.ID)).To(Succeed())
	g.Expect(endpoints.Delete(t.Context(), second.ID)).To(Succeed(), "gone already")
	list, err := endpoints.List(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(1))
	want.Secret = list[0].Secret
	g.Expect(list[0]).To(Equal(want))

	_, err = endpoints.Update(t.Context(), second.ID, spec)
	g.Expect(provider.IsNotFound(err)).To(BeTrue(), "%v", err)
	spec.Events = []string{"no.such_event"}
	_, err = endpoints.Create(t.Context(), spec)
	g.Expect(err).To(MatchError(ContainSubstring("no.such_event")))
	g.Expect(provider.ClassOf(err)).To(Equal(provider.ClassTerminal))
}
