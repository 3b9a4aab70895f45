package paddle

import (
	"cmp"
	"context"
	"regexp"
	"slices"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	pageSize = 200 // Paddle's maximum
	// maxPages bounds a list at two million objects, against a provider that never says that it ends.
	maxPages = 10000
)

// allStates is one element because the API wants one list with commas, and lists only active objects without it.
var allStates = []string{"active,archived"}

const (
	productPrefix = "pro_"
	pricePrefix   = "pri_"
)

var ids = regexp.MustCompile(`^(pro|pri)_[a-z0-9]{26}$`)

type catalog struct{ *connection }

// ProductID is empty: Paddle chooses.
func (c *catalog) ProductID(billing.Owner) string { return "" }

// LookupKey is empty: Paddle has none.
func (c *catalog) LookupKey(billing.Owner, string) string { return "" }

// Snapshot lists all products, then all prices.
func (c *catalog) Snapshot(ctx context.Context) (*provider.Snapshot, error) {
	products, calls, err := c.products(ctx)
	if err != nil {
		return nil, err
	}
	prices, more, err := c.prices(ctx, "")
	if err != nil {
		return nil, err
	}
	return &provider.Snapshot{Products: products, Prices: prices, Calls: calls + more}, nil
}

// Observe reads the product by its known id. Where that does not exist it lists the account's products, because Paddle
// cannot filter by custom_data, and takes the oldest with the owner's marks.
func (c *catalog) Observe(ctx context.Context, o billing.Owner, known provider.Known) (billing.Observed, error) {
	product, twins, err := c.find(ctx, o, known)
	if err != nil || product == nil {
		return billing.Observed{}, err
	}
	prices, _, err := c.prices(ctx, product.ID)
	if err != nil {
		return billing.Observed{}, err
	}
	for _, id := range known.PriceIDs {
		if slices.ContainsFunc(prices, func(p billing.Price) bool { return p.ID == id }) {
			continue
		}
		p, err := c.getPrice(ctx, id)
		switch {
		case provider.IsNotFound(err):
		case err != nil:
			return billing.Observed{}, err
		case p.ProductID == product.ID:
			prices = append(prices, p)
		}
	}
	return billing.Observed{Product: product, Prices: prices, Twins: twins}, nil
}

func (c *catalog) find(
	ctx context.Context, o billing.Owner, known provider.Known,
) (product *billing.Product, twins []billing.Product, err error) {
	if known.ProductID != "" {
		p, err := c.getProduct(ctx, known.ProductID)
		if err == nil {
			return &p, nil, nil
		}
		if !provider.IsNotFound(err) {
			return nil, nil, err
		}
	}
	if known.Only {
		return nil, nil, nil
	}
	all, _, err := c.products(ctx)
	if err != nil {
		return nil, nil, err
	}
	own := slices.DeleteFunc(all, func(p billing.Product) bool { return !p.Owner.Identifies() || !p.Owner.Same(o) })
	if len(own) == 0 {
		return nil, nil, nil
	}
	// Ids sort by the time at which they were made.
	slices.SortFunc(own, func(a, b billing.Product) int { return cmp.Compare(a.ID, b.ID) })
	return &own[0], own[1:], nil
}

func (c *catalog) products(ctx context.Context) (out []billing.Product, calls int, err error) {
	const op = "list products"
	ctx, sent := withCall(ctx, op)
	list, err := c.sdk.ListProducts(ctx, &paddle.ListProductsRequest{
		Status: allStates, OrderBy: paddle.PtrTo("id[ASC]"), PerPage: paddle.PtrTo(pageSize),
	})
	if err != nil {
		return nil, sent.sent, asError(op, err)
	}
	err = list.IterErr(ctx, func(p *paddle.Product) error {
		if !isProduct(p) {
			return errUnexpected
		}
		out = append(out, productOf(p))
		return nil
	})
	if err != nil {
		return nil, sent.sent, asError(op, err)
	}
	return out, sent.sent, nil
}

// prices lists the prices of one product, or of all where product is "".
func (c *catalog) prices(ctx context.Context, product string) (out []billing.Price, calls int, err error) {
	const op = "list prices"
	ctx, sent := withCall(ctx, op)
	in := &paddle.ListPricesRequest{
		Status: allStates, OrderBy: paddle.PtrTo("id[ASC]"), PerPage: paddle.PtrTo(pageSize),
	}
	if product != "" {
		in.ProductID = []string{product}
	}
	list, err := c.sdk.ListPrices(ctx, in)
	if err != nil {
		return nil, sent.sent, asError(op, err)
	}
	err = list.IterErr(ctx, func(p *paddle.Price) error {
		if !isPrice(p) {
			return errUnexpected
		}
		out = append(out, priceOf(p))
		return nil
	})
	if err != nil {
		return nil, sent.sent, asError(op, err)
	}
	return out, sent.sent, nil
}

// notFound is of an id that cannot be one of Paddle's: it is not sent.
func (c *connection) notFound(op, id string) error {
	return &provider.Error{
		Class: provider.ClassNotFound, Provider: name, Operation: op,
		Message: clean(provider.WithoutKey(id, c.key)) + " is no id of Paddle's",
	}
}

func isProduct(p *paddle.Product) bool {
	return p != nil && ids.MatchString(p.ID) && p.ID[:len(productPrefix)] == productPrefix && p.Name != "" &&
		isState(p.Status)
}

func isPrice(p *paddle.Price) bool {
	return p != nil && ids.MatchString(p.ID) && p.ID[:len(pricePrefix)] == pricePrefix && ids.MatchString(p.ProductID) &&
		p.UnitPrice.CurrencyCode != "" && isState(p.Status)
}

func isState(s paddle.Status) bool { return s == paddle.StatusActive || s == paddle.StatusArchived }
