package checkoutserver

import (
	"context"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/storefront"
)

const (
	// replaceLimit is how long a refused price is given to be replaced. The operator tells of its successor before it
	// takes it off sale, which may reach the provider sooner than this server.
	replaceLimit = 2 * time.Second
	replaceLook  = 20 * time.Millisecond
)

// sellHere opens the checkout at one provider. A price that the provider does not take may have been replaced just now:
// then its successor is sold.
func (s *Server) sellHere(ctx context.Context, c *call, o *sale, at *site) (*checkout, error) {
	opened, err := s.open(ctx, c, o, at)
	if !takesNothing(err) {
		return opened, err
	}
	limit, cancel := context.WithTimeout(ctx, replaceLimit)
	defer cancel()
	looks := time.NewTicker(replaceLook)
	defer looks.Stop()
	for takesNothing(err) {
		if next, fresh, there := s.successor(c, o, at); fresh != nil {
			c, o, at = next, fresh, there
			opened, err = s.open(ctx, c, o, at)
			continue
		}
		select {
		case <-looks.C:
		case <-limit.Done():
			return nil, err
		}
	}
	return opened, err
}

// takesNothing says that the provider refused what the operator, and not the buyer, chose.
func takesNothing(err error) bool {
	if err == nil || isRefusal(err) {
		return false
	}
	class := provider.ClassOf(err)
	return class == provider.ClassTerminal || class == provider.ClassNotFound
}

// successor is the same sale by what counts now, or nil while the provider's price is the same.
func (s *Server) successor(c *call, o *sale, at *site) (*call, *sale, *site) {
	cfg, _ := s.config.current()
	if cfg == nil {
		return nil, nil, nil
	}
	there := cfg.site(at.Key())
	fresh, refused := cfg.order(o.in, c.user)
	if refused != nil || there == nil || there.down != "" || there.closed != "" {
		return nil, nil, nil
	}
	if id := priceAt(fresh.price, at); id == "" || id == priceAt(o.price, at) {
		return nil, nil, nil
	}
	next := *c
	next.cfg, fresh.key, fresh.whose = cfg, o.key, o.whose
	return &next, fresh, there
}

// priceAt is the id of a price at a provider, or empty.
func priceAt(price *storefront.Price, at *site) string {
	for _, p := range price.At {
		if p.Provider == at.Key() {
			return p.PriceID
		}
	}
	return ""
}
