package stripe

import (
	"context"
	"errors"
	"net/http"

	stripe "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// connection is one account. It has a backend of its own: the SDK's global one is never used.
type connection struct {
	backend stripe.Backend
	key     string
}

var (
	_ provider.Connection = &connection{}
	_ provider.Seller     = &connection{}
)

func newConnection(cfg provider.Config) *connection {
	client := *cfg.HTTP
	client.Transport = recorder{client.Transport}
	// The key goes only to the address that was configured.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	base := cfg.BaseURL
	if base == "" {
		base = stripe.APIURL
	}
	return &connection{
		key: cfg.APIKey,
		backend: stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
			HTTPClient: &client,
			URL:        stripe.String(base),
			// The SDK sleeps between retries without looking at the context; the controllers' queues retry.
			MaxNetworkRetries: stripe.Int64(0),
			EnableTelemetry:   stripe.Bool(false),
			LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		}),
	}
}

func (c *connection) Catalog() provider.Catalog     { return &catalog{c} }
func (c *connection) Endpoints() provider.Endpoints { return &endpoints{c} }

// answer is what the SDK does not hand out when the body is no JSON: status and header.
type answer struct {
	status int
	header http.Header
}

// replayed says that Stripe repeated a result that it remembered under the idempotency key.
func (a answer) replayed() bool { return a.header.Get("Idempotent-Replayed") == "true" }

type answerKey struct{}

type recorder struct{ next http.RoundTripper }

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	next := r.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(req)
	if a, ok := req.Context().Value(answerKey{}).(*answer); ok && err == nil {
		a.status, a.header = resp.StatusCode, resp.Header
	}
	return resp, err
}

// request is one call of the API.
type request struct {
	op           string
	method, path string
	params       stripe.ParamsContainer
	out          stripe.LastResponseSetter
	// valid looks at out after a 2xx: an answer that is some other JSON decodes without an error.
	valid func() bool
}

// call sends a request. The error is a *provider.Error.
func (c *connection) call(ctx context.Context, r request) (answer, error) {
	var a answer
	ctx = context.WithValue(provider.WithOperation(ctx, r.op), answerKey{}, &a)
	var err error
	if list, ok := r.params.(stripe.ListParamsContainer); ok {
		// Backend.Call panics on parameters of lists.
		list.GetListParams().Context = ctx
		values := &form.Values{}
		form.AppendTo(values, list)
		err = c.backend.CallRaw(r.method, r.path, c.key, values, list.GetListParams().ToParams(), r.out)
	} else {
		r.params.GetParams().Context = ctx
		err = c.backend.Call(r.method, r.path, c.key, r.params, r.out)
	}
	if err != nil {
		return a, c.asError(r.op, a, err)
	}
	if a.status < 200 || a.status > 299 || !r.valid() {
		return a, c.asError(r.op, a, errUnexpected)
	}
	return a, nil
}

// Account reads the account, and its mode from an object that tells it: the account itself has no livemode in this
// API version. The product list is read first because a key that cannot read it is of no use to Kassa; only an
// account without any product costs another read, of the balance. A restricted key that may not read that has the
// mode that its prefix says, which at Stripe never lies.
func (c *connection) Account(ctx context.Context) (billing.Account, error) {
	out := &stripe.Account{}
	_, err := c.call(ctx, request{
		op: "get account", method: http.MethodGet, path: "/v1/account", params: &stripe.AccountParams{}, out: out,
		valid: func() bool { return out.Object == "account" && out.ID != "" },
	})
	if err != nil {
		return billing.Account{}, err
	}
	live, err := c.livemode(ctx)
	if err != nil {
		return billing.Account{}, err
	}
	account := billing.Account{ID: out.ID, Mode: modeOf(live)}
	if currency, err := billing.ParseCurrency(string(out.DefaultCurrency)); err == nil {
		account.DefaultCurrency = currency
	}
	if out.BusinessProfile != nil {
		account.Name = out.BusinessProfile.Name
	}
	if s := out.Settings; s != nil && s.Dashboard != nil && s.Dashboard.DisplayName != "" {
		account.Name = s.Dashboard.DisplayName
	}
	return account, nil
}

func (c *connection) livemode(ctx context.Context) (bool, error) {
	page := &productPage{}
	params := &stripe.ProductListParams{}
	params.Limit = stripe.Int64(1)
	_, err := c.call(ctx, request{
		op: "get mode", method: http.MethodGet, path: "/v1/products", params: params, out: page, valid: page.valid,
	})
	if err != nil {
		return false, err
	}
	if len(page.Data) > 0 {
		return page.Data[0].Livemode, nil
	}
	balance := &stripe.Balance{}
	_, err = c.call(ctx, request{
		op: "get mode", method: http.MethodGet, path: "/v1/balance", params: &stripe.BalanceParams{}, out: balance,
		valid: func() bool { return balance.Object == "balance" },
	})
	var refused *provider.Error
	if errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		return keyMode(c.key) == billing.Live, nil
	}
	return balance.Livemode, err
}

func modeOf(live bool) billing.Mode {
	if live {
		return billing.Live
	}
	return billing.Test
}
