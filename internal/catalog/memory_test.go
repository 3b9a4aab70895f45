package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// memory is a provider's catalogue with the rules that the traits stand for, and with failures on demand.
type memory struct {
	traits   provider.Traits
	now      time.Time
	products map[string]billing.Product
	prices   map[string]billing.Price
	visible  map[string]time.Time // when lists begin to show an object
	creates  map[string]string    // idempotency key → id
	lag      time.Duration        // of lists, after a create
	writes   int
	history  []string
	// fault is asked before each write; after says that it strikes once the write is done.
	fault func(write int) (err error, after bool)
	// refusal is asked before each write, by its name in the history. May be nil.
	refusal func(write string) error
}

func newMemory(t provider.Traits) *memory {
	return &memory{
		traits: t, now: time.Unix(1_800_000_000, 0), products: map[string]billing.Product{},
		prices: map[string]billing.Price{}, visible: map[string]time.Time{}, creates: map[string]string{},
		fault: func(int) (error, bool) { return nil, false },
	}
}

var errKilled = &provider.Error{Class: provider.ClassUnavailable, Provider: "memory", Operation: "write"}

func (m *memory) ProductID(o billing.Owner) string {
	if m.traits.IdempotentCreate {
		return "prod_" + o.UID
	}
	return ""
}

func (m *memory) LookupKey(o billing.Owner, name string) string {
	if m.traits.LookupKeys {
		return o.UID + ":" + name
	}
	return ""
}

func (m *memory) Snapshot(context.Context) (*provider.Snapshot, error) {
	s := &provider.Snapshot{Calls: 1}
	for _, id := range slices.Sorted(maps.Keys(m.products)) {
		s.Products = append(s.Products, m.products[id])
	}
	for _, id := range slices.Sorted(maps.Keys(m.prices)) {
		s.Prices = append(s.Prices, m.prices[id])
	}
	return s, nil
}

func (m *memory) Observe(_ context.Context, o billing.Owner, known provider.Known) (billing.Observed, error) {
	var out billing.Observed
	id := known.ProductID
	for _, pid := range slices.Sorted(maps.Keys(m.products)) {
		p := m.products[pid]
		found := !known.Only && (p.Owner.Same(o) || pid == m.ProductID(o)) && !m.now.Before(m.visible[pid])
		if (pid == id || found) && out.Product == nil {
			out.Product = &p
		}
	}
	if out.Product == nil {
		return out, nil
	}
	for _, pid := range slices.Sorted(maps.Keys(m.prices)) {
		shown := !m.now.Before(m.visible[pid]) || slices.Contains(known.PriceIDs, pid)
		if p := m.prices[pid]; p.ProductID == out.Product.ID && shown {
			out.Prices = append(out.Prices, p)
		}
	}
	return out, nil
}

// write carries out do, with the fault before or after it.
func (m *memory) write(name string, do func() error) error {
	m.writes++
	err, after := m.fault(m.writes)
	if err != nil && !after {
		return err
	}
	if m.refusal != nil {
		if refused := m.refusal(name); refused != nil {
			return refused
		}
	}
	if refusal := do(); refusal != nil {
		return refusal
	}
	m.history = append(m.history, name)
	m.check()
	return err
}

func (m *memory) terminal(format string, args ...any) error {
	return &provider.Error{Class: provider.ClassTerminal, Provider: "memory", Message: fmt.Sprintf(format, args...)}
}

func (m *memory) CreateProduct(_ context.Context, in provider.CreateProduct) (billing.Product, error) {
	var p billing.Product
	err := m.write("create product", func() error {
		if id, ok := m.creates[in.IdempotencyKey]; ok && m.traits.IdempotentCreate {
			p = m.products[id]
			return nil
		}
		id := fmt.Sprintf("prod_%d", len(m.products)+1)
		if own := m.ProductID(in.Owner); own != "" {
			id = own
		}
		p = billing.Product{ID: id, Owner: in.Owner, Active: true, Spec: in.Spec}
		m.products[id], m.creates[in.IdempotencyKey], m.visible[id] = p, id, m.now.Add(m.lag)
		return nil
	})
	return p, err
}

