package paddle

import (
	"fmt"
	"strconv"
	"time"
)

// Price is a price on the wire.
type Price struct {
	ID                 string              `json:"id"`
	ProductID          string              `json:"product_id"`
	Type               string              `json:"type"` // standard or custom
	Description        string              `json:"description"`
	Name               *string             `json:"name"`
	BillingCycle       *Duration           `json:"billing_cycle"` // nil: one-time
	TrialPeriod        *Duration           `json:"trial_period"`
	TaxMode            string              `json:"tax_mode"` // account_setting, external or internal
	UnitPrice          Money               `json:"unit_price"`
	UnitPriceOverrides []UnitPriceOverride `json:"unit_price_overrides"`
	CustomData         map[string]any      `json:"custom_data"` // numbers are json.Number
	Status             string              `json:"status"`      // active or archived
	Quantity           Quantity            `json:"quantity"`
	ImportMeta         *ImportMeta         `json:"import_meta"`
	CreatedAt          string              `json:"created_at"`
	UpdatedAt          string              `json:"updated_at"`
}

// Duration is a number of days, weeks, months or years.
type Duration struct {
	Interval  string `json:"interval"`
	Frequency int64  `json:"frequency"`
}

// Money is an amount in the currency's minor unit.
type Money struct {
	Amount       string `json:"amount"`
	CurrencyCode string `json:"currency_code"`
}

// UnitPriceOverride is what a price costs for buyers in some countries.
type UnitPriceOverride struct {
	CountryCodes []string `json:"country_codes"`
	UnitPrice    Money    `json:"unit_price"`
}

// Quantity is how many can be bought at once.
type Quantity struct {
	Minimum int64 `json:"minimum"`
	Maximum int64 `json:"maximum"`
}

type priceWithProduct struct {
	*Price
	Product *Product `json:"product"`
}

// maxFrequency is the largest number of units of a billing cycle or trial.
const maxFrequency = 999

var (
	moneyFields = shape{
		"amount":        {required: true, check: matching(`^\d{1,18}$`, "an integer in the currency's lowest denomination")},
		"currency_code": {required: true, check: oneOf(currencies)},
	}
	durationFields = shape{
		"interval":  {required: true, check: oneOf(intervals)},
		"frequency": {required: true, check: integer(-1<<31, 1<<31)}, // its bounds have errors of their own
	}
	overrideFields = shape{
		"country_codes": {required: true, check: listOf(1, len(countries), oneOf(countries))},
		"unit_price":    {required: true, check: moneyFields.check},
	}
	quantityFields = shape{
		"minimum": {required: true, check: integer(1, 999_999_999)},
		"maximum": {required: true, check: integer(1, 999_999_999)},
	}
	priceFields = shape{
		"description":          {required: true, check: both(text(2, 500), matching(`\S`, "more than spaces"))},
		"product_id":           {required: true, check: matching(`^pro_[a-z\d]{26}$`, "a valid Paddle ID for a product")},
		"unit_price":           {required: true, check: moneyFields.check},
		"type":                 {check: oneOf(catalogTypes)},
		"name":                 {null: true, check: text(1, 150)},
		"billing_cycle":        {null: true, check: durationFields.check},
		"trial_period":         {null: true, check: durationFields.check},
		"tax_mode":             {check: oneOf(taxModes)},
		"unit_price_overrides": {check: listOf(0, 250, overrideFields.check)},
		"quantity":             {check: quantityFields.check},
		"custom_data":          {null: true, check: object},
	}
	priceChanges = func() shape {
		s := withStatus(priceFields)
		delete(s, "product_id")
		return s
	}()
)

func (p *Price) key() string       { return p.ID }
func (p *Price) createdAt() string { return p.CreatedAt }
func (p *Price) state() string     { return p.Status }
func (p *Price) kind() string      { return p.Type }
func (p *Price) now(t time.Time)   { p.UpdatedAt = t.UTC().Format(priceTime) }

// consistent checks what the fields say together.
func (p *Price) consistent() *apiError {
	frequency := func(d *Duration, name string) *apiError {
		switch {
		case d == nil:
		case d.Frequency < 1:
			return priceError("price_"+name+"_frequency_below_1", name+".frequency must be greater than or equal to 1")
		case d.Frequency > maxFrequency:
			return priceError("price_"+name+"_frequency_greater_than_maximum",
				fmt.Sprintf("%s.frequency must be equal to or lower than %d", name, maxFrequency))
		}
		return nil
	}
	if err := frequency(p.BillingCycle, "billing_cycle"); err != nil {
		return err
	}
	if err := frequency(p.TrialPeriod, "trial_period"); err != nil {
		return err
	}
	if p.TrialPeriod != nil && p.BillingCycle == nil {
		return priceError("price_trial_period_requires_billing_cycle",
			"setting a trial_period requires billing_cycle to be set")
	}
	if p.Quantity.Maximum < p.Quantity.Minimum {
		return invalidFields(wrong("quantity.maximum", "must be greater than or equal to the minimum")...)
	}
	seen := map[string]bool{}
	for _, o := range p.UnitPriceOverrides {
		for _, country := range o.CountryCodes {
			if seen[country] {
				return priceError("price_duplicate_currency_override_for_country",
					"country "+country+" has more than one unit price override")
			}
			seen[country] = true
		}
	}
	return nil
}

