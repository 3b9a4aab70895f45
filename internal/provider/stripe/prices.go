package stripe

import (
	"context"
	"net/http"
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
