package provider

import (
	"fmt"

	"github.com/kassa-dev/kassa/internal/billing"
)

// Registry holds the adapters of this build.
type Registry map[billing.Provider]Adapter

// NewRegistry makes a registry of adapters.
func NewRegistry(adapters ...Adapter) Registry {
	r := Registry{}
	for _, a := range adapters {
		r[a.Type()] = a
	}
	return r
}

// UnsupportedError says that this build has no adapter for a provider.
type UnsupportedError struct{ Provider billing.Provider }

func (e UnsupportedError) Error() string {
	return fmt.Sprintf("this version of Kassa does not support %s yet", e.Provider)
}

// Adapter finds an adapter or returns UnsupportedError.
func (r Registry) Adapter(p billing.Provider) (Adapter, error) {
	a, ok := r[p]
	if !ok {
		return nil, UnsupportedError{p}
	}
	return a, nil
}
