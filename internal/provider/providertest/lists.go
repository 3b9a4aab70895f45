package providertest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// snapshot reads an account of more than one page, of which some is archived where Kassa can archive.
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
		product, price := f.fill(t, conn, i)
		products[product.ID], prices[price.ID] = product, price
	}
	s, err := catalog.Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Products).To(HaveLen(n))
	for _, p := range s.Products {
		g.Expect(cmp.Diff(products[p.ID], p)).To(BeEmpty())
	}
	g.Expect(s.Prices).To(HaveLen(n))
	for _, p := range s.Prices {
		want := prices[p.ID]
		if f.Adapter.Traits().ReadOnly {
			want.Created = p.Created // the seed does not know
		}
		g.Expect(cmp.Diff(want, p)).To(BeEmpty())
	}
	if f.PageSize > 0 {
		g.Expect(s.Calls).To(BeNumerically(">", empty.Calls), "one page did not hold it")
	}
	// What a snapshot says of an object is what an observation says: drift is compared with either.
	first := s.Prices[0]
	o, err := catalog.Observe(t.Context(), products[first.ProductID].Owner,
		provider.Known{ProductID: first.ProductID, PriceIDs: []string{first.ID}, Only: f.Adapter.Traits().ReadOnly})
	g.Expect(err).NotTo(HaveOccurred())
	expectSame(t, o, products[first.ProductID], first)
}

// manyPrices observes a product with more prices than one page holds, some of them archived.
func (f Fixture) manyPrices(t *testing.T) {
	conn := f.Connect(t)
	product := f.createProduct(t, conn, owner)
	prices := make([]billing.Price, 0, f.PageSize+1)
	for i := range f.PageSize + 1 {
		price := f.createPrice(t, conn, product, fmt.Sprintf("price-%d", i), usd(int64(100+i)))
		if i%40 == 0 {
			archived, err := conn.Catalog().UpdatePrice(t.Context(), price.ID,
				provider.PricePatch{Current: price, Active: ptr(false)})
			if err != nil {
				t.Fatal(err)
			}
			price = archived
		}
		prices = append(prices, price)
	}
	o, err := conn.Catalog().Observe(t.Context(), owner, provider.Known{ProductID: product.ID})
	if err != nil {
		t.Fatal(err)
	}
	expectSame(t, o, product, prices...)
}

// lagging observes what the lists do not show yet: the ids of the status are enough to find it, as it is now.
func (f Fixture) lagging(t *testing.T) {
	g := NewWithT(t)
	conn := f.Lagging(t)
	catalog := conn.Catalog()
	product := f.createProduct(t, conn, owner)
	first := f.createPrice(t, conn, product, "monthly", usd(2900))
	second := f.createPrice(t, conn, product, "monthly", usd(3900))
	s, err := catalog.Snapshot(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Prices).To(BeEmpty(), "the lists do not lag")
	expectObserved(t, conn, product, first, second)
	first, err = catalog.UpdatePrice(t.Context(), first.ID, provider.PricePatch{Current: first, Active: ptr(false)})
	g.Expect(err).NotTo(HaveOccurred())
	expectObserved(t, conn, product, first, second)
	k := known(product, first, second)
	k.Only = true
	o, err := catalog.Observe(t.Context(), owner, k)
	g.Expect(err).NotTo(HaveOccurred())
	expectSame(t, o, product, first, second)
}

// fill puts the i-th product with one price into the account.
func (f Fixture) fill(t *testing.T, conn provider.Connection, i int) (billing.Product, billing.Price) {
	t.Helper()
	name := fmt.Sprintf("plan-%d", i)
	if !f.writes() {
		spec := f.fitted(billing.ProductSpec{Name: name})
		price := f.plainPrice(int64(100 + i))
		id, ids := f.Seed(t, conn, spec, price)
		return billing.Product{ID: id, Active: true, Spec: spec},
			billing.Price{ID: ids[0], ProductID: id, Active: true, Spec: price}
	}
	o := owner
	o.UID, o.Name = fmt.Sprintf("uid-%d", i), name
	product := f.createProduct(t, conn, o)
	price := f.createPrice(t, conn, product, o.Name, usd(int64(100+i)))
	if i%10 != 0 {
		return product, price
	}
	price, err := conn.Catalog().UpdatePrice(t.Context(), price.ID,
		provider.PricePatch{Current: price, Active: ptr(false)})
	if err != nil {
		t.Fatal(err)
	}
	product, err = conn.Catalog().UpdateProduct(t.Context(), product.ID,
		provider.ProductPatch{Current: product, Active: ptr(false)})
	if err != nil {
		t.Fatal(err)
	}
	return product, price
}

