package catalog

import (
	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// productPatch is what UpdateProduct, SetDefault, ClearDefault and ArchiveProduct send.
func (o Operation) productPatch() provider.ProductPatch {
	patch := provider.ProductPatch{Current: *o.currentPr}
	switch o.Kind {
	case SetDefault:
		id := o.ID
		patch.DefaultPriceID = &id
	case ClearDefault:
		patch.DefaultPriceID = new(string)
	case ArchiveProduct:
		patch.Active = new(bool)
	default:
		patch.Spec = o.product
		if o.remark {
			patch.Owner = &o.owner
		}
		if o.activate {
			yes := true
			patch.Active = &yes
		}
	}
	return patch
}

// pricePatch is what UpdatePrice and ArchivePrice send.
func (o Operation) pricePatch() provider.PricePatch {
	patch := provider.PricePatch{Current: *o.current}
	if o.Kind == ArchivePrice {
		patch.Active = new(bool)
		return patch
	}
	if o.remark {
		patch.Owner, patch.Name, patch.KeptKey = &o.owner, &o.Price, &o.keptKey
	}
	if o.activate {
		yes := true
		patch.Active = &yes
	}
	if o.current.LookupKey != o.lookupKey {
		patch.LookupKey = &o.lookupKey
	}
	if o.current.Spec.DisplayName != o.price.DisplayName {
		patch.DisplayName = &o.price.DisplayName
	}
	if o.current.Spec.TrialDays != o.price.TrialDays {
		patch.TrialDays = &o.price.TrialDays
	}
	return patch
}

// New stands for an id that the provider will choose.
const New = "<new>"

// pretend changes have as the provider would when it carries the operation out.
func (o Operation) pretend(have *billing.Observed) {
	switch o.Kind {
	case CreateProduct:
		_ = foldProduct(have, billing.Product{ID: New, Owner: o.owner, Active: true, Spec: *o.product}, nil)
	case CreatePrice:
		_ = foldPrice(have, billing.Price{
			ID: New + " " + o.Price, ProductID: o.productID, Owner: o.owner, Name: o.Price, KeptKey: o.keptKey, Active: true,
			LookupKey: o.lookupKey, Spec: *o.price,
		}, nil)
	case UpdateProduct, SetDefault, ClearDefault, ArchiveProduct:
		_ = foldProduct(have, patchedProduct(o.productPatch()), nil)
	case UpdatePrice, ArchivePrice:
		_ = foldPrice(have, patchedPrice(o.pricePatch()), nil)
	}
}

func patchedProduct(patch provider.ProductPatch) billing.Product {
	p := patch.Current
	set(&p.Spec, patch.Spec)
	set(&p.Owner, patch.Owner)
	set(&p.Active, patch.Active)
	set(&p.DefaultPriceID, patch.DefaultPriceID)
	return p
}

func patchedPrice(patch provider.PricePatch) billing.Price {
	p := patch.Current
	set(&p.Owner, patch.Owner)
	set(&p.Name, patch.Name)
	set(&p.KeptKey, patch.KeptKey)
	set(&p.Active, patch.Active)
	set(&p.LookupKey, patch.LookupKey)
	set(&p.Spec.DisplayName, patch.DisplayName)
	set(&p.Spec.TrialDays, patch.TrialDays)
	return p
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
