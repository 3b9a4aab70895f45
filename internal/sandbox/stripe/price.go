package stripe

import (
	"net/http"
	"slices"
)

func createPrice(c *call) (any, *apiError) {
	product, data := c.p.text("product"), c.p.hash("product_data")
	switch {
	case product != "" && data != nil:
		return nil, invalid("product", "parameters_exclusive",
			"You may only specify one of these parameters: product, product_data.")
	case product == "" && data == nil:
		return nil, invalid("product", "parameter_missing",
			"You must specify either `product` or `product_data` when creating a price.")
	case product != "" && c.products.byID[product] == nil:
		return nil, missing(http.StatusBadRequest, "product", "product", product)
	}
	p, err := c.newPrice(c.p, product, "")
	if err != nil {
		return nil, err
	}
	if p.LookupKey != nil {
		if err := c.keyIsFree(*p.LookupKey, p); err != nil {
			return nil, err
		}
	}
	if data != nil {
		inner := *c
		inner.p = data
		made, err := createProduct(&inner)
		if err != nil {
			return nil, err
		}
		p.Product = made.(*Product).ID
	}
	if p.LookupKey != nil {
		c.takeKey(*p.LookupKey, p)
	}
	c.insertPrice(p)
	return p, nil
}

// newPrice reads a price that is not inserted yet.
func (c *call) newPrice(in params, product, prefix string) (*Price, *apiError) {
	currency, err := readCurrency(in.text("currency"), nested(prefix, "currency"))
	if err != nil {
		return nil, err
	}
	p := &Price{
		ID: newID("price"), Object: "price", Active: in.orTrue("active"), BillingScheme: "per_unit",
		Created: c.now().Unix(), Currency: currency, Livemode: c.live, Nickname: in.optional("nickname"),
		LookupKey: in.optional("lookup_key"), Product: product, TaxBehavior: "unspecified", Type: "one_time",
		TiersMode: in.optional("tiers_mode"), CustomUnitAmount: readCustomAmount(in.hash("custom_unit_amount")),
	}
	if p.Metadata, err = mergeMetadata(nil, in); err != nil {
		return nil, err
	}
	if in.has("billing_scheme") {
		p.BillingScheme = in.text("billing_scheme")
	}
	if in.has("tax_behavior") {
		p.TaxBehavior = in.text("tax_behavior")
	}
	if p.Recurring, err = readRecurring(in.hash("recurring"), nested(prefix, "recurring")); err != nil {
		return nil, err
	}
	if p.Recurring != nil {
		p.Type = "recurring"
	}
	if t := in.hash("transform_quantity"); t != nil {
		p.TransformQuantity = &TransformQuantity{DivideBy: t.integer("divide_by"), Round: t.text("round")}
	}
	if p.UnitAmount, p.UnitAmountDecimal, err = readAmount(in, "unit_amount", currency, prefix); err != nil {
		return nil, err
	}
	if p.Tiers, err = readTiers(in, currency, prefix); err != nil {
		return nil, err
	}
	if err := p.consistent(); err != nil {
		return nil, err
	}
	p.CurrencyOptions, err = p.readOptions(in.hash("currency_options"), nil)
	return p, err
}

// consistent applies the rules between the parameters of a new price.
func (p *Price) consistent() *apiError {
	switch {
	case p.BillingScheme == "tiered" && p.Recurring == nil:
		return invalid("interval", "", "Prices with `type=one_time` are not supported with tiered billing.")
	case p.BillingScheme == "tiered" && (p.Tiers == nil || p.TiersMode == nil):
		return invalid("tiers", "parameter_missing",
			"`tiers` and `tiers_mode` must be given when `billing_scheme` is `tiered`.")
	case p.BillingScheme == "tiered" && p.UnitAmountDecimal != nil:
		return invalid("unit_amount", "", "`unit_amount` can't be given when `billing_scheme` is `tiered`.")
	case p.BillingScheme == "per_unit" && (p.Tiers != nil || p.TiersMode != nil):
		return invalid("tiers", "", "`tiers` and `tiers_mode` can only be given when `billing_scheme` is `tiered`.")
	case p.CustomUnitAmount != nil && (p.Recurring != nil || p.UnitAmountDecimal != nil):
		return invalid("custom_unit_amount", "", "`custom_unit_amount` can't be combined with `recurring` or "+
			"`unit_amount`.")
	case p.TransformQuantity != nil && p.BillingScheme == "tiered":
		return invalid("transform_quantity", "", "`transform_quantity` can't be combined with `tiers`.")
	case p.BillingScheme == "per_unit" && p.UnitAmountDecimal == nil && p.CustomUnitAmount == nil:
		return invalid("unit_amount", "parameter_missing",
			"Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.")
	}
	return nil
}

