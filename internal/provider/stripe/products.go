package stripe

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const opCreateProduct = "create product"

// CreateProduct creates the product under its deterministic id. A product that has the id already is returned if it
// carries the owner's marks: an earlier create's answer was lost.
func (c *catalog) CreateProduct(ctx context.Context, in provider.CreateProduct) (billing.Product, error) {
	id := c.ProductID(in.Owner)
	p, err := create(in.IdempotencyKey, func(key string) (billing.Product, answer, error) {
		params, out := newProductParams(in, id), &stripe.Product{}
		params.IdempotencyKey = stripe.String(key)
		a, err := c.call(ctx, request{
			op: opCreateProduct, method: http.MethodPost, path: "/v1/products", params: params, out: out,
			valid: func() bool { return isProduct(out) },
		})
		return productOf(out), a, err
	}, func(p billing.Product) (billing.Product, error) { return c.getProduct(ctx, p.ID) })
	if !alreadyExists(err) {
		return p, err
	}
	there, getErr := c.getProduct(ctx, id)
	if getErr != nil {
		return billing.Product{}, getErr
	}
	if there.Owner.Same(in.Owner) {
		return there, nil
	}
	conflict := &provider.Error{
		Class: provider.ClassConflict, Provider: billing.Stripe, Operation: opCreateProduct,
		Code: string(stripe.ErrorCodeResourceAlreadyExists), Message: id + " exists without marks",
	}
	if !there.Owner.IsZero() {
		conflict.Err = provider.ErrOwnedByAnother
		conflict.Message = fmt.Sprintf("%s belongs to %s", id, there.Owner)
	}
	return billing.Product{}, conflict
}

// newProductParams leaves empty fields out: a create refuses empty strings that an update takes.
func newProductParams(in provider.CreateProduct, id string) *stripe.ProductParams {
	p := &stripe.ProductParams{
		ID: stripe.String(id), Name: stripe.String(in.Spec.Name), Metadata: metadataPatch(nil, in.Spec.Metadata),
	}
	maps.Copy(p.Metadata, marks(in.Owner, markPlan))
	if in.Spec.Description != "" {
		p.Description = stripe.String(in.Spec.Description)
	}
	if in.Spec.UnitLabel != "" {
		p.UnitLabel = stripe.String(in.Spec.UnitLabel)
	}
	if in.Spec.TaxCode != "" {
		p.TaxCode = stripe.String(in.Spec.TaxCode)
	}
	if len(in.Spec.Features) > 0 {
		p.Features = features(in.Spec.Features)
	}
	if len(in.Spec.ImageURLs) > 0 {
		p.Images = stripe.StringSlice(in.Spec.ImageURLs)
	}
	return p
}

// UpdateProduct changes what the patch names. The SDK's random idempotency key does no harm: the same update twice
// has the same outcome.
func (c *catalog) UpdateProduct(ctx context.Context, id string, in provider.ProductPatch) (billing.Product, error) {
	out := &stripe.Product{}
	_, err := c.call(ctx, request{
		op: "update product", method: http.MethodPost, path: stripe.FormatURLPath("/v1/products/%s", id),
		params: productPatchParams(in), out: out, valid: func() bool { return isProduct(out) },
	})
	if err != nil {
		return billing.Product{}, err
	}
	return productOf(out), nil
}

// productPatchParams clears a field with an empty string and a list with an empty list, which the SDK sends as an
// empty string too. A field that is left out keeps its value.
func productPatchParams(in provider.ProductPatch) *stripe.ProductParams {
	p := &stripe.ProductParams{Active: in.Active, DefaultPrice: in.DefaultPriceID}
	if in.Spec != nil {
		p.Name = stripe.String(in.Spec.Name)
		p.Description = stripe.String(in.Spec.Description)
		p.UnitLabel = stripe.String(in.Spec.UnitLabel)
		p.TaxCode = stripe.String(in.Spec.TaxCode)
		p.Features = features(in.Spec.Features)
		p.Images = stripe.StringSlice(in.Spec.ImageURLs)
		p.Metadata = metadataPatch(in.Current.Spec.Metadata, in.Spec.Metadata)
	}
	if in.Owner != nil {
		if p.Metadata == nil {
			p.Metadata = map[string]string{}
		}
		maps.Copy(p.Metadata, marks(*in.Owner, markPlan))
	}
	return p
}

// features is never nil: a nil list would not be sent, and so not clear anything.
func features(names []string) []*stripe.ProductFeatureParams {
	out := make([]*stripe.ProductFeatureParams, 0, len(names))
	for _, n := range names {
		out = append(out, &stripe.ProductFeatureParams{Name: stripe.String(n)})
	}
	return out
}
