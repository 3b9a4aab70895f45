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

// maxTiered is of how many currencies the tiers are asked for at once. Stripe documents how deep an expansion may be,
// and not how many there may be; with those of every price they are 20.
const maxTiered = 18

// expansions name what an answer lacks otherwise: tiers, currency options, and of a price with tiers those of each
// option, which Stripe shows only when the currency is named. Those of too many currencies are left to whole.
func expansions(terms billing.PriceTerms) []*string {
	var tiered []string
	if terms.TierMode != "" {
		for _, o := range terms.Options {
			tiered = append(tiered, strings.ToLower(string(o.Money.Currency)))
		}
	}
	return expandTiers(tiered[:min(len(tiered), maxTiered)])
}

func expandTiers(currencies []string) []*string {
	paths := []string{"tiers", "currency_options"}
	for _, code := range currencies {
		paths = append(paths, "currency_options."+code+".tiers")
	}
	return stripe.StringSlice(paths)
}

func (c *catalog) getPrice(ctx context.Context, id string) (billing.Price, error) {
	out, err := c.readPrice(ctx, id, nil)
	if err != nil {
		return billing.Price{}, err
	}
	p, _, err := c.whole(ctx, out)
	return p, err
}

// readPrice reads a price, with its tiers in some of its currencies.
func (c *catalog) readPrice(ctx context.Context, id string, currencies []string) (*stripe.Price, error) {
	out := &stripe.Price{}
	_, err := c.call(ctx, request{
		op: "get price", method: http.MethodGet, path: stripe.FormatURLPath("/v1/prices/%s", id),
		params: &stripe.PriceParams{Expand: expandTiers(currencies)}, out: out,
		valid: func() bool { return isPrice(out) },
	})
	return out, err
}

// whole makes a price of an answer. A list cannot name the currencies of each price, so one with tiers in several
// currencies is read once more, or several times where the currencies are many. Kassa's own price whose tiers are not
// shown even then is an error: it must not pass for one with other terms, which would be replaced.
func (c *catalog) whole(ctx context.Context, p *stripe.Price) (out billing.Price, calls int, err error) {
	for currencies := range slices.Chunk(withoutTiers(p), maxTiered) {
		more, err := c.readPrice(ctx, p.ID, currencies)
		calls++
		if err != nil {
			return billing.Price{}, calls, err
		}
		keepTiers(more, p)
		p = more
	}
	out = priceOf(p)
	if len(withoutTiers(p)) > 0 && !out.Owner.IsZero() {
		return billing.Price{}, calls, &provider.Error{
			Class: provider.ClassUnavailable, Provider: billing.Stripe, Operation: "get price",
			Message: p.ID + " is shown without the tiers of its currency options", Err: errUnexpected,
		}
	}
	return out, calls, nil
}

// keepTiers gives an answer about a price the tiers that only an earlier one was asked for.
func keepTiers(now, before *stripe.Price) {
	for code, o := range now.CurrencyOptions {
		if was := before.CurrencyOptions[code]; o != nil && was != nil && len(o.Tiers) == 0 {
			o.Tiers = was.Tiers
		}
	}
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
