package stripe

import (
	"context"
	"net/http"
	"slices"
	"strings"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const opCreatePrice = "create price"

// CreatePrice creates a price. It takes the lookup key from the price that holds it, in the same call.
func (c *catalog) CreatePrice(ctx context.Context, in provider.CreatePrice) (billing.Price, error) {
	if _, err := newPriceParams(in); err != nil {
		return billing.Price{}, err
	}
	return create(in.IdempotencyKey, func(key string) (billing.Price, answer, error) {
		params, err := newPriceParams(in)
		if err != nil {
			return billing.Price{}, answer{}, err
		}
		out := &stripe.Price{}
		params.IdempotencyKey = stripe.String(key)
		a, err := c.call(ctx, request{
			op: opCreatePrice, method: http.MethodPost, path: "/v1/prices", params: params, out: out,
			valid: func() bool { return isPrice(out) },
		})
		if err != nil || a.replayed() {
			return priceOf(out), a, err // what is repeated is read afresh
		}
		p, _, err := c.whole(ctx, out)
		return p, a, err
	}, func(p billing.Price) (billing.Price, error) {
		now, err := c.getPrice(ctx, p.ID)
		if err == nil && (now.Owner != in.Owner || now.Name != in.Name || now.LookupKey != in.LookupKey) {
			// Somebody spoiled it since, and nothing would find it as the owner's any more.
			err = &provider.Error{
				Class: provider.ClassNotFound, Provider: billing.Stripe, Operation: opCreatePrice,
				Message: p.ID + " has lost its marks or its lookup key",
			}
		}
		return now, err
	})
}

func newPriceParams(in provider.CreatePrice) (*stripe.PriceParams, error) {
	terms := in.Spec.Terms
	if err := checkTerms(terms); err != nil {
		return nil, refuse(opCreatePrice, err.Error())
	}
	amount, currency, err := toStripe(terms.Money)
	if err != nil {
		return nil, refuse(opCreatePrice, err.Error())
	}
	p := &stripe.PriceParams{
		Product: stripe.String(in.ProductID), Currency: stripe.String(currency),
		Metadata: priceMarks(in.Owner, in.Name, in.KeptKey, false), Expand: expansions(terms),
	}
	// Unspecified is sent too: left out, the account's own default might apply.
	if behavior, ok := taxBehaviors[terms.TaxBehavior]; ok {
		p.TaxBehavior = stripe.String(string(behavior))
	}
	if in.Spec.DisplayName != "" {
		p.Nickname = stripe.String(in.Spec.DisplayName)
	}
	if in.LookupKey != "" {
		p.LookupKey, p.TransferLookupKey = stripe.String(in.LookupKey), stripe.Bool(true)
	}
	if terms.TierMode == "" {
		p.UnitAmount = stripe.Int64(amount)
	} else {
		p.BillingScheme = stripe.String(string(stripe.PriceBillingSchemeTiered))
		p.TiersMode = stripe.String(string(tierModes[terms.TierMode]))
		p.Tiers = tierParams(terms.Tiers, terms.Money.Currency)
	}
	p.Recurring = recurringParams(terms)
	for _, o := range terms.Options {
		if p.CurrencyOptions == nil {
			p.CurrencyOptions = map[string]*stripe.PriceCurrencyOptionsParams{}
		}
		p.CurrencyOptions[strings.ToLower(string(o.Money.Currency))] = optionParams(o, terms, p.TaxBehavior)
	}
	return p, nil
}

func recurringParams(terms billing.PriceTerms) *stripe.PriceRecurringParams {
	if terms.Recurring == (billing.Recurring{}) {
		return nil
	}
	r := &stripe.PriceRecurringParams{
		Interval:      stripe.String(string(intervals[terms.Recurring.Interval])),
		IntervalCount: stripe.Int64(int64(max(terms.Recurring.Count, 1))),
	}
	if terms.Metered != "" {
		r.UsageType = stripe.String(string(stripe.PriceRecurringUsageTypeMetered))
		r.AggregateUsage = stripe.String(string(aggregates[terms.Metered]))
	}
	return r
}

// optionParams gives each option the price's tax behaviour: Stripe keeps one for each currency.
func optionParams(
	o billing.CurrencyOption, terms billing.PriceTerms, behavior *string,
) *stripe.PriceCurrencyOptionsParams {
	p := &stripe.PriceCurrencyOptionsParams{TaxBehavior: behavior}
	if terms.TierMode == "" {
		amount, _, _ := toStripe(o.Money) // checkTerms has taken it
		p.UnitAmount = stripe.Int64(amount)
		return p
	}
	for _, t := range tierParams(o.Tiers, o.Money.Currency) {
		p.Tiers = append(p.Tiers, (*stripe.PriceCurrencyOptionsTierParams)(t))
	}
	return p
}

// tierParams always has an amount for each unit, because a tier must have one amount at least, and 0 is one.
func tierParams(tiers []billing.Tier, c billing.Currency) []*stripe.PriceTierParams {
	amount := func(minor int64) *int64 {
		n, _, _ := toStripe(billing.Money{Minor: minor, Currency: c}) // checkTerms has taken it
		return &n
	}
	out := make([]*stripe.PriceTierParams, 0, len(tiers))
	for _, t := range tiers {
		p := &stripe.PriceTierParams{UnitAmount: amount(t.Unit)}
		if t.Flat != 0 {
			p.FlatAmount = amount(t.Flat)
		}
		if t.UpTo == 0 {
			p.UpToInf = stripe.Bool(true)
		} else {
			p.UpTo = stripe.Int64(t.UpTo)
		}
		out = append(out, p)
	}
	return out
}

// UpdatePrice changes what the patch names, which is all that Stripe lets change on a price, but for its metadata.
func (c *catalog) UpdatePrice(ctx context.Context, id string, in provider.PricePatch) (billing.Price, error) {
	p := &stripe.PriceParams{
		Active: in.Active, Nickname: in.DisplayName, LookupKey: in.LookupKey, Expand: expansions(in.Current.Spec.Terms),
	}
	if in.LookupKey != nil && *in.LookupKey != "" {
		p.TransferLookupKey = stripe.Bool(true)
	}
	if in.Owner != nil {
		name, kept := in.Current.Name, in.Current.KeptKey
		if in.Name != nil {
			name = *in.Name
		}
		if in.KeptKey != nil {
			kept = *in.KeptKey
		}
		p.Metadata = priceMarks(*in.Owner, name, kept, in.Current.KeptKey != "")
	}
	out := &stripe.Price{}
	_, err := c.call(ctx, request{
		op: "update price", method: http.MethodPost, path: stripe.FormatURLPath("/v1/prices/%s", id), params: p,
		out: out, valid: func() bool { return isPrice(out) },
	})
	if err != nil {
		return billing.Price{}, err
	}
	updated, _, err := c.whole(ctx, out)
	return updated, err
}

// expansions name what an answer lacks otherwise: tiers, currency options, and of a price with tiers those of each
// option, which Stripe shows only when the currency is named.
func expansions(terms billing.PriceTerms) []*string {
	paths := []string{"tiers", "currency_options"}
	for _, o := range terms.Options {
		if terms.TierMode != "" {
			paths = append(paths, tiersOf(strings.ToLower(string(o.Money.Currency))))
		}
	}
	return stripe.StringSlice(paths)
}

func tiersOf(currency string) string { return "currency_options." + currency + ".tiers" }

func (c *catalog) getPrice(ctx context.Context, id string) (billing.Price, error) {
	out, err := c.readPrice(ctx, id, expansions(billing.PriceTerms{}))
	if err != nil {
		return billing.Price{}, err
	}
	p, _, err := c.whole(ctx, out)
	return p, err
}

func (c *catalog) readPrice(ctx context.Context, id string, expand []*string) (*stripe.Price, error) {
	out := &stripe.Price{}
	_, err := c.call(ctx, request{
		op: "get price", method: http.MethodGet, path: stripe.FormatURLPath("/v1/prices/%s", id),
		params: &stripe.PriceParams{Expand: expand}, out: out, valid: func() bool { return isPrice(out) },
	})
	return out, err
}

// whole makes a price of an answer. A list cannot name the currencies of each price, so one with tiers in several
// currencies is read once more. Kassa's own price whose tiers are not shown even then is an error: it must not pass
// for one with other terms, which would be replaced.
func (c *catalog) whole(ctx context.Context, p *stripe.Price) (out billing.Price, calls int, err error) {
	lacking := withoutTiers(p)
	if len(lacking) == 0 {
		return priceOf(p), 0, nil
	}
	expand := expansions(billing.PriceTerms{})
	for _, currency := range lacking {
		expand = append(expand, stripe.String(tiersOf(currency)))
	}
	full, err := c.readPrice(ctx, p.ID, expand)
	if err != nil {
		return billing.Price{}, 1, err
	}
	out = priceOf(full)
	if len(withoutTiers(full)) > 0 && !out.Owner.IsZero() {
		return billing.Price{}, 1, &provider.Error{
			Class: provider.ClassUnavailable, Provider: billing.Stripe, Operation: "get price",
			Message: p.ID + " is shown without the tiers of its currency options", Err: errUnexpected,
		}
	}
	return out, 1, nil
}

// withoutTiers are the currencies of a price with tiers whose own tiers the answer lacks, sorted.
func withoutTiers(p *stripe.Price) (currencies []string) {
	if p.BillingScheme != stripe.PriceBillingSchemeTiered {
		return nil
	}
	for code, o := range p.CurrencyOptions {
		if o != nil && len(o.Tiers) == 0 && code != string(p.Currency) {
			currencies = append(currencies, code)
		}
	}
	slices.Sort(currencies)
	return currencies
}
