package stripe

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
)

const (
	unitLabelMax  = 12
	descriptorMax = 22
	imagesMax     = 8
	descriptMax   = 40_000
)

var featureList = param{kind: list, max: 15, clearable: true, item: &param{
	kind: hash, fields: schema{"name": {kind: text, required: true, max: 80}},
}}

var dimensions = param{kind: hash, clearable: true, fields: schema{
	"height": {kind: decimal, required: true}, "length": {kind: decimal, required: true},
	"weight": {kind: decimal, required: true}, "width": {kind: decimal, required: true},
}}

var productCreate = schema{
	"active":               {kind: boolean},
	"default_price_data":   {kind: hash, fields: defaultPriceData},
	"description":          {kind: text, max: descriptMax},
	"features":             featureList,
	"id":                   {kind: text},
	"images":               {kind: list, max: imagesMax, item: &param{kind: link}},
	"metadata":             {kind: metadata, clearable: true},
	"name":                 {kind: text, required: true},
	"package_dimensions":   dimensions,
	"shippable":            {kind: boolean},
	"statement_descriptor": {kind: text, max: descriptorMax},
	"tax_code":             {kind: text},
	"unit_label":           {kind: text, max: unitLabelMax},
	"url":                  {kind: link},
}

var productUpdate = schema{
	"active":               {kind: boolean},
	"default_price":        {kind: text, clearable: true},
	"description":          {kind: text, max: descriptMax, clearable: true},
	"features":             featureList,
	"images":               {kind: list, max: imagesMax, clearable: true, item: &param{kind: link}},
	"metadata":             {kind: metadata, clearable: true},
	"name":                 {kind: text},
	"package_dimensions":   dimensions,
	"shippable":            {kind: boolean},
	"statement_descriptor": {kind: text, max: descriptorMax},
	"tax_code":             {kind: text, clearable: true},
	"unit_label":           {kind: text, max: unitLabelMax, clearable: true},
	"url":                  {kind: link, clearable: true},
}

var productList = listing(schema{
	"active": {kind: boolean}, "created": {kind: moments}, "shippable": {kind: boolean}, "url": {kind: text},
	"ids": {kind: list, item: &param{kind: text}},
})

var (
	productIDPattern = regexp.MustCompile(`^[A-Za-z0-9_.:\-]+$`)
	taxCodePattern   = regexp.MustCompile(`^txcd_\d{8}$`)
)

func createProduct(c *call) (any, *apiError) {
	id := c.p.text("id")
	switch {
	case id == "":
		id = newID("prod")
	case !productIDPattern.MatchString(id):
		return nil, invalid("id", "", "Invalid product id: '%s'.", id)
	case c.products.byID[id] != nil:
		return nil, refused("id", "resource_already_exists", "Product already exists.")
	}
	now := c.now().Unix()
	p := &Product{
		ID: id, Object: "product", Active: c.p.orTrue("active"), Created: now, Updated: now, Livemode: c.live,
		Features: []Feature{}, Images: []string{},
	}
	if err := p.apply(c.p); err != nil {
		return nil, err
	}
	var first *Price
	if data := c.p.hash("default_price_data"); data != nil {
		var err *apiError
		if first, err = c.newPrice(data, id, "default_price_data"); err != nil {
			return nil, err
		}
		p.DefaultPrice = &first.ID
	}
	p.seq = c.next()
	c.products.insert(p)
	c.emit("product.created", p, nil, c.origin)
	if first != nil {
		c.insertPrice(first)
	}
	return p, nil
}

