package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Rules decide what to do next at one provider. They are pure.
type Rules struct {
	Traits provider.Traits
	// LookupKey of a price of the plan; it returns "" where the provider has no keys.
	LookupKey func(owner billing.Owner, priceName string) string
}

// OwnedByAnotherError says that an object belongs to another Plan, or another cluster's. It is never touched.
type OwnedByAnotherError struct {
	Object string // the provider's id
	Owner  billing.Owner
}

func (e OwnedByAnotherError) Error() string {
	return fmt.Sprintf("%s belongs to Plan %s/%s (cluster %s); Kassa does not touch it", e.Object,
		e.Owner.Namespace, e.Owner.Name, e.Owner.Cluster)
}

// Next names the operation that brings have one step nearer to want, or nil when they are equal.
func (r Rules) Next(want billing.Plan, have billing.Observed) (*Operation, error) {
	if have.Product == nil {
		return &Operation{Kind: CreateProduct, owner: want.Owner, product: &want.Product}, nil
	}
	if err := checkOwner(want.Owner, have); err != nil {
		return nil, err
	}
	if op := r.product(want, have.Product); op != nil {
		return op, nil
	}
	current := make([]string, 0, len(want.Prices)) // ids
	defaultID := ""
	for _, p := range want.Prices {
		if op := r.remark(want.Owner, p.Name, have.Prices); op != nil {
			return op, nil
		}
		chosen := r.choose(want.Owner, p, have.Prices)
		if op := r.price(want.Owner, p, chosen); op != nil {
			op.productID, op.ordinal = have.Product.ID, r.count(want.Owner, p.Name, have.Prices)
			return op, nil
		}
		current = append(current, chosen.ID)
		if p.Name == want.Default {
			defaultID = chosen.ID
		}
	}
	if r.Traits.DefaultPrice && have.Product.DefaultPriceID != defaultID {
		return &Operation{
			Kind: SetDefault, ID: defaultID, Price: want.Default, owner: want.Owner, currentPr: have.Product,
			Fields: []string{"defaultPrice"},
		}, nil
	}
	for i := range have.Prices {
		p := &have.Prices[i]
		if p.Active && p.Owner.Same(want.Owner) && !slices.Contains(current, p.ID) {
			return &Operation{Kind: ArchivePrice, ID: p.ID, Price: p.Name, owner: want.Owner, current: p}, nil
		}
	}
	return nil, nil
}

// Retire names the operation that brings have one step nearer to where nothing of the owner can be bought, or nil.
// The product goes first: with it, all its prices stop being purchasable at once.
func (r Rules) Retire(owner billing.Owner, have billing.Observed) (*Operation, error) {
	if have.Product == nil {
		return nil, nil
	}
	if err := checkOwner(owner, have); err != nil {
		return nil, err
	}
	if have.Product.Active {
		return &Operation{Kind: ArchiveProduct, ID: have.Product.ID, owner: owner, currentPr: have.Product}, nil
	}
	for i := range have.Prices {
		p := &have.Prices[i]
		// A provider that pins the default price refuses to archive it. Its product is archived, so it cannot be
		// bought either way.
		pinned := r.Traits.DefaultPrice && p.ID == have.Product.DefaultPriceID
		if p.Active && p.Owner.Same(owner) && !pinned {
			return &Operation{Kind: ArchivePrice, ID: p.ID, Price: p.Name, owner: owner, current: p}, nil
		}
	}
	return nil, nil
}

// checkOwner refuses a product of another owner. A product without all marks is the owner's, because it was found
// under the owner's own id: somebody removed them.
func checkOwner(owner billing.Owner, have billing.Observed) error {
	if o := have.Product.Owner; o.Identifies() && !o.Same(owner) {
		return OwnedByAnotherError{Object: have.Product.ID, Owner: o}
	}
	return nil
}