// readOptions merges a currency_options parameter into old.
func (p *Price) readOptions(in params, old map[string]CurrencyOption) (map[string]CurrencyOption, *apiError) {
	out := map[string]CurrencyOption{}
	for code, o := range old {
		out[code] = o
	}
	for code, v := range in {
		name := nested("currency_options", code)
		currency, err := readCurrency(code, name)
		if err != nil {
			return nil, err
		}
		if currency == p.Currency {
			return nil, invalid(name, "", "You are specifying a currency option that matches the top-level currency for "+
				"this price. Please remove this currency option and use the top-level params instead.")
		}
		option := v.(params)
		o := CurrencyOption{
			TaxBehavior: p.TaxBehavior, CustomUnitAmount: readCustomAmount(option.hash("custom_unit_amount")),
		}
		if option.has("tax_behavior") {
			o.TaxBehavior = option.text("tax_behavior")
		}
		if o.UnitAmount, o.UnitAmountDecimal, err = readAmount(option, "unit_amount", currency, name); err != nil {
			return nil, err
		}
		if o.Tiers, err = readTiers(option, currency, name); err != nil {
			return nil, err
		}
		if was, ok := old[currency]; ok && !o.priced() {
			was.TaxBehavior = o.TaxBehavior
			out[currency] = was
			continue
		}
		if (o.Tiers != nil) != (p.BillingScheme == "tiered") {
			return nil, invalid(name, "", "A currency option must use the same billing scheme as its price.")
		}
		if !sameEnds(p.Tiers, o.Tiers) {
			return nil, invalid(nested(name, "tiers"), "", "The tiers of a currency option must have the same `up_to` values "+
				"as those of its price.")
		}
		if !o.priced() {
			return nil, invalid(nested(name, "unit_amount"), "parameter_missing", "Missing required param: %s.",
				nested(name, "unit_amount"))
		}
		out[currency] = o
	}
	return out, nil
}

// allCurrencies is currency_options on the wire: the price's own currency is among them, and the tiers of each are
// left out unless they are expanded too.
func (p *Price) allCurrencies() object {
	out := object{p.Currency: CurrencyOption{
		CustomUnitAmount: p.CustomUnitAmount, TaxBehavior: p.TaxBehavior, UnitAmount: p.UnitAmount,
		UnitAmountDecimal: p.UnitAmountDecimal,
	}}
	for code, o := range p.CurrencyOptions {
		o.Tiers = nil
		out[code] = o
	}
	return out
}

func (p *Price) tiersIn(currency string) []Tier {
	if currency == p.Currency {
		return p.Tiers
	}
	return p.CurrencyOptions[currency].Tiers
}

func (o CurrencyOption) priced() bool {
	return o.Tiers != nil || o.UnitAmountDecimal != nil || o.CustomUnitAmount != nil
}

// sameEnds says whether the tiers of two currencies end at the same quantities.
func sameEnds(a, b []Tier) bool {
	return slices.EqualFunc(a, b, func(x, y Tier) bool {
		return (x.UpTo == nil) == (y.UpTo == nil) && (x.UpTo == nil || *x.UpTo == *y.UpTo)
	})
}

func (c *call) insertPrice(p *Price) {
	p.seq = c.next()
	c.prices.insert(p)
	c.byProduct[p.Product] = append(c.byProduct[p.Product], p)
	c.emit("price.created", p, nil, c.origin)
}

// keyIsFree refuses a lookup key that another price holds, active or not, unless it is to be moved.
func (c *call) keyIsFree(key string, to *Price) *apiError {
	holder := c.byLookup[key]
	if holder == nil || holder == to || c.p.boolean("transfer_lookup_key") {
		return nil
	}
	return refused("lookup_key", "", "A price (`%s`) already uses that lookup key.", holder.ID)
}

