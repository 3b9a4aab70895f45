package catalog

import (
	"maps"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Skip says of an operation that it is not to be named, because the provider refused it before.
type Skip func(Operation) bool

// Next names the operation that brings have one step nearer to want, or nil when they are equal, or when the provider
// can only be read. What depends on a skipped operation is not named either, everything else is: one refused price does
// not keep the others at their old amounts. skip may be nil.
func (r Rules) Next(want billing.Plan, have billing.Observed, skip Skip) (*Operation, error) {
	s := r.state(&want, &have)
	s.skip = skip
	if err := s.check(); err != nil || r.Traits.ReadOnly {
		return nil, err
	}
	if have.Product == nil {
		return s.open(&Operation{Kind: CreateProduct, owner: want.Owner, product: &want.Product}), nil
	}
	if op := s.unsell(); op != nil {
		return s.open(op), nil
	}
	if op := s.productOp(); op != nil {
		if op := s.open(op); op != nil || !have.Product.Active {
			return op, nil
		}
	}
	prices := s.defaultFirst()
	serving := map[string]string{} // ids by the wanted names that are right
	for _, p := range prices {
		op, id := s.serve(p)
		if op != nil {
			return op, nil
		}
		if id != "" {
			serving[p.Name] = id
		}
	}
	stuck := len(serving) < len(prices)
	for _, p := range prices {
		op, left := s.supersede(p.Name, serving[p.Name])
		if op != nil {
			return op, nil
		}
		stuck = stuck || left
	}
	// What has no wanted name is offered until everything that may take its place is on sale.
	if stuck {
		return nil, nil
	}
	return s.clear(slices.Collect(maps.Values(serving))), nil
}

// open is an operation that may be sent, or nil.
func (s *state) open(op *Operation) *Operation {
	if op == nil || s.skip != nil && s.skip(*op) {
		return nil
	}
	return op
}

// defaultFirst are the wanted prices, with the one first that becomes the product's default. After it no price that has
// to leave the sale is the default, which the provider would not let go.
func (s *state) defaultFirst() []billing.DesiredPrice {
	prices := slices.Clone(s.want.Prices)
	slices.SortStableFunc(prices, func(a, b billing.DesiredPrice) int {
		switch s.want.Default {
		case a.Name:
			return -1
		case b.Name:
			return 1
		}
		return 0
	})
	return prices
}

// serve names the operation that comes next for one wanted price: its marks, the price itself, and the product's
// default. Without one it returns the id of the price that serves the name, or nothing where an operation that was
// skipped stands in the way.
func (s *state) serve(want billing.DesiredPrice) (op *Operation, id string) {
	if op := s.remark(want.Name); op != nil {
		return s.open(op), ""
	}
	chosen := s.choose(want)
	if op := s.priceOp(want, chosen); op != nil {
		return s.open(op), ""
	}
	if s.Traits.DefaultPrice && want.Name == s.want.Default && s.have.Product.DefaultPriceID != chosen.ID {
		return s.open(&Operation{
			Kind: SetDefault, ID: chosen.ID, Price: want.Name, owner: s.want.Owner, currentPr: s.have.Product,
			Fields: []string{"defaultPrice"},
		}), ""
	}
	return nil, chosen.ID
}

// supersede names the operation that ends the sale of a predecessor of the price that serves a name. Where none does,
// they stay on sale. Without an operation, left says that one which was skipped leaves a predecessor on sale.
func (s *state) supersede(name, serving string) (op *Operation, left bool) {
	if serving == "" {
		return nil, false
	}
	for i := range s.have.Prices {
		p := &s.have.Prices[i]
		if !p.Active || p.ID == serving || !s.owns(p) || !s.is(name, p) || s.pinned(p) {
			continue
		}
		if op := s.open(s.archive(p)); op != nil {
			return op, false
		}
		left = true
	}
	return nil, left
}

// clear names the operation that ends the sale of a price that no wanted name has any more, or of a product that was
// created twice, or nil.
func (s *state) clear(serving []string) *Operation {
	for i := range s.have.Prices {
		p := &s.have.Prices[i]
		if !p.Active || !s.owns(p) || slices.Contains(serving, p.ID) || s.pinned(p) {
			continue
		}
		op := s.archive(p)
		op.withdraws = !slices.ContainsFunc(s.want.Prices, func(w billing.DesiredPrice) bool { return s.is(w.Name, p) })
		if op := s.open(op); op != nil {
			return op
		}
	}
	return s.archiveTwin()
}

// unsell names the operation that takes off sale, while an archived product is still archived, what must not be sold
// when it is back: prices that the plan does not want any more.
func (s *state) unsell() *Operation {
	if s.have.Product.Active {
		return nil
	}
	wanted := map[string]bool{}
	for _, p := range s.want.Prices {
		if chosen := s.choose(p); chosen != nil {
			wanted[chosen.ID] = true
		}
	}
	return s.endSale(func(p *billing.Price) bool { return !wanted[p.ID] })
}

// endSale names the operation that ends the sale of one of the plan's own prices under an archived product, or nil. The
// default price has to stop being that first.
func (s *state) endSale(of func(*billing.Price) bool) *Operation {
	for i := range s.have.Prices {
		p := &s.have.Prices[i]
		switch {
		case !p.Active || !s.owns(p) || !of(p):
		case s.pinned(p):
			return &Operation{
				Kind: ClearDefault, ID: s.have.Product.ID, Price: s.nameOf(p), owner: s.want.Owner,
				currentPr: s.have.Product, Fields: []string{"defaultPrice"},
			}
		default:
			return s.archive(p)
		}
	}
	return nil
}

// pinned says whether the provider refuses to archive p because it is its product's default.
func (s *state) pinned(p *billing.Price) bool {
	return s.Traits.DefaultPrice && p.ID == s.have.Product.DefaultPriceID
}

func (s *state) archive(p *billing.Price) *Operation {
	return &Operation{Kind: ArchivePrice, ID: p.ID, Price: s.nameOf(p), owner: s.want.Owner, current: p}
}

// archiveTwin names the operation that takes a product off sale that was created twice, or nil.
func (s *state) archiveTwin() *Operation {
	for i := range s.have.Twins {
		t := &s.have.Twins[i]
		if !t.Active || !t.Owner.Same(s.want.Owner) {
			continue
		}
		if op := s.open(&Operation{Kind: ArchiveProduct, ID: t.ID, owner: s.want.Owner, currentPr: t}); op != nil {
			return op
		}
	}
	return nil
}

// Retire names the operation that brings have one step nearer to where nothing of the owner can be bought, or nil.
// The product goes first: with it, all its prices stop being purchasable at once. A product that is not known to be
// the owner's, such as one that was only about to be adopted, is left alone. skip may be nil.
func (r Rules) Retire(owner billing.Owner, have billing.Observed, skip Skip) (*Operation, error) {
	if have.Product == nil || r.Traits.ReadOnly {
		return nil, nil
	}
	s := r.state(&billing.Plan{Owner: owner}, &have)
	s.skip = skip
	if err := s.checkOwner(have.Product.ID, have.Product.Owner); err != nil {
		return nil, err
	}
	if op := s.archiveTwin(); op != nil {
		return op, nil
	}
	if have.Product.Active && s.ownsProduct() {
		return s.open(&Operation{
			Kind: ArchiveProduct, ID: have.Product.ID, owner: owner, currentPr: have.Product,
		}), nil
	}
	return s.open(s.endSale(func(*billing.Price) bool { return true })), nil
}

// ownsProduct says whether the product, which carries no other owner's marks, is the plan's. Its marks are written
// before those of its prices: where only prices have them, somebody removed the product's.
func (s *state) ownsProduct() bool {
	p := s.have.Product
	return p.Owner.Same(s.want.Owner) || p.ID == s.ProductID(s.want.Owner) || p.ID == s.Record.ProductID ||
		slices.ContainsFunc(s.have.Prices, func(p billing.Price) bool { return p.Owner.Same(s.want.Owner) })
}
