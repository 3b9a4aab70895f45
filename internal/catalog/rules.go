package catalog

import (
	"fmt"

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

// OnSale are the prices that can be bought under the plan's names now: those of Current, and where there is none, an
// active one that it is to take the place of.
func (r Rules) OnSale(want billing.Plan, have billing.Observed) map[string]billing.Price {
	s := r.state(&want, &have)
	onSale := map[string]billing.Price{}
	if s.check() != nil {
		return onSale
	}
	for _, p := range want.Prices {
		if chosen := s.choose(p); chosen != nil && chosen.Active {
			onSale[p.Name] = *chosen
		} else if _, before := s.predecessors(p.Name); before != nil {
			onSale[p.Name] = *before
		}
	}
	return onSale
}

// Former are the prices that the plan has besides OnSale, by id. Their names are as somebody may have left them in the
// marks.
func (r Rules) Former(want billing.Plan, have billing.Observed) []billing.Price {
	s := r.state(&want, &have)
	if s.check() != nil {
		return nil
	}
	onSale := r.OnSale(want, have)
	var former []billing.Price
	for i := range have.Prices {
		p := have.Prices[i]
		p.Name = s.nameOf(&p)
		if s.owns(&p) && p.Name != "" && onSale[p.Name].ID != p.ID {
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
	return steps(have, func(o billing.Observed) (*Operation, error) { return r.Next(want, o, nil) })
}

// RetireSteps are all the operations that take everything of the owner off sale, in order.
func (r Rules) RetireSteps(owner billing.Owner, have billing.Observed) ([]Operation, error) {
	return steps(have, func(o billing.Observed) (*Operation, error) { return r.Retire(owner, o, nil) })
}

// After is what is there once all the operations are carried out.
func After(have billing.Observed, steps []Operation) billing.Observed {
	have = have.Clone()
	for _, op := range steps {
		op.pretend(&have)
	}
	return have
}

func steps(have billing.Observed, next func(billing.Observed) (*Operation, error)) ([]Operation, error) {
	have = have.Clone()
	var list []Operation
	for len(list) < maxSteps {
		op, err := next(have)
		if err != nil || op == nil {
			return list, err
		}
		list = append(list, *op)
		op.pretend(&have)
	}
	return list, ErrNoProgress
}
