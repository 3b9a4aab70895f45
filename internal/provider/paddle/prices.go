package paddle

import (
	"context"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func (c *catalog) readPrice(ctx context.Context, op, id string) (*paddle.Price, error) {
	if !ids.MatchString(id) {
		return nil, c.notFound(op, id)
	}
	ctx, sent := withCall(ctx, op)
	p, err := c.sdk.GetPrice(ctx, &paddle.GetPriceRequest{PriceID: id})
	if err == nil && (!isPrice(p) || p.ID != id) {
		err = errUnexpected
	}
	if err == nil {
		p.CustomData, err = exactData(sent.answer)
	}
	if err != nil {
		return nil, asError(op, err)
	}
	return p, nil
}

func (c *catalog) getPrice(ctx context.Context, id string) (billing.Price, error) {
	p, err := c.readPrice(ctx, "get price", id)
	if err != nil {
		return billing.Price{}, err
	}
	return priceOf(p), nil
}

// CreatePrice sends one request. Nothing keeps a second one from making another price. The quantity is left at Paddle's
// own default.
func (c *catalog) CreatePrice(ctx context.Context, in provider.CreatePrice) (billing.Price, error) {
	const op = "create price"
	if !ids.MatchString(in.ProductID) {
		return billing.Price{}, c.notFound(op, in.ProductID)
	}
	ctx, _ = withCall(ctx, op)
	mode := taxModes[in.Spec.Terms.TaxBehavior]
	req := &paddle.CreatePriceRequest{
		// The description is for the seller's own people and not managed afterwards: 2 to 500 characters.
		Description: provider.Truncate("Plan "+in.Owner.Namespace+"/"+in.Owner.Name+", price "+in.Name, 500),
		ProductID:   in.ProductID, UnitPrice: moneyTo(in.Spec.Terms.Money), TaxMode: &mode,
		BillingCycle: cycleTo(in.Spec.Terms.Recurring), TrialPeriod: trialTo(in.Spec.TrialDays),
		UnitPriceOverrides: overridesTo(in.Spec.Terms.Options),
		CustomData:         customData(nil, nil, false, &in.Owner, in.Name),
	}
	if in.Spec.DisplayName != "" {
		req.Name = &in.Spec.DisplayName
	}
	return c.price(op, "")(c.sdk.CreatePrice(ctx, req))
}

// UpdatePrice changes what the patch names, and never the terms, which Paddle would let change.
func (c *catalog) UpdatePrice(ctx context.Context, id string, in provider.PricePatch) (billing.Price, error) {
	const op = "update price"
	req := &paddle.UpdatePriceRequest{PriceID: id}
	if in.Active != nil {
		req.Status = paddle.NewPatchField(stateOf(*in.Active))
	}
	if in.DisplayName != nil {
		req.Name = paddle.NewPtrPatchField(*in.DisplayName)
		if *in.DisplayName == "" {
			req.Name = paddle.NewNullPatchField[*string]()
		}
	}
	if in.TrialDays != nil {
		req.TrialPeriod = paddle.NewNullPatchField[*paddle.Duration]()
		if trial := trialTo(*in.TrialDays); trial != nil {
			req.TrialPeriod = paddle.NewPtrPatchField(*trial)
		}
	}
	if in.Owner != nil {
		there, err := c.readPrice(ctx, op, id)
		if err != nil {
			return billing.Price{}, err
		}
		price := there.CustomData
		named := text(price, markPrice)
		if in.Name != nil {
			named = *in.Name
		}
		req.CustomData = paddle.NewPatchField(customData(price, nil, false, in.Owner, named))
	}
	if !ids.MatchString(id) {
		return billing.Price{}, c.notFound(op, id)
	}
	ctx, _ = withCall(ctx, op)
	return c.price(op, id)(c.sdk.UpdatePrice(ctx, req))
}

// price checks what the SDK returned; id is what it must have, if that is known.
func (c *catalog) price(op, id string) func(*paddle.Price, error) (billing.Price, error) {
	return func(p *paddle.Price, err error) (billing.Price, error) {
		if err == nil && (!isPrice(p) || id != "" && p.ID != id) {
			err = errUnexpected
		}
		if err != nil {
			return billing.Price{}, asError(op, err)
		}
		return priceOf(p), nil
	}
}