// foreign reads what somebody made without Kassa: it has no marks, and is found only when it is asked for by its id.
func (f Fixture) foreign(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	spec := f.plainProduct()
	monthly, yearly := f.plainPrice(2900), f.plainPrice(29000)
	yearly.Terms.Recurring.Interval = billing.Year
	id, ids := f.Seed(t, conn, spec, monthly, yearly)
	other, _ := f.Seed(t, conn, f.fitted(billing.ProductSpec{Name: "Basic"}), f.plainPrice(900))
	g.Expect(ids).To(HaveLen(2))
	g.Expect(other).NotTo(Equal(id))

	o, err := catalog.Observe(t.Context(), owner, provider.Known{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(o.Product).To(BeNil(), "nobody asked for it")
	for _, k := range []provider.Known{
		{ProductID: id, PriceIDs: ids, Only: true}, {ProductID: id}, {ProductID: id, PriceIDs: []string{f.GonePrice}},
	} {
		o, err := catalog.Observe(t.Context(), owner, k)
		g.Expect(err).NotTo(HaveOccurred())
		product := billing.Product{ID: id, Active: true, Spec: spec}
		if o.Product != nil {
			product.DefaultPriceID = o.Product.DefaultPriceID
		}
		created := map[string]billing.Price{}
		for _, p := range o.Prices {
			created[p.ID] = p
		}
		expectSame(t, o, product,
			billing.Price{ID: ids[0], ProductID: id, Active: true, Created: created[ids[0]].Created, Spec: monthly},
			billing.Price{ID: ids[1], ProductID: id, Active: true, Created: created[ids[1]].Created, Spec: yearly})
		g.Expect(o.Twins).To(BeEmpty())
		if o.Product == nil {
			continue
		}
		s, err := catalog.Snapshot(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(s.Products).To(HaveLen(2))
		g.Expect(s.Products).To(ContainElement(*o.Product), "a snapshot says what an observation says")
		g.Expect(s.Prices).To(HaveLen(3))
		for _, p := range o.Prices {
			g.Expect(s.Prices).To(ContainElement(p))
		}
	}
}

// adopt makes a foreign product the owner's own.
func (f Fixture) adopt(t *testing.T) {
	g := NewWithT(t)
	conn := f.Connect(t)
	catalog := conn.Catalog()
	id, ids := f.Seed(t, conn, f.plainProduct(), f.plainPrice(2900))
	k := provider.Known{ProductID: id, PriceIDs: ids, Only: true}
	before, err := catalog.Observe(t.Context(), owner, k)
	g.Expect(err).NotTo(HaveOccurred())
	product, err := catalog.UpdateProduct(t.Context(), id, provider.ProductPatch{Current: *before.Product, Owner: &owner})
	g.Expect(err).NotTo(HaveOccurred())
	price, err := catalog.UpdatePrice(t.Context(), ids[0], provider.PricePatch{
		Current: before.Prices[0], Owner: &owner, Name: ptr("monthly"),
	})
	g.Expect(err).NotTo(HaveOccurred())
	wantProduct, wantPrice := *before.Product, before.Prices[0]
	wantProduct.Owner, wantPrice.Owner, wantPrice.Name = owner, owner, "monthly"
	g.Expect(cmp.Diff(wantProduct, product)).To(BeEmpty())
	g.Expect(cmp.Diff(wantPrice, price)).To(BeEmpty())
	after, err := catalog.Observe(t.Context(), owner, k)
	g.Expect(err).NotTo(HaveOccurred())
	expectSame(t, after, wantProduct, wantPrice)
}