func (r Rules) product(want billing.Plan, have *billing.Product) *Operation {
	op := Operation{Kind: UpdateProduct, ID: have.ID, owner: want.Owner, currentPr: have}
	if op.Fields = productDiff(want.Product, have.Spec); len(op.Fields) > 0 {
		op.product = &want.Product
	}
	if have.Owner != want.Owner {
		op.remark = true
		op.Fields = append(op.Fields, "owner")
	}
	if !have.Active {
		op.activate = true
		op.Fields = append(op.Fields, "active")
	}
	if len(op.Fields) == 0 {
		return nil
	}
	return &op
}

func productDiff(want, have billing.ProductSpec) []string {
	var fields []string
	note := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}
	note("displayName", want.Name != have.Name)
	note("description", want.Description != have.Description)
	note("features", !slices.Equal(want.Features, have.Features))
	note("unitLabel", want.UnitLabel != have.UnitLabel)
	note("imageURLs", !slices.Equal(want.ImageURLs, have.ImageURLs))
	note("metadata", !maps.Equal(want.Metadata, have.Metadata))
	return fields
}

// remark names the operation that writes the marks again onto a price that only its lookup key still tells to be the
// owner's. It comes before a new price takes the key: afterwards nothing would tell, and nobody would archive it.
func (r Rules) remark(owner billing.Owner, name string, prices []billing.Price) *Operation {
	for i := range prices {
		p := &prices[i]
		if r.is(owner, name, p) && (!p.Owner.Same(owner) || p.Name != name) {
			return &Operation{
				Kind: UpdatePrice, ID: p.ID, Price: name, Fields: []string{"owner"}, owner: owner, remark: true,
				price: &p.Spec, lookupKey: p.LookupKey, current: p,
			}
		}
	}
	return nil
}

// price names the operation for one wanted price, given the price that was chosen for it.
func (r Rules) price(owner billing.Owner, want billing.DesiredPrice, have *billing.Price) *Operation {
	op := Operation{
		owner: owner, Price: want.Name, price: &want.Spec, lookupKey: r.LookupKey(owner, want.Name),
	}
	if have == nil {
		op.Kind = CreatePrice
		return &op
	}
	op.Kind, op.ID, op.current = UpdatePrice, have.ID, have
	if have.Owner != owner || have.Name != want.Name {
		op.remark = true
		op.Fields = append(op.Fields, "owner")
	}
	if !have.Active {
		op.activate = true
		op.Fields = append(op.Fields, "active")
	}
	if have.LookupKey != op.lookupKey {
		op.Fields = append(op.Fields, "lookupKey")
	}
	if have.Spec.DisplayName != want.Spec.DisplayName {
		op.Fields = append(op.Fields, "displayName")
	}
	if len(op.Fields) == 0 {
		return nil
	}
	return &op
}

// choose picks the price that serves as the current one of a wanted price, or nil. An active price that holds the key
// comes first, then an active one, then an archived one, whose terms a customer may have had before; among equals
// the oldest, so that every process picks the same.
func (r Rules) choose(owner billing.Owner, want billing.DesiredPrice, prices []billing.Price) *billing.Price {
	key := r.LookupKey(owner, want.Name)
	rank := func(p *billing.Price) int {
		switch {
		case p.Active && key != "" && p.LookupKey == key:
			return 0
		case p.Active:
			return 1
		default:
			return 2
		}
	}
	var best *billing.Price
	for i := range prices {
		p := &prices[i]
		if !r.is(owner, want.Name, p) || !p.Spec.Terms.Equal(want.Spec.Terms) {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(rank(p), rank(best)), p.Created.Compare(best.Created),
			cmp.Compare(p.ID, best.ID)) < 0 {
			best = p
		}
	}
	return best
}

// count is how many prices of that name the owner has or had.
func (r Rules) count(owner billing.Owner, name string, prices []billing.Price) (n int) {
	for i := range prices {
		if r.is(owner, name, &prices[i]) {
			n++
		}
	}
	return n
}

// is says whether p is the owner's price of that name: by its marks, or, where somebody removed some of them, by its
// lookup key, which contains the owner's UID.
func (r Rules) is(owner billing.Owner, name string, p *billing.Price) bool {
	if !p.Owner.Identifies() || p.Name == "" {
		return p.LookupKey != "" && p.LookupKey == r.LookupKey(owner, name)
	}
	return p.Owner.Same(owner) && p.Name == name
}
