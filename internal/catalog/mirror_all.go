package catalog

import (
	"maps"
	"slices"

	"github.com/kassa-dev/kassa/internal/billing"
)

// All is the whole account: every product with its prices, in the order of their ids.
func (m *Mirror) All() []billing.Observed {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]billing.Observed, 0, len(m.products))
	for _, id := range slices.Sorted(maps.Keys(m.products)) {
		if o := m.products[id]; o.Product != nil {
			all = append(all, o)
		}
	}
	return all
}
