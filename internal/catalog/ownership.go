package catalog

import (
	"cmp"
	"strings"

	"github.com/kassa-dev/kassa/internal/billing"
)

// state is what a decision is made from.
type state struct {
	Rules
	want    *billing.Plan
	have    *billing.Observed
	adopted map[string]string // id of a price that the plan adopts → its name in the plan
}

func (r Rules) state(want *billing.Plan, have *billing.Observed) *state {
	s := &state{Rules: r, want: want, have: have}
	if a := want.Adopt; a != nil {
		s.adopted = make(map[string]string, len(a.Prices))
		for name, id := range a.Prices {
			s.adopted[id] = name
		}
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
		key, _ := s.key(name)
		return p.LookupKey != "" && p.LookupKey == key
	}
	return s.mine(p.Owner) && p.Name == name
}

// key is the lookup key that the current price of a name holds. An adopted price keeps the key that it had, because
// applications find it by that; its successors take the key over, and carry it in their marks as well, so that it is
// still known when somebody takes it away. kept is empty where the key is Kassa's own.
func (s *state) key(name string) (key, kept string) {
	own := s.LookupKey(s.want.Owner, name)
	if own == "" {
		return "", ""
	}
	var last *billing.Price
	for i := range s.have.Prices {
		p := &s.have.Prices[i]
		if s.adopted[p.ID] != name && (!s.mine(p.Owner) || p.Name != name) {
			continue
		}
		if !p.Owner.Same(s.want.Owner) && p.KeptKey == "" && p.LookupKey != "" && !s.reserved(p.LookupKey) {
			return keptUnless(own, p.LookupKey) // about to be adopted
		}
		if p.KeptKey == "" {
			continue
		}
		if last == nil || cmp.Or(p.Created.Compare(last.Created), cmp.Compare(p.ID, last.ID)) > 0 {
			last = p
		}
	}
	if last == nil {
		return own, ""
	}
	return keptUnless(own, last.KeptKey)
}

func keptUnless(own, key string) (string, string) {
	if key == own {
		return own, ""
	}
	return key, key
}

// reserved says that a key is Kassa's own for another name of the plan: it cannot be kept.
func (s *state) reserved(key string) bool {
	base := s.LookupKey(s.want.Owner, "")
	return base != "" && strings.HasPrefix(key, base)
}
