package lemonsqueezy

import (
	"cmp"
	"errors"
	"slices"
)

// Errors of the dashboard.
var (
	ErrNotFound = errors.New("no such object")
	ErrInvalid  = errors.New("a product needs an existing store, and each variant a price")
)

// Draft is a product that a seller makes in the dashboard.
type Draft struct {
	StoreID  int64          `json:"store_id"`
	Name     string         `json:"name"`
	Status   string         `json:"status,omitempty"` // default: published
	Live     bool           `json:"live,omitempty"`
	Variants []DraftVariant `json:"variants"`
}

// DraftVariant is a variant with its price.
type DraftVariant struct {
	Name   string `json:"name"`
	Status string `json:"status,omitempty"` // default: published
	Price  Price  `json:"price"`
}

func (s *Server) nextID() int64 {
	s.lastID++
	return s.lastID
}

func (s *Server) product(id int64) *Product {
	for _, p := range s.products {
		if p.ID == id {
			return p
		}
	}
	return nil
}

func (s *Server) variant(id int64) *Variant {
	for _, v := range s.variants {
		if v.ID == id {
			return v
		}
	}
	return nil
}

// AddStore makes a store, under the id given if it is not 0, and returns its id.
func (s *Server) AddStore(store Store) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	store.ID = cmp.Or(store.ID, s.nextID())
	store.Currency = cmp.Or(store.Currency, "USD")
	s.stores = append(s.stores, &store)
	return store.ID
}

// AddProduct makes a product with its variants and returns their ids.
func (s *Server) AddProduct(d Draft) (product int64, variants []int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := false
	for _, store := range s.stores {
		known = known || store.ID == d.StoreID
	}
	if !known || len(d.Variants) == 0 {
		return 0, nil, ErrInvalid
	}
	now := s.stamp()
	p := &Product{
		ID: s.nextID(), StoreID: d.StoreID, Name: d.Name, Slug: d.Name, Status: cmp.Or(d.Status, "published"),
		CreatedAt: now, UpdatedAt: now, TestMode: !d.Live,
	}
	s.products = append(s.products, p)
	for i, dv := range d.Variants {
		v := &Variant{
			ID: s.nextID(), ProductID: p.ID, Name: dv.Name, Slug: dv.Name, Status: cmp.Or(dv.Status, "published"),
			Sort: int64(i + 1), CreatedAt: now, UpdatedAt: now, TestMode: !d.Live,
		}
		s.variants = append(s.variants, v)
		s.addPrice(v.ID, dv.Price)
		variants = append(variants, v.ID)
	}
	return p.ID, variants, nil
}

func (s *Server) addPrice(variant int64, p Price) {
	p.ID, p.VariantID = s.nextID(), variant
	p.Category, p.Scheme = cmp.Or(p.Category, "subscription"), cmp.Or(p.Scheme, "standard")
	p.PackageSize, p.TaxCode = max(p.PackageSize, 1), cmp.Or(p.TaxCode, "eservice")
	p.CreatedAt, p.UpdatedAt = s.stamp(), s.stamp()
	s.prices = append(s.prices, &p)
}

// SetPrice gives a variant another price. The old one stays, as at LemonSqueezy.
func (s *Server) SetPrice(variant int64, p Price) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.variant(variant) == nil {
		return ErrNotFound
	}
	s.addPrice(variant, p)
	return nil
}

// CurrentPrice is a variant's newest price.
func (s *Server) CurrentPrice(variant int64) (Price, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.priceOf(variant); p != nil {
		return *p, nil
	}
	return Price{}, ErrNotFound
}

// EditProduct changes a product. Its id and store stay.
func (s *Server) EditProduct(id int64, edit func(*Product)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.product(id)
	if p == nil {
		return ErrNotFound
	}
	store := p.StoreID
	edit(p)
	p.ID, p.StoreID, p.UpdatedAt = id, store, s.stamp()
	return nil
}

// EditVariant changes a variant. Its id and product stay.
func (s *Server) EditVariant(id int64, edit func(*Variant)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.variant(id)
	if v == nil {
		return ErrNotFound
	}
	product := v.ProductID
	edit(v)
	v.ID, v.ProductID, v.UpdatedAt = id, product, s.stamp()
	return nil
}

// EditSubscription changes a subscription by hand, without an event: such as one that is paid by PayPal, for which the
// page has no button. Its id stays.
func (s *Server) EditSubscription(id int64, edit func(*Subscription)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subscription(id)
	if sub == nil {
		return ErrNotFound
	}
	edit(sub)
	sub.ID, sub.UpdatedAt = id, Stamp{s.now()}
	return nil
}

// Webhooks are the webhooks of both modes with their secrets, oldest first.
func (s *Server) Webhooks() []Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Webhook{}
	for _, w := range s.webhooks {
		c := *w
		c.Events = slices.Clone(w.Events)
		out = append(out, c)
	}
	return out
}

// State is a dump of everything, each object with its id.
func (s *Server) State() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	dump := map[string][]any{
		"stores": {}, "products": {}, "variants": {}, "prices": {}, "webhooks": {}, "checkouts": {}, "orders": {},
		"customers": {}, "subscriptions": {}, "subscription-invoices": {},
	}
	for _, x := range s.stores {
		dump["stores"] = append(dump["stores"], resource("stores", x.ID, *x))
	}
	for _, x := range s.products {
		dump["products"] = append(dump["products"], resource("products", x.ID, *x))
	}
	for _, x := range s.variants {
		dump["variants"] = append(dump["variants"], resource("variants", x.ID, *x))
	}
	for _, x := range s.prices {
		dump["prices"] = append(dump["prices"], resource("prices", x.ID, *x))
	}
	for _, x := range s.webhooks {
		dump["webhooks"] = append(dump["webhooks"], resource("webhooks", x.ID, *x))
	}
	for _, x := range s.checkouts {
		dump["checkouts"] = append(dump["checkouts"], resource("checkouts", x.ID, *x))
	}
	for _, x := range s.orders {
		dump["orders"] = append(dump["orders"], resource("orders", x.ID, *x))
	}
	for _, x := range s.customers {
		dump["customers"] = append(dump["customers"], resource("customers", x.ID, s.toldCustomer(x)))
	}
	for _, x := range s.subscriptions {
		dump["subscriptions"] = append(dump["subscriptions"], resource("subscriptions", x.ID, s.told(x)))
	}
	for _, x := range s.invoices {
		dump["subscription-invoices"] = append(dump["subscription-invoices"], resource("subscription-invoices", x.ID, *x))
	}
	out := map[string]any{}
	for k, v := range dump {
		out[k] = v
	}
	return out
}
