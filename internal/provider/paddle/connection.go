package paddle

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	paddle "github.com/PaddleHQ/paddle-go-sdk/v4"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// connection is one account.
type connection struct {
	sdk  *paddle.SDK
	doer doer // carries the SDK's requests, and those of history.go
	base *url.URL
	key  string
	mode billing.Mode
}

func newConnection(cfg provider.Config) (*connection, error) {
	base := cfg.BaseURL
	switch {
	case base != "":
	case cfg.Mode == billing.Live:
		base = paddle.ProductionBaseURL
	default:
		base = paddle.SandboxBaseURL
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, refuse("the base URL cannot be read")
	}
	client := *cfg.HTTP
	// The key goes only to the address that was configured.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	carrier := doer{client: &client, prefix: strings.TrimSuffix(u.Path, "/"), key: cfg.APIKey}
	sdk, err := paddle.New(cfg.APIKey, paddle.WithBaseURL(base), paddle.WithClient(carrier))
	if err != nil {
		return nil, refuse("the SDK cannot be set up")
	}
	return &connection{sdk: sdk, doer: carrier, base: u, key: cfg.APIKey, mode: cfg.Mode}, nil
}

func (c *connection) Catalog() provider.Catalog { return &catalog{c} }

func (c *connection) Endpoints() provider.Endpoints { return &endpoints{c} }

// Account proves the key with one read. Paddle tells nobody the id of an account, so the id is that of the account's
// oldest product, which stays for ever because Paddle deletes nothing, and which every key of the account sees. While
// the account has no product its id is that of the key, and provisional. The mode is the address's: a key works at one
// of the two only.
func (c *connection) Account(ctx context.Context) (billing.Account, error) {
	ctx, _ = withCall(ctx, "get account")
	page, err := c.sdk.ListProducts(ctx, &paddle.ListProductsRequest{
		Status: allStates, OrderBy: paddle.PtrTo("id[ASC]"), PerPage: paddle.PtrTo(1),
	})
	if err != nil {
		return billing.Account{}, asError("get account", err)
	}
	first := page.Next(ctx)
	switch {
	case first.Err() != nil:
		return billing.Account{}, asError("get account", first.Err())
	case !first.Ok():
		return billing.Account{ID: "key_" + keyID(c.key), Provisional: true, Mode: c.mode}, nil
	case !isProduct(first.Value()):
		return billing.Account{}, asError("get account", errUnexpected)
	}
	return billing.Account{ID: "acc_" + strings.TrimPrefix(first.Value().ID, productPrefix), Mode: c.mode}, nil
}

// keyID is the part of a key that names it. It is no secret: Paddle shows it in its dashboard.
func keyID(key string) string {
	if keyMode(key) == "" {
		return "legacy"
	}
	return strings.Split(key, "_")[3]
}
