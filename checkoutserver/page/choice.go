package page

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// choice is what of a document is shown, and how. There are few, because each part of it is one that the document has.
type choice struct {
	period   storefront.Recurring // zero: one-time prices are all there is
	currency billing.Currency
	locale   int
}

// periods are those of all prices, the shortest first.
func periods(doc *storefront.Document) []storefront.Recurring {
	var all []storefront.Recurring
	eachPrice(doc, func(p *storefront.Price) {
		if p.Recurring != nil && !slices.Contains(all, normal(*p.Recurring)) {
			all = append(all, normal(*p.Recurring))
		}
	})
	slices.SortStableFunc(all, func(a, b storefront.Recurring) int { return days(a) - days(b) })
	return all
}

// normal has a count, so that equal periods are equal.
func normal(r storefront.Recurring) storefront.Recurring {
	r.Count = max(r.Count, 1)
	return r
}

var daysOf = map[billing.Interval]int{billing.Day: 1, billing.Week: 7, billing.Month: 30, billing.Year: 365}

func days(r storefront.Recurring) int { return daysOf[r.Interval] * r.Count }

// currencies are those of all prices, in the order in which they are met.
func currencies(doc *storefront.Document) []billing.Currency {
	var all []billing.Currency
	eachPrice(doc, func(p *storefront.Price) {
		for _, c := range p.Currencies() {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	})
	return all
}

func eachPrice(doc *storefront.Document, visit func(*storefront.Price)) {
	for i := range doc.Plans {
		for j := range doc.Plans[i].Prices {
			visit(&doc.Plans[i].Prices[j])
		}
	}
}

// key is a period in a query: "month", "3-month".
func key(r storefront.Recurring) string {
	unit := strings.ToLower(string(r.Interval))
	if r.Count <= 1 {
		return unit
	}
	return strconv.Itoa(r.Count) + "-" + unit
}

// choose takes what the request asks for, where the document has it. What it does not ask for is by the first default
// price, and by the country that the browser names.
func (p *Pages) choose(s *sale, r *http.Request) choice {
	query := r.URL.Query()
	index, money := p.localeOf(r)
	c := choice{period: s.period, currency: s.currency, locale: index}
	if i := slices.IndexFunc(s.periods, func(r storefront.Recurring) bool {
		return key(r) == query.Get("interval")
	}); i >= 0 {
		c.period = s.periods[i]
	}
	for _, asked := range []string{money, strings.ToUpper(query.Get("currency"))} {
		if slices.Contains(s.currencies, billing.Currency(asked)) {
			c.currency = billing.Currency(asked)
		}
	}
	return c
}

// opening is what is shown when nothing is asked for.
func opening(doc *storefront.Document) (period storefront.Recurring, currency billing.Currency) {
	eachPrice(doc, func(p *storefront.Price) {
		if currency == "" {
			currency = p.Currency
		}
		if p.Recurring != nil && period.Interval == "" {
			period = normal(*p.Recurring)
		}
	})
	for i := range doc.Plans {
		for _, price := range doc.Plans[i].Prices {
			if price.Name == doc.Plans[i].DefaultPrice && price.Recurring != nil {
				return normal(*price.Recurring), currency
			}
		}
	}
	return period, currency
}
