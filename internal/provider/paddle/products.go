package paddle

import (
	"context"
	"maps"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

func productOf(p *paddle.Product) billing.Product {
	out := billing.Product{
		ID: p.ID, Owner: ownerOf(p.CustomData), Active: p.Status == paddle.StatusActive,
		Spec: billing.ProductSpec{
			Name: p.Name, TaxCode: string(p.TaxCategory), Metadata: userMetadata(p.CustomData),
		},
		Beyond: productBeyond(p),
	}
	if p.Description != nil {
		out.Spec.Description = *p.Description
	}
	if p.ImageURL != nil && *p.ImageURL != "" {
		out.Spec.ImageURLs = []string{*p.ImageURL}
	}
	return out
}

func (c *catalog) readProduct(ctx context.Context, op, id string) (*paddle.Product, error) {
	if !ids.MatchString(id) {
		return nil, c.notFound(op, id)
	}
	ctx, sent := withCall(ctx, op)
	p, err := c.sdk.GetProduct(ctx, &paddle.GetProductRequest{ProductID: id})
	if err == nil && (!isProduct(p) || p.ID != id) {
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

func (c *catalog) getProduct(ctx context.Context, id string) (billing.Product, error) {
	p, err := c.readProduct(ctx, "get product", id)
	if err != nil {
		return billing.Product{}, err
	}
	return productOf(p), nil
}

// CreateProduct sends one request. Nothing keeps a second one from making another product.
func (c *catalog) CreateProduct(ctx context.Context, in provider.CreateProduct) (billing.Product, error) {
	const op = "create product"
	ctx, _ = withCall(ctx, op)
	req := &paddle.CreateProductRequest{
		Name: in.Spec.Name, TaxCategory: paddle.TaxCategory(in.Spec.TaxCode),
		CustomData: customData(nil, in.Spec.Metadata, true, &in.Owner, ""),
	}
	if req.TaxCategory == "" {
		req.TaxCategory = paddle.TaxCategoryStandard
	}
	if in.Spec.Description != "" {
		req.Description = &in.Spec.Description
	}
	if len(in.Spec.ImageURLs) > 0 {
		req.ImageURL = &in.Spec.ImageURLs[0]
	}
	return c.product(op, "")(c.sdk.CreateProduct(ctx, req))
}

// UpdateProduct changes what the patch names. Where that concerns custom_data, which the API replaces as a whole, it is
// read first, so that what is in it and is not Kassa's stays.
func (c *catalog) UpdateProduct(ctx context.Context, id string, in provider.ProductPatch) (billing.Product, error) {
	const op = "update product"
	req := &paddle.UpdateProductRequest{ProductID: id}
	if in.Active != nil {
		req.Status = paddle.NewPatchField(stateOf(*in.Active))
	}
	if s := in.Spec; s != nil {
		req.Name = paddle.NewPatchField(s.Name)
		req.Description = paddle.NewPtrPatchField(s.Description)
		if s.Description == "" {
			req.Description = paddle.NewNullPatchField[*string]()
		}
		req.ImageURL = paddle.NewNullPatchField[*string]()
		if len(s.ImageURLs) > 0 {
			req.ImageURL = paddle.NewPtrPatchField(s.ImageURLs[0])
		}
		if s.TaxCode != "" {
			req.TaxCategory = paddle.NewPatchField(paddle.TaxCategory(s.TaxCode))
		}
	}
	replace := in.Spec != nil && !maps.Equal(in.Spec.Metadata, in.Current.Spec.Metadata)
	if replace || in.Owner != nil {
		there, err := c.readProduct(ctx, op, id)
		if err != nil {
			return billing.Product{}, err
		}
		var metadata map[string]string
		if replace {
			metadata = in.Spec.Metadata
		}
		req.CustomData = paddle.NewPatchField(customData(there.CustomData, metadata, replace, in.Owner, ""))
	}
	if !ids.MatchString(id) {
		return billing.Product{}, c.notFound(op, id)
	}
	ctx, _ = withCall(ctx, op)
	return c.product(op, id)(c.sdk.UpdateProduct(ctx, req))
}

// product checks what the SDK returned; id is what it must have, if that is known.
func (c *catalog) product(op, id string) func(*paddle.Product, error) (billing.Product, error) {
	return func(p *paddle.Product, err error) (billing.Product, error) {
		if err == nil && (!isProduct(p) || id != "" && p.ID != id) {
			err = errUnexpected
		}
		if err != nil {
			return billing.Product{}, asError(op, err)
		}
		return productOf(p), nil
	}
}

func stateOf(active bool) paddle.Status {
	if active {
		return paddle.StatusActive
	}
	return paddle.StatusArchived
}