func (m *memory) UpdateProduct(_ context.Context, id string, in provider.ProductPatch) (billing.Product, error) {
	var p billing.Product
	err := m.write("update product", func() error {
		p = m.products[id]
		if m.traits.FrozenArchive && !p.Active && (in.Active == nil || !*in.Active) {
			return m.terminal("product %s is archived", id)
		}
		if in.Owner != nil {
			p.Owner = *in.Owner
		}
		if in.Spec != nil {
			p.Spec = *in.Spec
		}
		if in.Active != nil {
			p.Active = *in.Active
		}
		if in.DefaultPriceID != nil {
			if d := m.prices[*in.DefaultPriceID]; *in.DefaultPriceID != "" && (!d.Active || d.ProductID != id) {
				return m.terminal("default price %s is not an active price of the product", *in.DefaultPriceID)
			}
			p.DefaultPriceID = *in.DefaultPriceID
		}
		m.products[id] = p
		return nil
	})
	return p, err
}

func (m *memory) takeKey(key string) {
	for id, p := range m.prices {
		if key != "" && p.LookupKey == key {
			p.LookupKey = ""
			m.prices[id] = p
		}
	}
}

func (m *memory) CreatePrice(_ context.Context, in provider.CreatePrice) (billing.Price, error) {
	var p billing.Price
	err := m.write("create price "+in.Name, func() error {
		if id, ok := m.creates[in.IdempotencyKey]; ok && m.traits.IdempotentCreate {
			p = m.prices[id]
			if p.Owner == in.Owner && p.Name == in.Name && p.LookupKey == in.LookupKey {
				return nil
			}
		}
		id := fmt.Sprintf("price_%d", len(m.prices)+1)
		m.takeKey(in.LookupKey)
		p = billing.Price{
			ID: id, ProductID: in.ProductID, Owner: in.Owner, Name: in.Name, Active: true, LookupKey: in.LookupKey,
			KeptKey: in.KeptKey, Created: m.now.Add(time.Duration(len(m.prices)) * time.Second), Spec: in.Spec,
		}
		m.prices[id], m.creates[in.IdempotencyKey], m.visible[id] = p, id, m.now.Add(m.lag)
		return nil
	})
	return p, err
}

func (m *memory) UpdatePrice(_ context.Context, id string, in provider.PricePatch) (billing.Price, error) {
	var p billing.Price
	err := m.write("update price", func() error {
		p = m.prices[id]
		if m.traits.FrozenArchive && !p.Active && (in.Active == nil || !*in.Active) {
			return m.terminal("price %s is archived", id)
		}
		if in.Active != nil {
			if !*in.Active && m.traits.DefaultPrice && m.products[p.ProductID].DefaultPriceID == id {
				return m.terminal("price %s is the default price of its product", id)
			}
			p.Active = *in.Active
		}
		if in.LookupKey != nil {
			m.takeKey(*in.LookupKey)
			p.LookupKey = *in.LookupKey
		}
		if in.TrialDays != nil {
			p.Spec.TrialDays = *in.TrialDays
		}
		if in.DisplayName != nil {
			p.Spec.DisplayName = *in.DisplayName
		}
		if in.Owner != nil {
			p.Owner, p.Name, p.KeptKey = *in.Owner, *in.Name, *in.KeptKey
		}
		m.prices[id] = p
		return nil
	})
	return p, err
}

// errInvariant is what check panics with: something that must never be so, not even for a moment.
var errInvariant = errors.New("invariant broken")

func (m *memory) check() {
	keys := map[string]string{}
	for id, p := range m.prices {
		if other, taken := keys[p.LookupKey]; p.LookupKey != "" && taken {
			panic(fmt.Errorf("%w: %s and %s hold the key %s", errInvariant, id, other, p.LookupKey))
		}
		keys[p.LookupKey] = id
	}
}

// onSale are the ids of the active prices, whoever made them.
func (m *memory) onSale() []string {
	var ids []string
	for id, p := range m.prices {
		if p.Active {
			ids = append(ids, id)
		}
	}
	return ids
}

// amounts are those of the active prices of each name, ascending.
func (m *memory) amounts(o billing.Owner) map[string][]int64 {
	list := map[string][]int64{}
	for _, p := range m.prices {
		if p.Active && p.Owner.Same(o) && m.products[p.ProductID].Active {
			list[p.Name] = append(list[p.Name], p.Spec.Terms.Money.Minor)
			slices.Sort(list[p.Name])
		}
	}
	return list
}

// purchasable counts the active prices of each name.
func (m *memory) purchasable(o billing.Owner) map[string]int {
	count := map[string]int{}
	for _, p := range m.prices {
		if p.Active && p.Owner.Same(o) && m.products[p.ProductID].Active {
			count[p.Name]++
		}
	}
	return count
}