// apply sets what create and update have in common.
func (p *Product) apply(in params) *apiError {
	meta, err := mergeMetadata(p.Metadata, in)
	if err != nil {
		return err
	}
	p.Metadata = meta
	if code := in.text("tax_code"); code != "" && !taxCodePattern.MatchString(code) {
		return missing(http.StatusBadRequest, "tax_code", "tax code", code)
	}
	for name, field := range map[string]**string{
		"description": &p.Description, "statement_descriptor": &p.StatementDescriptor, "tax_code": &p.TaxCode,
		"unit_label": &p.UnitLabel, "url": &p.URL,
	} {
		if in.has(name) {
			*field = in.optional(name)
		}
	}
	if in.has("name") {
		p.Name = in.text("name")
	}
	if in.has("shippable") {
		shippable := in.boolean("shippable")
		p.Shippable = &shippable
	}
	if in.has("images") {
		p.Images = in.texts("images")
	}
	if in.has("features") {
		p.Features = []Feature{}
		for _, f := range in.list("features") {
			p.Features = append(p.Features, Feature{Name: f.(params).text("name")})
		}
	}
	if in.has("package_dimensions") {
		p.PackageDimensions = nil
		if d := in.hash("package_dimensions"); d != nil {
			p.PackageDimensions = &PackageDimensions{
				Height: json.Number(d.text("height")), Length: json.Number(d.text("length")),
				Weight: json.Number(d.text("weight")), Width: json.Number(d.text("width")),
			}
		}
	}
	return nil
}

func updateProduct(c *call) (any, *apiError) {
	p, err := c.product()
	if err != nil {
		return nil, err
	}
	next := p.copy()
	if err := next.apply(c.p); err != nil {
		return nil, err
	}
	if c.p.has("active") {
		next.Active = c.p.boolean("active")
	}
	if c.p.has("default_price") {
		if next.DefaultPrice, err = c.defaultPrice(p); err != nil {
			return nil, err
		}
	}
	before := objectOf(p)
	if len(difference(before, objectOf(&next))) > 0 {
		next.Updated = c.now().Unix()
	}
	*p = next
	c.updated("product.updated", before, p, c.origin)
	return p, nil
}

// defaultPrice checks that the price in the parameters can be the product's default.
func (c *call) defaultPrice(of *Product) (*string, *apiError) {
	id := c.p.optional("default_price")
	if id == nil {
		return nil, nil
	}
	price := c.prices.byID[*id]
	switch {
	case price == nil:
		return nil, missing(http.StatusBadRequest, "default_price", "price", *id)
	case price.Product != of.ID:
		return nil, refused("default_price", "", "The price `%s` belongs to product `%s`, so it can't be the default price "+
			"of product `%s`.", price.ID, price.Product, of.ID)
	case !price.Active:
		return nil, refused("default_price", "", "The price `%s` is inactive. A default price must be active.", price.ID)
	}
	return id, nil
}

func (c *call) product() (*Product, *apiError) {
	p, ok := c.products.byID[c.id]
	if !ok {
		return nil, missing(http.StatusNotFound, "id", "product", c.id)
	}
	return p, nil
}

func getProduct(c *call) (any, *apiError) {
	p, err := c.product()
	if err != nil {
		return nil, err
	}
	return p, nil
}

func deleteProduct(c *call) (any, *apiError) {
	p, err := c.product()
	if err != nil {
		return nil, err
	}
	if len(c.byProduct[p.ID]) > 0 {
		return nil, refused("", "", "This product cannot be deleted because it has one or more user-created prices.")
	}
	c.products.remove(p)
	c.emit("product.deleted", p, nil, c.origin)
	return object{"id": p.ID, "object": "product", "deleted": true}, nil
}

func listProducts(c *call) (any, *apiError) {
	ids, created := among(c.p, "ids"), c.p.created()
	rows, more, err := page(c.products, c.products.rows, c.p, "product", func(p *Product) bool {
		switch {
		case c.p.has("active") && p.Active != c.p.boolean("active"):
			return false
		case c.p.has("shippable") && (p.Shippable != nil && *p.Shippable) != c.p.boolean("shippable"):
			return false
		case c.p.has("url") && (p.URL == nil || *p.URL != c.p.text("url")):
			return false
		}
		return (ids == nil || ids[p.ID]) && created.has(p.Created)
	})
	if err != nil {
		return nil, err
	}
	return listOf("/v1/products", rows, more), nil
}

// webURL tells whether the text is an absolute http or https URL with a host.
func webURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
