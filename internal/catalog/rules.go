package catalog

import (
	"fmt"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Rules decide what to do next at one provider. They are pure.
type Rules struct {
	Traits provider.Traits
	// LookupKey of a price of the plan; it returns "" where the provider has no keys.
	LookupKey func(owner billing.Owner, priceName string) string
	// ProductID is the id that a new product of the owner gets, or "" where the provider chooses.
	ProductID func(owner billing.Owner) string
	// Record is what is durably known of the owner's objects.
	Record Record
}

// Record names objects that Kassa made, or marked, for an owner. Where somebody removed their marks, it still tells
// them to be the owner's: otherwise such a price would stay on sale beside its successor, and after the owner is gone.
// It never outweighs marks.
type Record struct {
	ProductID string            // "" where none is known
	Prices    map[string]string // id → name in the plan
}

// NewRules are the rules of a provider's catalogue.
func NewRules(c provider.Catalog, t provider.Traits) Rules {
	return Rules{Traits: t, LookupKey: c.LookupKey, ProductID: c.ProductID}
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

// MissingError says that an object that is to be adopted does not exist.
type MissingError struct {
	Object  string // the provider's id
	Product string // the product that it should be of; empty for the product itself
}

func (e MissingError) Error() string {
	if e.Product == "" {
		return fmt.Sprintf("adopt.productID %s: the account has no such product", e.Object)
	}
	return fmt.Sprintf("adopt.prices: product %s has no price %s", e.Product, e.Object)
}

// Next names the operation that brings have one step nearer to want, or nil when they are equal, or when the provider
// can only be read.
func (r Rules) Next(want billing.Plan, have billing.Observed) (*Operation, error) {
	s := r.state(&want, &have)
	if err := s.check(); err != nil || r.Traits.ReadOnly {
		return nil, err
	}
	if have.Product == nil {
		return &Operation{Kind: CreateProduct, owner: want.Owner, product: &want.Product}, nil
	}
	if op := s.productOp(); op != nil {
		return op, nil
	}
	current := make([]string, 0, len(want.Prices)) // ids
	defaultID := ""
	for _, p := range want.Prices {
		if op := s.remark(p.Name); op != nil {
			return op, nil
		}
		chosen := s.choose(p)
		if op := s.priceOp(p, chosen); op != nil {
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
		if p.Active && s.owns(p) && !slices.Contains(current, p.ID) {
			return &Operation{Kind: ArchivePrice, ID: p.ID, Price: s.nameOf(p), owner: want.Owner, current: p}, nil
		}
	}
	return s.archiveTwin(), nil
}

// archiveTwin names the operation that takes a product off sale that was created twice, or nil.
func (s *state) archiveTwin() *Operation {
	for i := range s.have.Twins {
		if t := &s.have.Twins[i]; t.Active && t.Owner.Same(s.want.Owner) {
			return &Operation{Kind: ArchiveProduct, ID: t.ID, owner: s.want.Owner, currentPr: t}
		}
	}
	return nil
}

// Retire names the operation that brings have one step nearer to where nothing of the owner can be bought, or nil.
// The product goes first: with it, all its prices stop being purchasable at once. A product that is not known to be
// the owner's, such as one that was only about to be adopted, is left alone.
func (r Rules) Retire(owner billing.Owner, have billing.Observed) (*Operation, error) {
	if have.Product == nil || r.Traits.ReadOnly {
		return nil, nil
	}
	s := r.state(&billing.Plan{Owner: owner}, &have)
	if err := s.checkOwner(have.Product.ID, have.Product.Owner); err != nil {
		return nil, err
	}
	if op := s.archiveTwin(); op != nil {
		return op, nil
	}
	own := have.Product.Owner.Same(owner) || have.Product.ID == r.ProductID(owner) || have.Product.ID == r.Record.ProductID
	if own && have.Product.Active {
		return &Operation{Kind: ArchiveProduct, ID: have.Product.ID, owner: owner, currentPr: have.Product}, nil
	}
	for i := range have.Prices {
		p := &have.Prices[i]
		// A provider that pins the default price refuses to archive it. Its product is archived, so it cannot be
		// bought either way.
		pinned := own && r.Traits.DefaultPrice && p.ID == have.Product.DefaultPriceID
		if p.Active && s.owns(p) && !pinned {
			return &Operation{Kind: ArchivePrice, ID: p.ID, Price: s.nameOf(p), owner: owner, current: p}, nil
		}
	}
	return nil, nil
}

// Current are the prices that serve the plan's price names now: active, the plan's own, with the wanted terms.
func (r Rules) Current(want billing.Plan, have billing.Observed) map[string]billing.Price {
	s := r.state(&want, &have)
	current := map[string]billing.Price{}
	if s.check() != nil {
		return current
	}
	for _, p := range want.Prices {
		if chosen := s.choose(p); chosen != nil && chosen.Active {
			current[p.Name] = *chosen
		}
	}
	return current
}

// Former are the prices that the plan has besides Current, by id: those that were replaced, and those that are to be.
// Their names are as somebody may have left them in the marks.
func (r Rules) Former(want billing.Plan, have billing.Observed) []billing.Price {
	s := r.state(&want, &have)
	if s.check() != nil {
		return nil
	}
	serving := r.Current(want, have)
	var former []billing.Price
	for i := range have.Prices {
		p := have.Prices[i]
		p.Name = s.nameOf(&p)
		if s.owns(&p) && p.Name != "" && serving[p.Name].ID != p.ID {
			former = append(former, p)
		}
	}
	return former
}

// maxSteps bounds Steps. A plan of 50 prices takes three operations a price at most, and a few for the product.
const maxSteps = 1000

// Steps are all the operations that lead from have to want, in order, if nobody interferes. Ids that the provider
// will choose are written <new>.
func (r Rules) Steps(want billing.Plan, have billing.Observed) ([]Operation, error) {
	have = have.Clone()
	var steps []Operation
	for len(steps) < maxSteps {
		op, err := r.Next(want, have)
		if err != nil || op == nil {
			return steps, err
		}
		steps = append(steps, *op)
		op.pretend(&have)
	}
	return steps, ErrNoProgress
}
