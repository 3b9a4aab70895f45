package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Difference is one field in which a provider's catalogue is not as the plan says. Texts are for people; an empty one
// means that there is, or should be, nothing.
type Difference struct {
	Field string // a path as in the Plan's spec, such as prices[monthly].amount
	Want  string
	Got   string
}

// How the state of an object is written in a Difference.
const (
	active   = "active"
	archived = "archived"
)

// Compare lists every managed field that differs, in the order of the spec. Marks are not fields.
func (r Rules) Compare(want billing.Plan, have billing.Observed) ([]Difference, error) {
	s := r.state(&want, &have)
	if err := s.check(); err != nil {
		return nil, err
	}
	c := &comparison{state: s}
	if have.Product == nil {
		c.note("product", want.Product.Name, "")
		for _, p := range want.Prices {
			c.note(field(p.Name, ""), p.Spec.Terms.String(), "")
		}
		return c.list, nil
	}
	c.note("active", active, stateOf(have.Product.Active))
	c.productSpec(want.Product, have.Product.Spec)
	current := map[string]bool{}
	for _, p := range s.want.Prices {
		if id := c.price(p); id != "" {
			current[id] = true
		}
	}
	if r.Traits.DefaultPrice {
		c.defaultPrice()
	}
	for i := range have.Prices {
		p := &have.Prices[i]
		if p.Active && s.owns(p) && !current[p.ID] {
			c.note(fmt.Sprintf("prices[%s] %s", s.nameOf(p), p.ID), "", p.Spec.Terms.String())
		}
	}
	return c.list, nil
}

func field(price, of string) string {
	if of == "" {
		return fmt.Sprintf("prices[%s]", price)
	}
	return fmt.Sprintf("prices[%s].%s", price, of)
}

type comparison struct {
	*state
	list []Difference
}

func (c *comparison) note(field, want, got string) {
	if want != got {
		c.list = append(c.list, Difference{Field: field, Want: want, Got: got})
	}
}

func (c *comparison) productSpec(want, have billing.ProductSpec) {
	c.note("displayName", want.Name, have.Name)
	c.note("description", want.Description, have.Description)
	c.note("features", list(want.Features), list(have.Features))
	c.note("taxCode", want.TaxCode, have.TaxCode)
	c.note("unitLabel", want.UnitLabel, have.UnitLabel)
	c.note("imageURLs", list(want.ImageURLs), list(have.ImageURLs))
	keys := slices.Collect(maps.Keys(want.Metadata))
	for k := range have.Metadata {
		if _, both := want.Metadata[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		w, wanted := want.Metadata[k]
		h, there := have.Metadata[k]
		if w != h || wanted != there {
			c.list = append(c.list, Difference{Field: "metadata[" + k + "]", Want: w, Got: h})
		}
	}
}

// list is how several texts are written. The quotes keep a comma in a text apart from the one between two.
func list(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = strconv.Quote(t)
	}
	return strings.Join(quoted, ", ")
}

func stateOf(on bool) string {
	if on {
		return active
	}
	return archived
}

// price compares a wanted price with the one that serves it, or, where none has the wanted terms, with the one that is
// on sale under its name. It returns the id of that price.
func (c *comparison) price(want billing.DesiredPrice) string {
	have := c.choose(want)
	if have == nil {
		if _, have = c.predecessors(want.Name); have == nil {
			have = c.byID(c.adoptedID(want.Name))
		}
		if have == nil {
			c.note(field(want.Name, ""), want.Spec.Terms.String(), "")
			return ""
		}
		c.terms(want.Name, want.Spec.Terms, have.Spec.Terms)
	}
	c.note(field(want.Name, "active"), active, stateOf(have.Active))
	c.note(field(want.Name, "displayName"), want.Spec.DisplayName, have.Spec.DisplayName)
	c.note(field(want.Name, "trial"), days(want.Spec.TrialDays), days(have.Spec.TrialDays))
	// A price that is not marked yet has no key of Kassa's.
	if c.mine(have.Owner) {
		c.note(field(want.Name, "lookupKey"), c.key(want.Name).key, have.LookupKey)
	}
	return have.ID
}

func (c *comparison) adoptedID(name string) string {
	if c.want.Adopt == nil {
		return ""
	}
	return c.want.Adopt.Prices[name]
}

func days(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d days", n)
}

func (c *comparison) terms(name string, want, have billing.PriceTerms) {
	before := len(c.list)
	if have.Money.Currency == "" {
		c.note(field(name, "amount"), want.AmountString(), have.AmountString())
		return
	}
	amount := "amount"
	if want.TierMode != "" || have.TierMode != "" {
		amount = "tiers"
	}
	c.note(field(name, amount), want.AmountString(), have.AmountString())
	c.note(field(name, "currencyOptions"), want.OptionsString(), have.OptionsString())
	c.note(field(name, "recurring"), want.Recurring.String(), have.Recurring.String())
	c.note(field(name, "metered"), string(want.Metered), string(have.Metered))
	c.note(field(name, "taxBehavior"), string(want.TaxBehavior), string(have.TaxBehavior))
	if len(c.list) == before && !want.Equal(have) {
		c.note(field(name, "terms"), fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", have))
	}
}

func (c *comparison) defaultPrice() {
	if c.want.Default == "" {
		return
	}
	got := c.have.Product.DefaultPriceID
	for _, p := range c.want.Prices {
		if p.Name != c.want.Default {
			continue
		}
		chosen := c.choose(p)
		if chosen != nil && chosen.ID == got {
			return
		}
	}
	if p := c.byID(got); p != nil && p.Name != "" && p.Name != c.want.Default {
		got = p.Name
	}
	c.note("defaultPrice", c.want.Default, got)
}
