package catalog

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
)

func (s *state) productOp() *Operation {
	want, have := &s.want.Product, s.have.Product
	op := Operation{Kind: UpdateProduct, ID: have.ID, owner: s.want.Owner, currentPr: have}
	if op.Fields = productDiff(*want, have.Spec); len(op.Fields) > 0 {
		op.product = want
	}
	if have.Owner != s.want.Owner {
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
	note("taxCode", want.TaxCode != have.TaxCode)
	note("unitLabel", want.UnitLabel != have.UnitLabel)
	note("imageURLs", !slices.Equal(want.ImageURLs, have.ImageURLs))
	note("metadata", !maps.Equal(want.Metadata, have.Metadata))
	return fields
}

// remark names the operation that writes the marks onto a price that is adopted, or that only its lookup key still
// tells to be the owner's. It comes before a new price takes the key: afterwards nothing would tell, and nobody would
// archive it.
func (s *state) remark(name string) *Operation {
	for i := range s.have.Prices {
		p := &s.have.Prices[i]
		if !p.Active && s.Traits.FrozenArchive {
			continue // marked when it is put on sale, if ever
		}
		if s.is(name, p) && (p.Owner != s.want.Owner || p.Name != name) {
			return &Operation{
				Kind: UpdatePrice, ID: p.ID, Price: name, Fields: []string{"owner"}, owner: s.want.Owner, remark: true,
				price: &p.Spec, lookupKey: p.LookupKey, keptKey: s.key(name).kept, current: p,
			}
		}
	}
	return nil
}

// priceOp names the operation for one wanted price, given the price that was chosen for it.
func (s *state) priceOp(want billing.DesiredPrice, have *billing.Price) *Operation {
	held := s.key(want.Name)
	op := Operation{owner: s.want.Owner, Price: want.Name, price: &want.Spec, lookupKey: held.key, keptKey: held.kept}
	if have == nil {
		op.Kind, op.productID = CreatePrice, s.have.Product.ID
		op.ordinal, op.replaced = s.predecessors(want.Name)
		return &op
	}
	op.Kind, op.ID, op.current = UpdatePrice, have.ID, have
	if have.Owner != s.want.Owner || have.Name != want.Name || have.KeptKey != held.kept {
		op.remark = true
		op.Fields = append(op.Fields, "owner")
	}
	if !have.Active {
		op.activate = true
		op.Fields = append(op.Fields, "active")
		_, op.replaced = s.predecessors(want.Name)
	}
	if have.LookupKey != op.lookupKey {
		op.Fields = append(op.Fields, "lookupKey")
	}
	if have.Spec.DisplayName != want.Spec.DisplayName {
		op.Fields = append(op.Fields, "displayName")
	}
	if have.Spec.TrialDays != want.Spec.TrialDays {
		op.Fields = append(op.Fields, "trial")
	}
	if len(op.Fields) == 0 {
		return nil
	}
	return &op
}

// choose picks the price that serves as the current one of a wanted price, or nil. An active price that holds the key
// comes first, then an active one, then an archived one, whose terms a customer may have had before; among equals
// the oldest, so that every process picks the same.
func (s *state) choose(want billing.DesiredPrice) *billing.Price {
	key := s.key(want.Name).key
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
	for i := range s.have.Prices {
		p := &s.have.Prices[i]
		if !s.is(want.Name, p) || !p.Spec.Terms.Equal(want.Spec.Terms) {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(rank(p), rank(best)), p.Created.Compare(best.Created),
			cmp.Compare(p.ID, best.ID)) < 0 {
			best = p
		}
	}
	return best
}

// predecessors counts the prices that the plan has or had under a name, and names one that is on sale.
func (s *state) predecessors(name string) (n int, onSale *billing.Price) {
	for i := range s.have.Prices {
		p := &s.have.Prices[i]
		if !s.is(name, p) {
			continue
		}
		n++
		if p.Active && onSale == nil {
			onSale = p
		}
	}
	return n, onSale
}
