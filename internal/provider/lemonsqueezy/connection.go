package lemonsqueezy

import (
	"context"
	"fmt"
	"net/url"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// connection is one store.
type connection struct {
	client
	store string
	mode  billing.Mode
}

func (c *connection) Catalog() provider.Catalog { return &catalog{c} }

func (c *connection) Endpoints() provider.Endpoints { return &endpoints{c} }

type user struct {
	Name string `json:"name"`
}

type store struct {
	Name     string `json:"name"`
	Currency string `json:"currency"`
}

// Account is the store. A key is of one mode, which the answer about its user, or else a product, tells; a key of which
// that is not known is refused, because nothing else would tell test data from real money.
func (c *connection) Account(ctx context.Context) (billing.Account, error) {
	me, err := get[user](ctx, &c.client, "get account", "/v1/users/me", "users")
	if err != nil {
		return billing.Account{}, err
	}
	s, err := c.readStore(ctx)
	if err != nil {
		return billing.Account{}, err
	}
	test := me.Meta.TestMode
	if test == nil {
		if test, err = c.modeOfProducts(ctx); err != nil {
			return billing.Account{}, err
		}
	}
	a := billing.Account{ID: c.store, Name: s.Name, Mode: billing.Live}
	if *test {
		a.Mode = billing.Test
	}
	if currency, err := billing.ParseCurrency(s.Currency); err == nil {
		a.DefaultCurrency = currency
	}
	return a, nil
}

// modeOfProducts is the mode of the store's first product, and so of the key, which sees those of its own mode only. It
// is not nil without an error.
func (c *connection) modeOfProducts(ctx context.Context) (*bool, error) {
	first, err := readPage[product](ctx, &c.client, "get account", "/v1/products", "products",
		url.Values{"filter[store_id]": {c.store}}, 1, 1)
	if err != nil {
		return nil, err
	}
	for _, p := range first.Data {
		if p.Attributes.TestMode != nil {
			return p.Attributes.TestMode, nil
		}
	}
	return nil, &provider.Error{
		Class: provider.ClassTerminal, Provider: name, Operation: "get account",
		Message: fmt.Sprintf("whether the key is of test or live mode is told by neither its user nor a product of store "+
			"%s; make the store's first product, in the mode of the key, in the dashboard", c.store),
	}
}

// ofMode says whether an object that is marked like this is of the connection's mode. A nil mark is of neither.
func (c *connection) ofMode(test *bool) bool { return test != nil && *test == (c.mode == billing.Test) }

func (c *connection) readStore(ctx context.Context) (store, error) {
	doc, err := get[store](ctx, &c.client, "get store", "/v1/stores/"+c.store, "stores")
	if provider.IsNotFound(err) {
		return store{}, &provider.Error{
			Class: provider.ClassTerminal, Provider: name, Operation: "get store", Err: err,
			Message: fmt.Sprintf("the key sees no store %s; spec.lemonSqueezy.storeID is the number of a store of the key's "+
				"own account", c.store),
		}
	}
	if err == nil && doc.Data.ID != c.store {
		return store{}, &provider.Error{
			Class: provider.ClassUnavailable, Provider: name, Operation: "get store", Message: errUnexpected.Error(),
			Err: errUnexpected,
		}
	}
	return doc.Data.Attributes, err
}
