package providertest

import (
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
	product := f.createProduct(t, conn, owner)
	g.Expect(f.createProduct(t, conn, owner)).To(Equal(product))

	in := f.newPrice(owner, product, "monthly", usd(2900))
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
	other := f.newPrice(owner, product, "yearly", usd(29000))
	other.IdempotencyKey = in.IdempotencyKey
	second, err := catalog.CreatePrice(t.Context(), other)
	g.Expect(err).NotTo(HaveOccurred())
	expectObserved(t, conn, product, first, second)
}

// twins repeats creates where nothing tells the provider that they are meant once: that is what Traits says, and why
// the executor writes a create down before it sends it.
func (f Fixture) twins(t *testing.T) {
	if f.Adapter.Traits().IdempotentCreate {
		t.Skip("this provider's creates are idempotent")
	}
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	first := f.createProduct(t, conn, owner)
	second := f.createProduct(t, conn, owner)
	g.Expect(second.ID).NotTo(Equal(first.ID))
	price := f.createPrice(t, conn, first, "monthly", usd(2900))
	twin := f.createPrice(t, conn, first, "monthly", usd(2900))
	g.Expect(twin.ID).NotTo(Equal(price.ID))
	his := f.createPrice(t, conn, second, "monthly", usd(2900))

	o, err := catalog.Observe(t.Context(), owner, known(first, price, twin))
	g.Expect(err).NotTo(HaveOccurred())
	expectSame(t, o, first, price, twin)

	o, err = catalog.Observe(t.Context(), owner, known(second, his))
	g.Expect(err).NotTo(HaveOccurred())
	expectSame(t, o, second, his)

	unknown, err := catalog.Observe(t.Context(), owner, provider.Known{})
	g.Expect(err).NotTo(HaveOccurred())
	again, err := catalog.Observe(t.Context(), owner, provider.Known{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.Product).To(Equal(unknown.Product), "every process picks the same")
	g.Expect(unknown.Product).NotTo(BeNil())
	g.Expect(unknown.Twins).To(HaveLen(1))

	k := known(first, price, twin)
	k.Only = true
	o, err = catalog.Observe(t.Context(), owner, k)
	g.Expect(err).NotTo(HaveOccurred())
	expectSame(t, o, first, price, twin)
	g.Expect(o.Twins).To(BeEmpty(), "of an adopted product nothing else is looked for")
}

// known checks what the ids of a status do, when they are of somebody else's objects, gone, or all that counts.
func (f Fixture) known(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	his := owner
	his.UID, his.Name = "uid-2", "basic"
	mine, other := f.createProduct(t, conn, owner), f.createProduct(t, conn, his)
	price := f.createPrice(t, conn, mine, "monthly", usd(2900))
	foreign := f.createPrice(t, conn, other, "monthly", usd(900))

	cases := []struct {
		reason string
		known  provider.Known
		want   *billing.Product
		prices []billing.Price
	}{
		{"nothing is known", provider.Known{}, &mine, []billing.Price{price}},
		{"all is known", known(mine, price), &mine, []billing.Price{price}},
		{"what was known is gone", provider.Known{ProductID: f.GoneProduct, PriceIDs: []string{f.GonePrice}}, &mine,
			[]billing.Price{price}},
		{"a price that was known is gone", provider.Known{ProductID: mine.ID, PriceIDs: []string{f.GonePrice}}, &mine,
			[]billing.Price{price}},
		{"adopted", provider.Known{ProductID: other.ID, PriceIDs: []string{foreign.ID}, Only: true}, &other,
			[]billing.Price{foreign}},
		{"adopted, and gone", provider.Known{ProductID: f.GoneProduct, Only: true}, nil, nil},
	}
	for _, c := range cases {
		o, err := catalog.Observe(t.Context(), owner, c.known)
		g.Expect(err).NotTo(HaveOccurred(), c.reason)
		if c.want == nil {
			g.Expect(o.Product).To(BeNil(), c.reason)
			g.Expect(o.Prices).To(BeEmpty(), c.reason)
			continue
		}
		g.Expect(o.Product).NotTo(BeNil(), c.reason)
		t.Run(c.reason, func(t *testing.T) { expectSame(t, o, *c.want, c.prices...) })
		g.Expect(o.Twins).To(BeEmpty(), c.reason)
	}
}
