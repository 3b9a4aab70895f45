package stripe

import (
	"context"
	"fmt"
	"net/http"

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
		return priceOf(out), a, err
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
	amount, currency, err := toStripe(terms.Money)
	if err != nil {
		return nil, refuse(opCreatePrice, err.Error())
	}
	p := &stripe.PriceParams{
		Product: stripe.String(in.ProductID), Currency: stripe.String(currency), UnitAmount: stripe.Int64(amount),
		Metadata: priceMarks(in.Owner, in.Name),
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
	if terms.Recurring == (billing.Recurring{}) {
		return p, nil
	}
	interval, ok := intervals[terms.Recurring.Interval]
	if !ok {
		return nil, refuse(opCreatePrice, fmt.Sprintf("Stripe has no interval %q", terms.Recurring.Interval))
	}
	p.Recurring = &stripe.PriceRecurringParams{
		Interval: stripe.String(string(interval)), IntervalCount: stripe.Int64(int64(max(terms.Recurring.Count, 1))),
	}
	return p, nil
}

func priceMarks(o billing.Owner, name string) map[string]string {
	m := marks(o, markPlan)
	m[markPrice] = name
	return m
}

// UpdatePrice changes what the patch names, which is all that Stripe lets change on a price, but for its metadata.
func (c *catalog) UpdatePrice(ctx context.Context, id string, in provider.PricePatch) (billing.Price, error) {
	p := &stripe.PriceParams{Active: in.Active, Nickname: in.DisplayName, LookupKey: in.LookupKey}
	if in.LookupKey != nil && *in.LookupKey != "" {
		p.TransferLookupKey = stripe.Bool(true)
	}
	if in.Owner != nil {
		name := in.Current.Name
		if in.Name != nil {
			name = *in.Name
		}
		p.Metadata = priceMarks(*in.Owner, name)
	}
	out := &stripe.Price{}
	_, err := c.call(ctx, request{
		op: "update price", method: http.MethodPost, path: stripe.FormatURLPath("/v1/prices/%s", id), params: p,
		out: out, valid: func() bool { return isPrice(out) },
	})
	if err != nil {
		return billing.Price{}, err
	}
	return priceOf(out), nil
}