func (c *call) createPrice() (any, *apiError) {
	if err := c.read(priceFields); err != nil {
		return nil, err
	}
	p, err := overlay(&Price{
		Type: standard, Status: active, TaxMode: "account_setting", Quantity: Quantity{1, 100},
		UnitPriceOverrides: []UnitPriceOverride{},
	}, c.fields)
	if err != nil {
		return nil, err
	}
	if err := p.consistent(); err != nil {
		return nil, err
	}
	product := c.productByID[p.ProductID]
	if product == nil {
		return nil, notFound(p.ProductID)
	}
	if product.Status == archivedStatus {
		return nil, archived("Product", product.ID)
	}
	p.ID = c.newID("pri")
	p.now(c.clock())
	p.CreatedAt = p.UpdatedAt
	c.prices, c.priceByID[p.ID] = append(c.prices, p), p
	c.writes.PricesCreated++
	c.emit("price.created", p)
	return p, nil
}

func (c *call) getPrice() (any, *apiError) {
	p := c.priceByID[c.id]
	if p == nil {
		return nil, notFound(c.id)
	}
	product, err := c.include("product")
	if err != nil {
		return nil, err
	}
	if !product {
		return p, nil
	}
	return priceWithProduct{p, c.productByID[p.ProductID]}, nil
}

func (c *call) updatePrice() (any, *apiError) {
	old := c.priceByID[c.id]
	if old == nil {
		return nil, notFound(c.id)
	}
	if err := c.read(priceChanges); err != nil {
		return nil, err
	}
	p, err := overlay(old, c.fields)
	if err != nil {
		return nil, err
	}
	if c.frozen(old.Status, p.Status) {
		return nil, archived("Price", old.ID)
	}
	if err := p.consistent(); err != nil {
		return nil, err
	}
	p.now(c.clock())
	*old = *p
	c.writes.PricesUpdated++
	c.emit("price.updated", old)
	return old, nil
}

func (c *call) listPrices() (any, *apiError) {
	product, err := c.include("product")
	if err != nil {
		return nil, err
	}
	products, err := c.filter("product_id", nil)
	if err != nil {
		return nil, err
	}
	recurring, err := c.filter("recurring", []string{"true", "false"})
	if err != nil {
		return nil, err
	}
	found, at, err := list(c, c.prices, c.priceByID, priceOrders, func(p *Price) bool {
		return products.has(p.ProductID) && recurring.has(strconv.FormatBool(p.BillingCycle != nil))
	})
	if err != nil {
		return nil, err
	}
	rows := make([]any, len(found))
	for i, p := range found {
		rows[i] = p
		if product {
			rows[i] = priceWithProduct{p, c.productByID[p.ProductID]}
		}
	}
	return listing{rows, at}, nil
}

// pricesOf are the prices that a product includes: the active ones that lists show.
func (c *call) pricesOf(product string) []*Price {
	out := []*Price{}
	for _, p := range c.prices {
		if p.ProductID == product && p.Status == active && p.Type == standard && shown(p, c.hidden) {
			out = append(out, p)
		}
	}
	return out
}

var priceOrders = map[string]func(*Price) string{
	"id":                       func(p *Price) string { return p.ID },
	"product_id":               func(p *Price) string { return p.ProductID },
	"status":                   func(p *Price) string { return p.Status },
	"tax_mode":                 func(p *Price) string { return p.TaxMode },
	"quantity.minimum":         func(p *Price) string { return number(p.Quantity.Minimum) },
	"quantity.maximum":         func(p *Price) string { return number(p.Quantity.Maximum) },
	"unit_price.amount":        func(p *Price) string { return padded(p.UnitPrice.Amount) },
	"unit_price.currency_code": func(p *Price) string { return p.UnitPrice.CurrencyCode },
	"billing_cycle.frequency":  func(p *Price) string { return number(p.cycle().Frequency) },
	"billing_cycle.interval":   func(p *Price) string { return p.cycle().Interval },
}

func (p *Price) cycle() Duration {
	if p.BillingCycle == nil {
		return Duration{}
	}
	return *p.BillingCycle
}

// padded makes the order of texts that of numbers.
func padded(number string) string { return fmt.Sprintf("%020s", number) }

func number(n int64) string { return padded(strconv.FormatInt(n, 10)) }
