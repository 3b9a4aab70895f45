package stripe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

const (
	pageSize = 100 // Stripe's maximum
	// maxPages bounds a list at a million objects, against a provider that never says that it ends.
	maxPages = 10000
)

type catalog struct{ *connection }

// ProductID is the same for the same owner: creating a product twice is refused by Stripe.
func (c *catalog) ProductID(o billing.Owner) string {
	sum := sha256.Sum256([]byte(o.Cluster + "|" + o.UID))
	return "kassa_" + hex.EncodeToString(sum[:16])
}

// LookupKey has at most 107 characters; Stripe takes 200.
func (c *catalog) LookupKey(o billing.Owner, priceName string) string {
	return "kassa:" + o.UID + ":" + priceName
}

// Snapshot lists all products, then active, then archived prices: Stripe lists only active ones by default. A price
// that is made active between the two is in neither; that it is missing is no more than a reason to observe.
func (c *catalog) Snapshot(ctx context.Context) (*provider.Snapshot, error) {
	s := &provider.Snapshot{}
	products, calls, err := c.products(ctx)
	s.Calls += calls
	if err != nil {
		return nil, err
	}
	prices, calls, err := c.prices(ctx, "")
	s.Calls += calls
	if err != nil {
		return nil, err
	}
	s.Products, s.Prices = products, prices
	return s, nil
}

// Observe reads the product by its known id, then, unless only that counts, by the owner's own. Stripe's lists show a
// price as soon as it was created, so known prices are read by their ids only where both lists lack them: deleted, of
// another product, or made active between the two.
func (c *catalog) Observe(ctx context.Context, o billing.Owner, known provider.Known) (billing.Observed, error) {
	ids := slices.Compact([]string{known.ProductID, c.ProductID(o)})
	if known.Only {
		ids = ids[:1]
	}
	for _, id := range ids {
		if id == "" {
			continue
		}
		p, err := c.getProduct(ctx, id)
		if provider.IsNotFound(err) {
			continue
		}
		if err != nil {
			return billing.Observed{}, err
		}
		prices, _, err := c.prices(ctx, p.ID)
		if err != nil {
			return billing.Observed{}, err
		}
		prices, err = c.withKnown(ctx, p.ID, prices, known.PriceIDs)
		if err != nil {
			return billing.Observed{}, err
		}
		return billing.Observed{Product: &p, Prices: prices}, nil
	}
	return billing.Observed{}, nil
}

// withKnown adds the known prices of a product that its lists lack.
func (c *catalog) withKnown(
	ctx context.Context, product string, listed []billing.Price, known []string,
) ([]billing.Price, error) {
	for _, id := range known {
		if id == "" || slices.ContainsFunc(listed, func(p billing.Price) bool { return p.ID == id }) {
			continue
		}
		p, err := c.getPrice(ctx, id)
		switch {
		case provider.IsNotFound(err):
		case err != nil:
			return nil, err
		case p.ProductID == product:
			listed = append(listed, p)
		}
	}
	return listed, nil
}

func (c *catalog) getProduct(ctx context.Context, id string) (billing.Product, error) {
	out := &stripe.Product{}
	a, err := c.call(ctx, request{
		op: "get product", method: http.MethodGet, path: stripe.FormatURLPath("/v1/products/%s", id),
		params: &stripe.ProductParams{}, out: out, valid: func() bool { return isProduct(out) || out.Deleted },
	})
	if err != nil {
		return billing.Product{}, err
	}
	if out.Deleted {
		gone := c.asError("get product", a, nil)
		gone.Class, gone.Message = provider.ClassNotFound, "the product was deleted"
		return billing.Product{}, gone
	}
	return productOf(out), nil
}

func isProduct(p *stripe.Product) bool {
	return p != nil && p.Object == "product" && p.ID != "" && !p.Deleted
}

func isPrice(p *stripe.Price) bool {
	return p != nil && p.Object == "price" && p.ID != "" && p.Product != nil && p.Product.ID != "" && p.Currency != ""
}

type productPage struct {
	page
	Data []*stripe.Product `json:"data"`
}

func (p *productPage) valid() bool {
	return p.ok(len(p.Data)) && !slices.ContainsFunc(p.Data, func(x *stripe.Product) bool { return !isProduct(x) })
}

func (c *catalog) products(ctx context.Context) (out []billing.Product, calls int, err error) {
	calls, err = paginate(func(after string) (last string, more bool, err error) {
		page, params := &productPage{}, &stripe.ProductListParams{}
		params.ListParams = listParams(after)
		_, err = c.call(ctx, request{
			op: "list products", method: http.MethodGet, path: "/v1/products", params: params, out: page,
			valid: page.valid,
		})
		if err != nil {
			return "", false, err
		}
		for _, p := range page.Data {
			out, last = append(out, productOf(p)), p.ID
		}
		return last, page.HasMore, nil
	})
	return out, calls, err
}

type pricePage struct {
	page
	Data []*stripe.Price `json:"data"`
}

func (p *pricePage) valid() bool {
	return p.ok(len(p.Data)) && !slices.ContainsFunc(p.Data, func(x *stripe.Price) bool { return !isPrice(x) })
}

// prices lists the prices of one product, or of all where product is "". A price that was archived between the two
// lists is in both, and the later reading counts; one that was made active between them is in none.
func (c *catalog) prices(ctx context.Context, product string) (out []billing.Price, calls int, err error) {
	index := map[string]int{}
	for _, active := range []bool{true, false} {
		n, err := paginate(func(after string) (last string, more bool, err error) {
			page, params := &pricePage{}, &stripe.PriceListParams{Active: stripe.Bool(active)}
			params.ListParams = listParams(after)
			params.Expand = stripe.StringSlice([]string{"data.tiers", "data.currency_options"})
			if product != "" {
				params.Product = stripe.String(product)
			}
			_, err = c.call(ctx, request{
				op: "list prices", method: http.MethodGet, path: "/v1/prices", params: params, out: page,
				valid: page.valid,
			})
			if err != nil {
				return "", false, err
			}
			for _, found := range page.Data {
				last = found.ID
				p, more, err := c.whole(ctx, found)
				calls += more
				if err != nil {
					return "", false, err
				}
				if i, seen := index[p.ID]; seen {
					out[i] = p
					continue
				}
				index[p.ID] = len(out)
				out = append(out, p)
			}
			return last, page.HasMore, nil
		})
		calls += n
		if err != nil {
			return nil, calls, err
		}
	}
	return out, calls, nil
}
