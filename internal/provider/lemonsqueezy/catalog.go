package lemonsqueezy

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// States of products and variants.
const (
	published = "published"
	pending   = "pending" // of the one variant of a product that has no others: it is as the product is
)

type product struct {
	StoreID  int64  `json:"store_id"`
	Name     string `json:"name"`
	Status   string `json:"status"`
	TestMode *bool  `json:"test_mode"`

	Description string `json:"description"`
}

type variant struct {
	ProductID int64  `json:"product_id"`
	Status    string `json:"status"`
	CreatedAt string `json:"created_at"`
	TestMode  *bool  `json:"test_mode"`

	Name           string `json:"name"`
	Description    string `json:"description"`
	HasLicenseKeys bool   `json:"has_license_keys"`
}

type catalog struct{ *connection }

// ProductID is empty: products are made in the dashboard.
func (c *catalog) ProductID(billing.Owner) string { return "" }

// LookupKey is empty: LemonSqueezy has none.
func (c *catalog) LookupKey(billing.Owner, string) string { return "" }

// Snapshot reads the store, its products, and the variants and prices of the account, of which those of other stores
// are left out.
func (c *catalog) Snapshot(ctx context.Context) (*provider.Snapshot, error) {
	s, err := c.readStore(ctx)
	if err != nil {
		return nil, err
	}
	products, n, err := list[product](ctx, &c.client, "list products", "/v1/products", "products",
		url.Values{"filter[store_id]": {c.store}})
	if err != nil {
		return nil, err
	}
	variants, m, err := list[variant](ctx, &c.client, "list variants", "/v1/variants", "variants", nil)
	if err != nil {
		return nil, err
	}
	prices, k, err := list[price](ctx, &c.client, "list prices", "/v1/prices", "prices", nil)
	if err != nil {
		return nil, err
	}
	out := &provider.Snapshot{Calls: 1 + n + m + k}
	current, siblings := newest(prices), c.byProduct(variants)
	for _, p := range products {
		if made, ok := c.productOf(p); ok {
			out.Products = append(out.Products, made)
			own := siblings[p.ID]
			for _, v := range own {
				out.Prices = append(out.Prices, priceOf(made, v, len(own) == 1, current[v.ID], s.Currency))
			}
		}
	}
	return out, nil
}

// Observe reads a product by its id. There are no marks to find one by.
func (c *catalog) Observe(
	ctx context.Context, _ billing.Owner, known provider.Known,
) (billing.Observed, error) {
	if !isID(known.ProductID) {
		return billing.Observed{}, nil
	}
	doc, err := get[product](ctx, &c.client, "get product", "/v1/products/"+known.ProductID, "products")
	if provider.IsNotFound(err) {
		return billing.Observed{}, nil
	}
	if err != nil {
		return billing.Observed{}, err
	}
	made, ok := c.productOf(doc.Data)
	if !ok || made.ID != known.ProductID {
		return billing.Observed{}, nil
	}
	s, err := c.readStore(ctx)
	if err != nil {
		return billing.Observed{}, err
	}
	variants, _, err := list[variant](ctx, &c.client, "list variants", "/v1/variants", "variants",
		url.Values{"filter[product_id]": {made.ID}})
	if err != nil {
		return billing.Observed{}, err
	}
	out := billing.Observed{Product: &made}
	own := c.byProduct(variants)[made.ID]
	for _, v := range own {
		prices, _, err := list[price](ctx, &c.client, "list prices", "/v1/prices", "prices",
			url.Values{"filter[variant_id]": {v.ID}})
		if err != nil {
			return billing.Observed{}, err
		}
		out.Prices = append(out.Prices, priceOf(made, v, len(own) == 1, newest(prices)[v.ID], s.Currency))
	}
	return out, nil
}

// productOf is false for a product of another store or mode.
func (c *catalog) productOf(p resource[product]) (billing.Product, bool) {
	a := p.Attributes
	if number(a.StoreID) != c.store || !c.ofMode(a.TestMode) {
		return billing.Product{}, false
	}
	return billing.Product{
		ID: p.ID, Active: a.Status == published, Spec: billing.ProductSpec{Name: a.Name}, Beyond: a.beyond(),
	}, true
}

// byProduct are the variants by their product's id, without those of the other mode. One that is not marked is of its
// product's.
func (c *catalog) byProduct(variants []resource[variant]) map[string][]resource[variant] {
	out := map[string][]resource[variant]{}
	for _, v := range variants {
		if a := v.Attributes; a.TestMode == nil || c.ofMode(a.TestMode) {
			out[number(a.ProductID)] = append(out[number(a.ProductID)], v)
		}
	}
	return out
}

// priceOf is a variant with its price. What is sold is the variant, so the id is the variant's. alone says that it is
// the product's only one.
func priceOf(p billing.Product, v resource[variant], alone bool, at *resource[price], currency string) billing.Price {
	onSale := v.Attributes.Status == published || alone && v.Attributes.Status == pending
	out := billing.Price{ID: v.ID, ProductID: p.ID, Active: p.Active && onSale, Beyond: v.Attributes.beyond()}
	if v.Attributes.Status != pending {
		out.Title = v.Attributes.Name // the one that is pending is called Default
	}
	if created, err := time.Parse(time.RFC3339Nano, v.Attributes.CreatedAt); err == nil {
		out.Created = created.UTC()
	}
	if at != nil {
		out.Spec = at.Attributes.spec(currency)
		out.BeyondTerms = at.Attributes.beyond()
	}
	return out
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func readOnly(op string) error {
	return &provider.Error{
		Class: provider.ClassTerminal, Provider: name, Operation: op,
		Message: "no API changes the catalogue; products and variants are made in the dashboard",
	}
}

// CreateProduct is refused: the API has no such call.
func (c *catalog) CreateProduct(context.Context, provider.CreateProduct) (billing.Product, error) {
	return billing.Product{}, readOnly("create product")
}

// UpdateProduct is refused: the API has no such call.
func (c *catalog) UpdateProduct(context.Context, string, provider.ProductPatch) (billing.Product, error) {
	return billing.Product{}, readOnly("update product")
}

// CreatePrice is refused: the API has no such call.
func (c *catalog) CreatePrice(context.Context, provider.CreatePrice) (billing.Price, error) {
	return billing.Price{}, readOnly("create price")
}

// UpdatePrice is refused: the API has no such call.
func (c *catalog) UpdatePrice(context.Context, string, provider.PricePatch) (billing.Price, error) {
	return billing.Price{}, readOnly("update price")
}
