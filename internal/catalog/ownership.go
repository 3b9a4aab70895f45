package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// state is what a decision is made from.
type state struct {
	Rules
	want    *billing.Plan
	have    *billing.Observed
	adopted map[string]string // id of a price that the plan adopts → its name in the plan
	keys    map[string]heldKey
	skip    Skip
}

func (r Rules) state(want *billing.Plan, have *billing.Observed) *state {
	s := &state{Rules: r, want: want, have: have}
	if a := want.Adopt; a != nil {
		s.adopted = make(map[string]string, len(a.Prices))
		for name, id := range a.Prices {
			s.adopted[id] = name
		}
		s.want = s.asAdopted()
	}
	return s
}

// check refuses what is missing although it should be adopted, and what belongs to another owner.
func (s *state) check() error {
	if s.have.Product == nil {
		if s.want.Adopt != nil {
			return MissingError{Object: s.want.Adopt.ProductID}
		}
		return nil
	}
	if s.want.Adopt != nil && s.have.Product.ID != s.want.Adopt.ProductID {
		return MissingError{Object: s.want.Adopt.ProductID}
	}
	if err := s.checkOwner(s.have.Product.ID, s.have.Product.Owner); err != nil {
		return err
	}
	found := 0
	for i := range s.have.Prices {
		p := &s.have.Prices[i]
		if s.adopted[p.ID] == "" {
			continue
		}
		found++
		if err := s.checkOwner(p.ID, p.Owner); err != nil {
			return err
		}
	}
	if found < len(s.adopted) {
		for _, p := range s.want.Prices {
			if id := s.want.Adopt.Prices[p.Name]; id != "" && s.byID(id) == nil {
				return MissingError{Object: id, Product: s.have.Product.ID}
			}
		}
	}
	return nil
}

func (s *state) byID(id string) *billing.Price {
	for i := range s.have.Prices {
		if s.have.Prices[i].ID == id {
			return &s.have.Prices[i]
		}
	}
	return nil
}

// checkOwner refuses an object of another owner. One without all marks is the owner's, because it was found under an
// id that the owner chose, knew or names: somebody removed them, or nobody wrote them yet.
func (s *state) checkOwner(id string, o billing.Owner) error {
	if o.Identifies() && !s.mine(o) {
		return OwnedByAnotherError{Object: id, Owner: o}
	}
	return nil
}

// mine says whether marks are the plan's. A Plan that was deleted and made again has another UID: when it adopts its
// former product, what carries its name's marks is its own.
func (s *state) mine(o billing.Owner) bool {
	w := s.want.Owner
	return o.Same(w) ||
		s.want.Adopt != nil && o.Identifies() && o.Cluster == w.Cluster && o.Namespace == w.Namespace && o.Name == w.Name
}

// owns says whether p is the plan's, under whatever name. What is only about to be adopted is not.
func (s *state) owns(p *billing.Price) bool { return s.mine(p.Owner) || s.recorded(p) != "" }

// nameOf is the name of a price that the plan owns.
func (s *state) nameOf(p *billing.Price) string { return cmp.Or(s.recorded(p), p.Name) }

// recorded is the name that the record has for a price whose marks do not tell, or "".
func (s *state) recorded(p *billing.Price) string {
	if p.Owner.Identifies() && (p.Name != "" || !s.mine(p.Owner)) {
		return ""
	}
	return s.Record.Prices[p.ID]
}

// is says whether p is the plan's price of that name: by its marks, because it is adopted as that, or, where somebody
// removed some of the marks, by the record or its lookup key.
func (s *state) is(name string, p *billing.Price) bool {
	if as := s.adopted[p.ID]; as != "" {
		return as == name
	}
	if recorded := s.recorded(p); recorded != "" {
		return recorded == name
	}
	if !p.Owner.Identifies() || p.Name == "" {
		return p.LookupKey != "" && p.LookupKey == s.key(name).key
	}
	return s.mine(p.Owner) && p.Name == name
}

// heldKey is the lookup key that the current price of a name holds.
type heldKey struct {
	key  string // "" where the provider has none
	kept string // the mark: the key where it is not Kassa's own
}

// key is the lookup key that the current price of a name holds. An adopted price keeps the key that it had, because
// applications find it by that; its successors take the key over, and carry it in their marks as well, so that it is
// still known when somebody takes it away. A price that is adopted under another name than before takes its key along.
func (s *state) key(name string) heldKey {
	own := s.LookupKey(s.want.Owner, name)
	if own == "" {
		return heldKey{}
	}
	if s.keys == nil {
		s.keys = s.heldKeys()
	}
	if held, ok := s.keys[name]; ok && held.key != own {
		return held
	}
	return heldKey{key: own}
}

// heldKeys are the keys that are not Kassa's own, by the name that has them: each has one, and the spec's adoptions
// have the first choice.
func (s *state) heldKeys() map[string]heldKey {
	held := map[string]heldKey{}
	taken := map[string]bool{}
	give := func(name, key string) {
		if _, has := held[name]; key != "" && !has && !taken[key] {
			held[name], taken[key] = heldKey{key, key}, true
		}
	}
	for i := range s.have.Prices {
		if p := &s.have.Prices[i]; s.adopted[p.ID] != "" {
			give(s.adopted[p.ID], s.keepsKey(p))
		}
	}
	heirs := make([]*billing.Price, 0, len(s.have.Prices))
	for i := range s.have.Prices {
		if p := &s.have.Prices[i]; s.adopted[p.ID] == "" && s.mine(p.Owner) {
			heirs = append(heirs, p)
		}
	}
	// Whoever holds the key now has it before those that held it once.
	holds := func(p *billing.Price) int {
		if key := s.keepsKey(p); key != "" && key == p.LookupKey {
			return 0
		}
		return 1
	}
	slices.SortFunc(heirs, func(a, b *billing.Price) int {
		return cmp.Or(holds(a)-holds(b), b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	for _, p := range heirs {
		give(p.Name, s.keepsKey(p))
	}
	return held
}

// keepsKey is the key that p has from before it was the plan's: by its marks, or, where it does not have the plan's
// marks yet, because it holds it.
func (s *state) keepsKey(p *billing.Price) string {
	if p.KeptKey == "" && !p.Owner.Same(s.want.Owner) && !s.reserved(p.LookupKey) {
		return p.LookupKey
	}
	return p.KeptKey
}

// reserved says that a key is Kassa's own for another name of the plan: it cannot be kept.
func (s *state) reserved(key string) bool {
	base := s.LookupKey(s.want.Owner, "")
	return base != "" && strings.HasPrefix(key, base)
}
