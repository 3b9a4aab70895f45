package catalog

import (
	"context"
	"slices"
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
	byOwner  map[ownerKey][]string       // → ids of the products with the owner's marks, sorted
	touched  map[string]bool             // products put while a refresh is under way; nil when none is
	doubts
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
	return m.share(ctx, func() (Stats, bool) { return m.fresh(maxAge) })
}

// share reads, together with whoever wants to at the same time, unless what there is will do.
func (m *Mirror) share(ctx context.Context, willDo func() (Stats, bool)) (Stats, error) {
	if s, ok := willDo(); ok {
		return s, nil
	}
	// The read belongs to all who wait for it: it goes on when the first of them gives up.
	ch := m.flight.DoChan("", func() (any, error) {
		if s, ok := willDo(); ok {
			return s, nil
		}
		return m.read(provider.WithBackground(context.WithoutCancel(ctx)))
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
	for i := range snap.Products {
		p := &snap.Products[i]
		products[p.ID] = billing.Observed{Product: p}
	}
	for _, p := range snap.Prices {
		if o, ok := products[p.ProductID]; ok {
			o.Prices = append(o.Prices, p)
			products[p.ProductID] = o
		}
	}
	// What was written while the pages were read is newer than the pages.
	for id := range touched {
		if o, ok := m.products[id]; ok {
			products[id] = o
		} else {
			delete(products, id)
		}
	}
	m.resolve(start, touched)
	m.byOwner = make(map[ownerKey][]string, len(products))
	for id, o := range products {
		m.own(id, o.Product.Owner)
	}
	m.products, m.taken = products, start
	m.stats = Stats{Products: len(snap.Products), Prices: len(snap.Prices), Calls: snap.Calls, Taken: start}
	return m.stats, nil
}

// own notes that a product carries an owner's marks.
func (m *Mirror) own(id string, o billing.Owner) {
	if !o.Identifies() {
		return
	}
	ids := m.byOwner[keyOf(o)]
	if i, found := slices.BinarySearch(ids, id); !found {
		m.byOwner[keyOf(o)] = slices.Insert(ids, i, id)
	}
}

// Get is the owner's part of the mirror: the product of known.ProductID if it carries the owner's marks, otherwise the
// first that does, with the others as its twins; and if none does, that of known.ProductID. With known.Only, no other
// than that.
func (m *Mirror) Get(owner billing.Owner, known provider.Known) billing.Observed {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := m.byOwner[keyOf(owner)]
	if known.Only || len(ids) == 0 {
		return m.products[known.ProductID]
	}
	id := ids[0]
	if slices.Contains(ids, known.ProductID) {
		id = known.ProductID
	}
	o := m.products[id]
	for _, twin := range ids {
		if twin != id && m.products[twin].Product != nil {
			o.Twins = append(o.Twins, *m.products[twin].Product)
		}
	}
	return o
}

// Put replaces the owner's part after it was observed or written.
func (m *Mirror) Put(o billing.Observed) {
	if o.Product == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.products == nil {
		m.products, m.byOwner = map[string]billing.Observed{}, map[ownerKey][]string{}
		m.taken = time.Time{}
	}
	for i := range o.Twins {
		twin := m.products[o.Twins[i].ID]
		twin.Product = &o.Twins[i]
		m.put(twin)
	}
	o.Twins = nil
	m.put(o)
}

func (m *Mirror) put(o billing.Observed) {
	m.products[o.Product.ID] = o
	m.own(o.Product.ID, o.Product.Owner)
	m.touch(o.Product.ID)
}

func (m *Mirror) touch(id string) {
	if m.touched != nil {
		m.touched[id] = true
	}
}
