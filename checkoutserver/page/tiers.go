package page

import (
	"slices"
	"strings"

	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// table says what a quantity costs.
type table struct {
	Name string
	Rows []row
	How  string // a quantity meets the rows; empty where there is one
}

type row struct{ Quantity, Price string }

// tierIn is what a tier costs in the currency, or in its first where it has no other.
func tierIn(t storefront.Tier, c billing.Currency) storefront.TierAmount {
	if i := slices.IndexFunc(t.Amounts, func(a storefront.TierAmount) bool { return a.Currency == c }); i >= 0 {
		return t.Amounts[i]
	}
	return t.Amounts[0]
}

// entry is what stands in large letters where there are tiers: what the first unit costs. Later ones may be cheaper,
// but nobody can buy those alone.
type entry struct {
	storefront.Amount

	perUnit bool // otherwise it is a whole bill
	from    bool // other quantities cost something else
}

func entryOf(price *storefront.Price, c billing.Currency) entry {
	tiers := price.Tiers.Tiers
	first := tierIn(tiers[0], c)
	e := entry{Amount: storefront.Amount{Currency: first.Currency, Minor: first.Unit}, perUnit: first.Flat == 0}
	if !e.perUnit {
		e.Minor = first.Flat
		if !price.Metered { // without usage, the flat amount is all there is to pay
			e.Minor += first.Unit
		}
	}
	e.from = len(tiers) > 1 || (first.Flat > 0 && first.Unit > 0)
	return e
}

// table is nil where the amount of a unit says all.
func (l locale) table(of *storefront.Plan, price *storefront.Price, c billing.Currency, whole bool) *table {
	if !entryOf(price, c).from {
		return nil
	}
	w, tiers := l.text(), price.Tiers.Tiers
	t := &table{Name: w.ByAmount}
	first := int64(1)
	for _, tier := range tiers {
		t.Rows = append(t.Rows, row{l.quantities(first, tier.UpTo), l.tier(of, tierIn(tier, c), whole)})
		first = tier.UpTo + 1
	}
	if len(tiers) > 1 {
		t.How = w.Graduated
		if price.Tiers.Mode == billing.TiersVolume {
			t.How = w.Volume
		}
	}
	return t
}

// quantities are a tier's, such as "1–10". A tier without end has 0 for its last one.
func (l locale) quantities(first, last int64) string {
	p := message.NewPrinter(l.tag)
	from := p.Sprint(number.Decimal(first))
	switch last {
	case 0:
		return strings.ReplaceAll(l.text().AndMore, "{n}", from)
	case first:
		return from
	default:
		return from + "–" + p.Sprint(number.Decimal(last))
	}
}

// tier is what a tier costs: "$20 flat + $5 per seat".
func (l locale) tier(of *storefront.Plan, a storefront.TierAmount, whole bool) string {
	var parts []string
	if a.Flat > 0 {
		parts = append(parts, strings.ReplaceAll(l.text().Flat, "{amount}", l.money(a.Flat, a.Currency, whole)))
	}
	if a.Unit > 0 || a.Flat == 0 {
		parts = append(parts, l.money(a.Unit, a.Currency, whole)+" "+l.perUnit(of))
	}
	return strings.Join(parts, " + ")
}

func (l locale) perUnit(of *storefront.Plan) string {
	if of.UnitLabel == "" {
		return l.text().PerOne
	}
	return strings.ReplaceAll(l.text().PerUnit, "{unit}", of.UnitLabel)
}

// tiered says whether there are tiers, and amounts in them.
func tiered(p *storefront.Price) bool {
	return p.Tiers != nil && len(p.Tiers.Tiers) > 0 &&
		!slices.ContainsFunc(p.Tiers.Tiers, func(t storefront.Tier) bool { return len(t.Amounts) == 0 })
}

func wholeTiers(t *storefront.Tiers, c billing.Currency) bool {
	for _, tier := range t.Tiers {
		if a := tierIn(tier, c); !isWhole(a.Unit, a.Currency) || !isWhole(a.Flat, a.Currency) {
			return false
		}
	}
	return true
}
