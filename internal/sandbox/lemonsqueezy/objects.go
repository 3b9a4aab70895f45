package lemonsqueezy

import (
	"encoding/json"
	"strconv"
)

// Store is a store on the wire.
type Store struct {
	ID       int64  `json:"-"`
	Name     string `json:"name"`
	Slug     string `json:"slug"`
	Country  string `json:"country"`
	Currency string `json:"currency"`
	Plan     string `json:"plan"`
}

// Product is a product on the wire.
type Product struct {
	ID          int64  `json:"-"`
	StoreID     int64  `json:"store_id"`
	Name        string `json:"name"`
	Slug        string `json:"slug"`
	Description string `json:"description"`
	Status      string `json:"status"` // draft or published
	CreatedAt   string `json:"created_at"`
	UpdatedAt   string `json:"updated_at"`
	TestMode    bool   `json:"test_mode"`
}

// Variant is a variant on the wire.
type Variant struct {
	ID        int64  `json:"-"`
	ProductID int64  `json:"product_id"`
	Name      string `json:"name"`
	Slug      string `json:"slug"`
	Status    string `json:"status"` // pending, draft or published
	Sort      int64  `json:"sort"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
	TestMode  bool   `json:"test_mode"`
}

// Price is a price on the wire. A variant's current price is its newest.
type Price struct {
	ID               int64   `json:"-"`
	VariantID        int64   `json:"variant_id"`
	Category         string  `json:"category"`          // one_time, subscription, lead_magnet or pwyw
	Scheme           string  `json:"scheme"`            // standard, package, graduated or volume
	UsageAggregation *string `json:"usage_aggregation"` // sum, last_during_period, last_ever or max
	UnitPrice        *int64  `json:"unit_price"`
	UnitPriceDecimal *string `json:"unit_price_decimal"`
	SetupFeeEnabled  *bool   `json:"setup_fee_enabled"`
	SetupFee         *int64  `json:"setup_fee"`
	PackageSize      int64   `json:"package_size"`
	Tiers            []Tier  `json:"tiers"`
	IntervalUnit     *string `json:"renewal_interval_unit"`
	IntervalCount    *int64  `json:"renewal_interval_quantity"`
	TrialUnit        *string `json:"trial_interval_unit"`
	TrialCount       *int64  `json:"trial_interval_quantity"`
	MinPrice         *int64  `json:"min_price"`
	SuggestedPrice   *int64  `json:"suggested_price"`
	TaxCode          string  `json:"tax_code"` // eservice, ebook or saas
	CreatedAt        string  `json:"created_at"`
	UpdatedAt        string  `json:"updated_at"`
}

// Tier is a range of quantities.
type Tier struct {
	LastUnit         LastUnit `json:"last_unit"`
	UnitPrice        *int64   `json:"unit_price"`
	UnitPriceDecimal *string  `json:"unit_price_decimal"`
	FixedFee         int64    `json:"fixed_fee"`
}

// LastUnit is the last quantity of a tier; 0 is written "inf".
type LastUnit int64

// MarshalJSON implements json.Marshaler.
func (l LastUnit) MarshalJSON() ([]byte, error) {
	if l == 0 {
		return []byte(`"inf"`), nil
	}
	return strconv.AppendInt(nil, int64(l), 10), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *LastUnit) UnmarshalJSON(b []byte) error {
	if string(b) == `"inf"` {
		*l = 0
		return nil
	}
	return json.Unmarshal(b, (*int64)(l))
}

func me(c *call) (any, *apiError) {
	user := map[string]string{"name": "Sandbox", "email": "sandbox@example.com"}
	doc, _ := document("users", int64(1), user).(map[string]any)
	if !c.hideMode {
		doc["meta"] = map[string]bool{"test_mode": c.test}
	}
	return doc, nil
}

func (c *call) id() int64 {
	n, err := strconv.ParseInt(c.r.PathValue("id"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func listStores(c *call) (any, *apiError) {
	if _, err := c.filtered(); err != nil {
		return nil, err
	}
	return page(c, "stores", c.stores, func(s *Store) int64 { return s.ID })
}

func getStore(c *call) (any, *apiError) {
	for _, s := range c.stores {
		if s.ID == c.id() {
			return document("stores", s.ID, s), nil
		}
	}
	return nil, notFound()
}

func listProducts(c *call) (any, *apiError) {
	passes, err := c.filtered("store_id")
	if err != nil {
		return nil, err
	}
	var all []*Product
	for _, p := range c.products {
		if p.TestMode == c.test && passes("store_id", p.StoreID) {
			all = append(all, p)
		}
	}
	return page(c, "products", all, func(p *Product) int64 { return p.ID })
}

func getProduct(c *call) (any, *apiError) {
	if p := c.product(c.id()); p != nil && p.TestMode == c.test {
		return document("products", p.ID, p), nil
	}
	return nil, notFound()
}

func listVariants(c *call) (any, *apiError) {
	passes, err := c.filtered("product_id", "status")
	if err != nil {
		return nil, err
	}
	var all []*Variant
	for _, v := range c.variants {
		if v.TestMode == c.test && passes("product_id", v.ProductID) && passes("status", v.Status) {
			all = append(all, v)
		}
	}
	return page(c, "variants", all, func(v *Variant) int64 { return v.ID })
}

func getVariant(c *call) (any, *apiError) {
	if v := c.variant(c.id()); v != nil && v.TestMode == c.test {
		return document("variants", v.ID, v), nil
	}
	return nil, notFound()
}

func listPrices(c *call) (any, *apiError) {
	passes, err := c.filtered("variant_id")
	if err != nil {
		return nil, err
	}
	var all []*Price
	for _, p := range c.prices {
		if v := c.variant(p.VariantID); v != nil && v.TestMode == c.test && passes("variant_id", p.VariantID) {
			all = append(all, p)
		}
	}
	return page(c, "prices", all, func(p *Price) int64 { return p.ID })
}

func getPrice(c *call) (any, *apiError) {
	for _, p := range c.prices {
		if v := c.variant(p.VariantID); p.ID == c.id() && v != nil && v.TestMode == c.test {
			return document("prices", p.ID, p), nil
		}
	}
	return nil, notFound()
}
