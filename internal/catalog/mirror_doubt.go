package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	// echoWindow is how long after Kassa wrote a plan news of its product are more likely Kassa's own than somebody
	// else's. It decides how soon they are looked at, never whether.
	echoWindow = 30 * time.Second
	// perCall is how many objects a call of a snapshot reads at least.
	perCall = 100
)

// doubts are the parts of a Mirror of which it is known that they may be out of date. Each has the time from which on
// it has to be read at the provider to be believed again: what is read later contains what was told earlier.
type doubts struct {
	doubted    map[string]time.Time // product id →
	doubtedAll time.Time
	wrote      map[ownerKey]time.Time // when Kassa last wrote something of the owner
}

// Doubt notes that a product, or one of its prices, changed at the provider.
func (m *Mirror) Doubt(productID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.doubted == nil {
		m.doubted = map[string]time.Time{}
	}
	m.doubted[productID] = m.now()
}

// DoubtAll notes that anything may have changed at the provider. Renew then reads the account's catalogue.
func (m *Mirror) DoubtAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubtedAll = m.now()
}

// Doubted says whether a product was doubted, by itself, and not read since.
func (m *Mirror) Doubted(productID string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, doubted := m.doubted[productID]
	return doubted
}

// Renew reads the account's catalogue if there was no snapshot since DoubtAll.
func (m *Mirror) Renew(ctx context.Context) error {
	believed := func() (Stats, bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.stats, !m.taken.Before(m.doubtedAll)
	}
	// The first may be a read that was under way when the doubt arose.
	for range 2 {
		if _, ok := believed(); ok {
			return nil
		}
		if _, err := m.share(ctx, believed); err != nil {
			return err
		}
	}
	return nil
}

// Observed takes what was read of an owner afresh, since asOf. The known product, if another one or none was found, is
// gone.
func (m *Mirror) Observed(known provider.Known, have billing.Observed, asOf time.Time) {
	m.Put(have)
	m.mu.Lock()
	defer m.mu.Unlock()
	if have.Product == nil || have.Product.ID != known.ProductID {
		m.drop(known.ProductID)
	}
	m.believe(known.ProductID, asOf)
	if have.Product != nil {
		m.believe(have.Product.ID, asOf)
	}
}

// Wrote notes that Kassa changed something of an owner at the provider, which will tell of it.
func (m *Mirror) Wrote(owner billing.Owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wrote == nil {
		m.wrote = map[ownerKey]time.Time{}
	}
	m.wrote[keyOf(owner)] = m.now()
}

// Echo says whether news of an owner's product are likely what Kassa itself did.
func (m *Mirror) Echo(owner billing.Owner) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, wrote := m.wrote[keyOf(owner)]
	return wrote && m.now().Sub(at) < echoWindow
}

// Owner is whose marks a product carried when it was last seen.
func (m *Mirror) Owner(productID string) billing.Owner {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.products[productID].Product; p != nil {
		return p.Owner
	}
	return billing.Owner{}
}

// Cost is about how many calls a snapshot takes: those of the last one, and those for what has come since.
func (m *Mirror) Cost() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	objects := len(m.products)
	for _, o := range m.products {
		objects += len(o.Prices)
	}
	return m.stats.Calls + max(0, objects-m.stats.Products-m.stats.Prices)/perCall
}

// believe ends a doubt that is not younger than what was read. m.mu is held.
func (m *Mirror) believe(productID string, asOf time.Time) {
	if at, doubted := m.doubted[productID]; doubted && !asOf.Before(at) {
		delete(m.doubted, productID)
	}
}

// resolve ends the doubts that a snapshot answers: not those of products that were put meanwhile, because the snapshot
// gave way to what was put. m.mu is held.
func (m *Mirror) resolve(start time.Time, touched map[string]bool) {
	for id := range m.doubted {
		if !touched[id] {
			m.believe(id, start)
		}
	}
	for owner, at := range m.wrote {
		if start.Sub(at) >= echoWindow {
			delete(m.wrote, owner)
		}
	}
}

// drop forgets a product that is gone. m.mu is held.
func (m *Mirror) drop(id string) {
	o, there := m.products[id]
	if !there {
		return
	}
	delete(m.products, id)
	m.touch(id)
	if o.Product == nil {
		return
	}
	key := keyOf(o.Product.Owner)
	m.byOwner[key] = slices.DeleteFunc(m.byOwner[key], func(have string) bool { return have == id })
	if len(m.byOwner[key]) == 0 {
		delete(m.byOwner, key)
	}
}
