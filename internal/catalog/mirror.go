package catalog

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// Mirror is an account's catalogue as it was last read, plus what Kassa wrote since. All Plans of an account share
// it: an unchanged Plan is compared with the mirror and costs the provider nothing. It may lag behind the provider,
// so it only ever answers "is there something to do?"; before anything is written the objects are observed afresh.
type Mirror struct {
	catalog provider.Catalog
	now     func() time.Time
	flight  singleflight.Group

	mu       sync.Mutex
	taken    time.Time
	stats    Stats
	products map[string]billing.Observed // product id →
	byOwner  map[ownerKey]string         // → product id
	touched  map[string]bool             // products put while a refresh is under way; nil when none is
	// spendings are parts of the replacement budget; see Spend.
	spendings []spending
}

type ownerKey struct{ cluster, uid string }

func keyOf(o billing.Owner) ownerKey { return ownerKey{o.Cluster, o.UID} }

// Stats of the last snapshot.
type Stats struct {
	Products, Prices, Calls int
	Taken                   time.Time
}

// NewMirror makes an empty mirror.
func NewMirror(c provider.Catalog, now func() time.Time) *Mirror {
	return &Mirror{catalog: c, now: now}
}

// ReadFrom makes later snapshots go through c: the account's key was rotated.
func (m *Mirror) ReadFrom(c provider.Catalog) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.catalog = c
}

// Refresh reads the account's catalogue if the last snapshot is older than maxAge. Concurrent calls share one read.
func (m *Mirror) Refresh(ctx context.Context, maxAge time.Duration) (Stats, error) {
	if s, fresh := m.fresh(maxAge); fresh {
		return s, nil
	}
	// The read belongs to all who wait for it: it goes on when the first of them gives up.
	ch := m.flight.DoChan("", func() (any, error) {
		if s, fresh := m.fresh(maxAge); fresh {
			return s, nil
		}
		return m.read(context.WithoutCancel(ctx))
	})
	select {
	case <-ctx.Done():
		return Stats{}, ctx.Err()
	case r := <-ch:
		if r.Err != nil {
			return Stats{}, r.Err
		}
		s, _ := r.Val.(Stats)
		return s, nil
	}
}

func (m *Mirror) fresh(maxAge time.Duration) (Stats, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats, m.products != nil && m.now().Sub(m.taken) < maxAge
}

func (m *Mirror) read(ctx context.Context) (Stats, error) {
	m.mu.Lock()
	m.touched = map[string]bool{}
	start, source := m.now(), m.catalog
	m.mu.Unlock()
	snap, err := source.Snapshot(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	touched := m.touched
	m.touched = nil
	if err != nil {
		return Stats{}, err
	}
	products := make(map[string]billing.Observed, len(snap.Products))
	byOwner := make(map[ownerKey]string, len(snap.Products))
	for i := range snap.Products {
		p := &snap.Products[i]
		products[p.ID] = billing.Observed{Product: p}
		if !p.Owner.IsZero() {
			byOwner[keyOf(p.Owner)] = p.ID
		}
	}
	for _, p := range snap.Prices {
		if o, ok := products[p.ProductID]; ok {
			o.Prices = append(o.Prices, p)
			products[p.ProductID] = o
		}
	}
	// What was written while the pages were read is newer than the pages.
	for id := range touched {
		o := m.products[id]
		products[id] = o
		if o.Product != nil && !o.Product.Owner.IsZero() {
			byOwner[keyOf(o.Product.Owner)] = id
		}
	}
	m.products, m.byOwner, m.taken = products, byOwner, start
	m.stats = Stats{Products: len(snap.Products), Prices: len(snap.Prices), Calls: snap.Calls, Taken: start}
	return m.stats, nil
}

// Get is the owner's part of the mirror: the product that carries its marks, or else that of known.ProductID; with
// known.Only, no other than that.
func (m *Mirror) Get(owner billing.Owner, known provider.Known) billing.Observed {
	m.mu.Lock()
	defer m.mu.Unlock()
	productID := known.ProductID
	if known.Only {
		return m.products[productID]
	}
	if id, ok := m.byOwner[keyOf(owner)]; ok {
		productID = id
	}
	return m.products[productID]
}

// Put replaces the owner's part after it was observed or written.
func (m *Mirror) Put(owner billing.Owner, o billing.Observed) {
	if o.Product == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.products == nil {
		m.products, m.byOwner = map[string]billing.Observed{}, map[ownerKey]string{}
		m.taken = time.Time{}
	}
	m.products[o.Product.ID] = o
	if o.Product.Owner.Same(owner) {
		m.byOwner[keyOf(owner)] = o.Product.ID
	}
	if m.touched != nil {
		m.touched[o.Product.ID] = true
	}
}
