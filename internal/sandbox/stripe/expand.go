package stripe

import (
	"slices"
	"strings"
)

// expandable are the properties that a request can ask for in full, by the value of "object".
var expandable = map[string][]string{
	"product":          {"default_price"},
	"price":            {"product", "tiers", "currency_options"},
	"checkout.session": {"customer", "invoice", "line_items", "payment_intent", "subscription"},
	"subscription":     {"customer", "default_payment_method", "latest_invoice"},
	"invoice":          {"charge", "customer", "payment_intent", "subscription"},
	"payment_intent":   {"customer", "invoice", "latest_charge", "payment_method"},
	"charge":           {"customer", "invoice", "payment_intent"},
}

const expandDepth = 4

// expand replaces ids by their objects along the paths.
func (c *call) expand(result any, paths [][]string) (any, *apiError) {
	if l, ok := result.(*envelope); ok {
		for i, element := range l.Data {
			for _, path := range paths {
				if path[0] != "data" || len(path) < 2 {
					return nil, notExpandable(path)
				}
				full, err := c.expandOne(element, path[1:], path)
				if err != nil {
					return nil, err
				}
				element = full
			}
			l.Data[i] = element
		}
		return l, nil
	}
	for _, path := range paths {
		full, err := c.expandOne(result, path, path)
		if err != nil {
			return nil, err
		}
		result = full
	}
	return result, nil
}

func (c *call) expandOne(v any, path, whole []string) (object, *apiError) {
	if len(whole) > expandDepth {
		return nil, refused("", "", "You cannot expand more than %d levels of a property.", expandDepth)
	}
	out, ok := v.(object)
	if !ok {
		out = objectOf(v)
	} else {
		out = out.clone()
	}
	name := path[0]
	if !slices.Contains(expandable[out.text("object")], name) {
		return nil, notExpandable(whole)
	}
	if name == "currency_options" {
		return c.expandOptions(out, path[1:], whole)
	}
	full := c.property(out, name)
	if full == nil {
		return out, nil // null stays null
	}
	if len(path) > 1 {
		deeper, err := c.expandOne(full, path[1:], whole)
		if err != nil {
			return nil, err
		}
		full = deeper
	}
	out[name] = full
	return out, nil
}

// expandOptions shows a price's currency options, and the tiers of one of them when the path goes on to it: those of
// the others stay out.
func (c *call) expandOptions(price object, path, whole []string) (object, *apiError) {
	of := c.prices.byID[price.text("id")]
	if of == nil {
		return price, nil
	}
	options := of.allCurrencies()
	for code, shown := range priceOptions(price) {
		options[code] = shown
	}
	switch {
	case len(path) == 0:
	case len(path) == 2 && path[1] == "tiers":
		if option, ok := options[path[0]].(CurrencyOption); ok {
			option.Tiers = of.tiersIn(path[0])
			options[path[0]] = option
		}
	default:
		return nil, notExpandable(whole)
	}
	price["currency_options"] = options
	return price, nil
}

func priceOptions(price object) object {
	options, _ := price["currency_options"].(object)
	return options
}

func (c *call) property(wire object, name string) any {
	switch id := wire[name].(type) {
	case string:
		return c.find(id)
	case object:
		return id
	}
	price := c.prices.byID[wire.text("id")]
	switch {
	case price != nil && name == "tiers" && price.Tiers != nil:
		return price.Tiers
	case name == "line_items":
		if s := c.table("checkout.session").byID[wire.text("id")]; s != nil {
			return c.sessionItems(s)
		}
	}
	return nil
}

func notExpandable(path []string) *apiError {
	return refused("expand", "", "This property cannot be expanded (%s).", strings.Join(path, "."))
}