// takeKey moves the key from whichever price holds it. Only the holder's change is announced here.
func (c *call) takeKey(key string, to *Price) {
	if holder := c.byLookup[key]; holder != nil && holder != to {
		before := objectOf(holder)
		holder.LookupKey = nil
		c.updated("price.updated", before, holder, c.origin)
	}
	c.byLookup[key] = to
}

func (c *call) price() (*Price, *apiError) {
	p, ok := c.prices.byID[c.id]
	if !ok {
		return nil, missing(http.StatusNotFound, "price", "price", c.id)
	}
	return p, nil
}

func getPrice(c *call) (any, *apiError) {
	p, err := c.price()
	if err != nil {
		return nil, err
	}
	return p, nil
}

func updatePrice(c *call) (any, *apiError) {
	p, err := c.price()
	if err != nil {
		return nil, err
	}
	next := p.copy()
	if next.Metadata, err = mergeMetadata(p.Metadata, c.p); err != nil {
		return nil, err
	}
	if c.p.has("nickname") {
		next.Nickname = c.p.optional("nickname")
	}
	if c.p.has("active") {
		next.Active = c.p.boolean("active")
	}
	if product := c.products.byID[p.Product]; !next.Active && product != nil && product.DefaultPrice != nil &&
		*product.DefaultPrice == p.ID {
		return nil, refused("", "", "This price cannot be archived because it is the default price of its product.")
	}
	if tax := c.p.text("tax_behavior"); tax != "" && tax != p.TaxBehavior {
		if p.TaxBehavior != "unspecified" {
			return nil, refused("tax_behavior", "", "You cannot change the `tax_behavior` of a price once it has been set to "+
				"`%s`.", p.TaxBehavior)
		}
		next.TaxBehavior = tax
	}
	if next.CurrencyOptions, err = p.readOptions(c.p.hash("currency_options"), p.CurrencyOptions); err != nil {
		return nil, err
	}
	if c.p.has("lookup_key") {
		next.LookupKey = c.p.optional("lookup_key")
		if next.LookupKey != nil {
			if err := c.keyIsFree(*next.LookupKey, p); err != nil {
				return nil, err
			}
		}
	}
	c.commitPrice(p, next)
	return p, nil
}

func (c *call) commitPrice(p *Price, next Price) {
	if next.LookupKey != nil {
		c.takeKey(*next.LookupKey, p)
	}
	if p.LookupKey != nil && (next.LookupKey == nil || *next.LookupKey != *p.LookupKey) {
		delete(c.byLookup, *p.LookupKey)
	}
	before := objectOf(p)
	*p = next
	c.updated("price.updated", before, p, c.origin)
}

func listPrices(c *call) (any, *apiError) {
	rows := c.prices.rows
	if id := c.p.text("product"); id != "" {
		if c.products.byID[id] == nil {
			return nil, missing(http.StatusBadRequest, "product", "product", id)
		}
		rows = c.byProduct[id]
	}
	if c.p.has("lookup_keys") {
		rows = nil
		for key := range among(c.p, "lookup_keys") {
			if p := c.byLookup[key]; p != nil {
				rows = append(rows, p)
			}
		}
		slices.SortFunc(rows, func(a, b *Price) int { return int(a.seq - b.seq) })
	}
	picked, more, err := page(c.prices, rows, c.p, "price", c.priceFilter())
	if err != nil {
		return nil, err
	}
	return listOf("/v1/prices", picked, more), nil
}

// priceFilter lists active prices unless the request says otherwise.
func (c *call) priceFilter() func(*Price) bool {
	active, created, recurring := c.p.orTrue("active"), c.p.created(), c.p.hash("recurring")
	return func(p *Price) bool {
		switch {
		case p.Active != active || !created.has(p.Created):
			return false
		case c.p.has("product") && p.Product != c.p.text("product"):
			return false
		case c.p.has("currency") && p.Currency != c.p.text("currency"):
			return false
		case c.p.has("type") && p.Type != c.p.text("type"):
			return false
		case recurring == nil:
			return true
		}
		return p.Recurring != nil &&
			(!recurring.has("interval") || p.Recurring.Interval == recurring.text("interval")) &&
			(!recurring.has("usage_type") || p.Recurring.UsageType == recurring.text("usage_type"))
	}
}
