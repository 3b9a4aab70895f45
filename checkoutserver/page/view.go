package page

import (
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// frame is what all pages share.
type frame struct {
	Lang, Dir, Title, Nonce string
	Style                   template.CSS
	Words                   *words
}

func (p *Pages) frame(l locale, nonce, title string) frame {
	return frame{Lang: l.tag.String(), Dir: "ltr", Title: title, Nonce: nonce, Style: style, Words: l.text()}
}

// view is the pricing page.
type view struct {
	frame
	Description string
	Test        bool
	Periods     []link
	Currencies  []link
	// Interval and Currency are the choice, for the form of a long list of currencies.
	Interval, Currency string
	Plans              []plan
}

// link is one side of a switch.
type link struct {
	Name, Href string
	Current    bool
}

type plan struct {
	Name, Description, Image string
	Features                 []string
	Offers                   []offer
}

// First is the offer beside the name. The others come after the features, so that cards stand in line.
func (p plan) First() []offer { return p.Offers[:min(1, len(p.Offers))] }

// Rest says that there is something below the first offer. An empty part would take room all the same.
func (p plan) Rest() bool {
	return len(p.Features) > 0 || len(p.Offers) > 1 ||
		slices.ContainsFunc(p.First(), func(o offer) bool { return o.Tiers != nil })
}

// More are the other offers.
func (p plan) More() []offer { return p.Offers[len(p.First()):] }

// offer is a price with its button.
type offer struct {
	ID                    string // in the page
	Action, Token         string // of its form
	Plan, Price, Currency string
	Heading               string // where a plan has several offers
	Amount                string // or the words in its place
	Words                 bool   // Amount is words, which are set smaller
	Per, Notes            []string
	Trial                 string
	Tiers                 *table // nil where the amount says all
	Button                string
	Link                  string // instead of a form
	Second                bool
}

// manyCurrencies and more are a list to pick from. Fewer are links.
const manyCurrencies = 5

func (p *Pages) view(s *sale, c choice, nonce, token string) view {
	l := locales[c.locale]
	title := p.settings.Page.Title
	if title == "" {
		title = l.text().Title
	}
	v := view{frame: p.frame(l, nonce, title), Description: p.settings.Page.Description, Test: s.test,
		Interval: key(c.period), Currency: string(c.currency)}
	if len(s.periods) > 1 {
		for _, r := range s.periods {
			v.Periods = append(v.Periods, link{l.periodName(r.Interval, r.Count), p.href(key(r), c.currency), r == c.period})
		}
	}
	if len(s.currencies) > 1 {
		for _, code := range s.currencies {
			v.Currencies = append(v.Currencies, link{string(code), p.href(key(c.period), code), code == c.currency})
		}
	}
	shown := shownPrices(s.doc, c)
	whole := allWhole(shown, c.currency)
	for i := range s.doc.Plans {
		v.Plans = append(v.Plans, p.plan(&s.doc.Plans[i], shown[i], c, whole))
		for j := range v.Plans[i].Offers {
			o := &v.Plans[i].Offers[j]
			o.ID, o.Token, o.Second = fmt.Sprintf("offer-%d-%d", i, j), token, j > 0
		}
	}
	return v
}

// Listed says that the currencies are a list to pick from.
func (v view) Listed() bool { return len(v.Currencies) >= manyCurrencies }

func (p *Pages) href(interval string, c billing.Currency) string {
	q := url.Values{"currency": {string(c)}}
	if interval != "" {
		q.Set("interval", interval)
	}
	return p.path(PathPricing) + "?" + q.Encode()
}

// shownPrices are each plan's prices of the period, and its one-time prices. A plan without the period shows what it
// has, so that no plan is missing.
func shownPrices(doc *storefront.Document, c choice) [][]*storefront.Price {
	all := make([][]*storefront.Price, len(doc.Plans))
	for i := range doc.Plans {
		var recurring, once, others []*storefront.Price
		for j := range doc.Plans[i].Prices {
			price := &doc.Plans[i].Prices[j]
			switch {
			case price.Recurring == nil:
				once = append(once, price)
			case normal(*price.Recurring) == c.period:
				recurring = append(recurring, price)
			default:
				others = append(others, price)
			}
		}
		if len(recurring) == 0 {
			recurring = others
		}
		isDefault := func(p *storefront.Price) bool { return p.Name == doc.Plans[i].DefaultPrice }
		slices.SortStableFunc(recurring, func(a, b *storefront.Price) int {
			switch {
			case isDefault(a) == isDefault(b):
				return 0
			case isDefault(a):
				return -1
			default:
				return 1
			}
		})
		all[i] = slices.Concat(recurring, once)
	}
	return all
}

// amountIn is what a unit of a price costs in the currency, or in its own where it has no other; where there are tiers,
// the first unit. ok is false of a price that an operator without tiers wrote.
func amountIn(p *storefront.Price, c billing.Currency) (a storefront.Amount, ok bool) {
	if tiered(p) {
		return entryOf(p, c).Amount, true
	}
	if len(p.Amounts) == 0 {
		return storefront.Amount{Currency: p.Currency}, false
	}
	if i := slices.IndexFunc(p.Amounts, func(a storefront.Amount) bool { return a.Currency == c }); i >= 0 {
		return p.Amounts[i], true
	}
	return p.Amounts[0], true
}

// allWhole says that no amount of the page needs decimals. Then none has any, and otherwise all have.
func allWhole(shown [][]*storefront.Price, c billing.Currency) bool {
	for _, prices := range shown {
		for _, price := range prices {
			if a, ok := amountIn(price, c); ok && !isWhole(a.Minor, a.Currency) {
				return false
			}
			if tiered(price) && !wholeTiers(price.Tiers, c) {
				return false
			}
		}
	}
	return true
}

func (p *Pages) plan(from *storefront.Plan, prices []*storefront.Price, c choice, whole bool) plan {
	out := plan{Name: from.DisplayName, Description: from.Description, Features: from.Features}
	if out.Name == "" {
		out.Name = from.Name
	}
	if strings.HasPrefix(from.ImageURL, "https://") {
		out.Image = from.ImageURL
	}
	for _, price := range prices {
		o := p.offer(from, price, c, whole)
		o.Button = strings.ReplaceAll(locales[c.locale].text().Choose, "{plan}", out.Name)
		if len(prices) > 1 {
			o.Heading = price.DisplayName
		}
		out.Offers = append(out.Offers, o)
	}
	return out
}

func (p *Pages) offer(of *storefront.Plan, price *storefront.Price, c choice, whole bool) offer {
	l, w := locales[c.locale], locales[c.locale].text()
	a, known := amountIn(price, c.currency)
	o := offer{Plan: of.Name, Price: price.Name, Currency: string(a.Currency)}
	if known {
		o.Amount = l.money(a.Minor, a.Currency, whole)
	} else {
		o.Amount, o.Words = w.ByAmount, true
	}
	perUnit := of.UnitLabel != "" || price.Metered
	if tiered(price) {
		e := entryOf(price, c.currency)
		if perUnit = e.perUnit; e.from {
			o.Amount = strings.ReplaceAll(w.From, "{amount}", o.Amount)
		}
		o.Tiers = l.table(of, price, c.currency, whole)
	}
	o.Per, o.Notes = l.terms(of, price, perUnit)
	if price.Trial != nil && price.Trial.Days > 0 {
		o.Trial = w.TrialDays.with(l.tag, price.Trial.Days)
	}
	if p.settings.Anonymous {
		o.Action = p.path(PathBuy)
	} else {
		o.Link = p.appLink(o)
	}
	return o
}

// terms are what stands beside an amount, and below it. Of usage, the period says when it is billed, and is no part of
// what a unit costs.
func (l locale) terms(of *storefront.Plan, price *storefront.Price, perUnit bool) (per, notes []string) {
	w, period := l.text(), l.text().Once
	if r := price.Recurring; r != nil {
		period = l.period(r.Interval, r.Count)
	}
	if perUnit {
		per = append(per, l.perUnit(of))
	}
	if price.Metered {
		notes = append(notes, w.Metered)
	}
	if price.Metered && perUnit {
		notes = append(notes, period)
	} else {
		per = append(per, period)
	}
	switch price.Tax {
	case billing.TaxInclusive:
		notes = append(notes, w.Inclusive)
	case billing.TaxExclusive:
		notes = append(notes, w.Exclusive)
	}
	return per, notes
}

// appLink tells the app what was chosen. The app asks for the checkout, because it knows the user.
func (p *Pages) appLink(o offer) string {
	u := *p.app
	q := u.Query()
	q.Set("plan", o.Plan)
	q.Set("price", o.Price)
	q.Set("currency", o.Currency)
	u.RawQuery = q.Encode()
	return u.String()
}
