package paddle

import (
	"slices"
	"time"
)

// Product is a product on the wire.
type Product struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	TaxCategory string         `json:"tax_category"`
	Type        string         `json:"type"` // standard or custom
	Description *string        `json:"description"`
	ImageURL    *string        `json:"image_url"`
	CustomData  map[string]any `json:"custom_data"` // numbers are json.Number
	Status      string         `json:"status"`      // active or archived
	ImportMeta  *ImportMeta    `json:"import_meta"`
	CreatedAt   string         `json:"created_at"`
	UpdatedAt   string         `json:"updated_at"`
}

// ImportMeta says where an object was imported from.
type ImportMeta struct {
	ExternalID   *string `json:"external_id"`
	ImportedFrom string  `json:"imported_from"`
}

type productWithPrices struct {
	*Product
	Prices []*Price `json:"prices"`
}

// productTime and priceTime are how Paddle writes times: with digits that differ by the kind of object.
const (
	productTime = "2006-01-02T15:04:05.000Z"
	priceTime   = "2006-01-02T15:04:05.999999Z"
)

var (
	productFields = shape{
		"name":         {required: true, check: text(1, 200)},
		"tax_category": {required: true, check: oneOf(taxCategories)},
		"description":  {null: true, check: text(0, 2048)},
		"type":         {check: oneOf(catalogTypes)},
		"image_url":    {null: true, check: image},
		"custom_data":  {null: true, check: object},
	}
	productChanges = withStatus(productFields)
)

// withStatus makes of the fields of a create those of an update.
func withStatus(s shape) shape {
	s = s.optional()
	s["status"] = field{check: oneOf(statuses)}
	return s
}

func (p *Product) key() string       { return p.ID }
func (p *Product) createdAt() string { return p.CreatedAt }
func (p *Product) state() string     { return p.Status }
func (p *Product) kind() string      { return p.Type }
func (p *Product) now(t time.Time)   { p.UpdatedAt = t.UTC().Format(productTime) }

func (a *account) approves(category string) *apiError {
	if slices.Contains(a.taxCategories, category) {
		return nil
	}
	return newError(400, "products", "product_tax_category_not_approved",
		"tax category "+category+" is not approved for this account")
}

func (c *call) createProduct() (any, *apiError) {
	if err := c.read(productFields); err != nil {
		return nil, err
	}
	p, err := overlay(&Product{Type: standard, Status: active}, c.fields)
	if err != nil {
		return nil, err
	}
	if err := c.approves(p.TaxCategory); err != nil {
		return nil, err
	}
	p.ID = c.newID("pro")
	p.now(c.clock())
	p.CreatedAt = p.UpdatedAt
	c.products, c.productByID[p.ID] = append(c.products, p), p
	c.writes.ProductsCreated++
	c.emit("product.created", p)
	return p, nil
}

func (c *call) getProduct() (any, *apiError) {
	p := c.productByID[c.id]
	if p == nil {
		return nil, notFound(c.id)
	}
	prices, err := c.include("prices")
	if err != nil {
		return nil, err
	}
	if !prices {
		return p, nil
	}
	return productWithPrices{p, c.pricesOf(p.ID)}, nil
}

func (c *call) updateProduct() (any, *apiError) {
	old := c.productByID[c.id]
	if old == nil {
		return nil, notFound(c.id)
	}
	if err := c.read(productChanges); err != nil {
		return nil, err
	}
	p, err := overlay(old, c.fields)
	if err != nil {
		return nil, err
	}
	if c.frozen(old.Status, p.Status) {
		return nil, archived("Product", old.ID)
	}
	if p.TaxCategory != old.TaxCategory {
		if err := c.approves(p.TaxCategory); err != nil {
			return nil, err
		}
	}
	p.now(c.clock())
	*old = *p
	c.writes.ProductsUpdated++
	c.emit("product.updated", old)
	return old, nil
}

// frozen tells whether the request changes an archived object without making it active.
func (c *call) frozen(before, after string) bool {
	_, status := c.fields["status"]
	others := len(c.fields) > 1 || (len(c.fields) == 1 && !status)
	return before == archivedStatus && after == archivedStatus && others
}

func (c *call) listProducts() (any, *apiError) {
	prices, err := c.include("prices")
	if err != nil {
		return nil, err
	}
	categories, err := c.filter("tax_category", taxCategories)
	if err != nil {
		return nil, err
	}
	found, at, err := list(c, c.products, c.productByID, productOrders, func(p *Product) bool {
		return categories.has(p.TaxCategory)
	})
	if err != nil {
		return nil, err
	}
	rows := make([]any, len(found))
	for i, p := range found {
		rows[i] = p
		if prices {
			rows[i] = productWithPrices{p, c.pricesOf(p.ID)}
		}
	}
	return listing{rows, at}, nil
}

var productOrders = map[string]func(*Product) string{
	"id":           func(p *Product) string { return p.ID },
	"created_at":   func(p *Product) string { return p.CreatedAt },
	"custom_data":  func(p *Product) string { return jsonText(p.CustomData) },
	"description":  func(p *Product) string { return deref(p.Description) },
	"image_url":    func(p *Product) string { return deref(p.ImageURL) },
	"name":         func(p *Product) string { return p.Name },
	"status":       func(p *Product) string { return p.Status },
	"tax_category": func(p *Product) string { return p.TaxCategory },
	"updated_at":   func(p *Product) string { return p.UpdatedAt },
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
