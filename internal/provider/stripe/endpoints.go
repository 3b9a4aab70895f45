package stripe

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"

	stripe "github.com/stripe/stripe-go/v76"

	"github.com/kassa-dev/kassa/internal/provider"
)

// EndpointTraits of Stripe. An account and mode has at most 16 endpoints. The quiet event is of test clocks whose
// advance failed within Stripe.
func (Adapter) EndpointTraits() provider.EndpointTraits {
	return provider.EndpointTraits{
		Secrets: provider.SecretToldOnce, Marks: true, QuietEvent: "test_helpers.test_clock.internal_failure", MaxActive: 16,
	}
}

type endpoints struct{ *connection }

type endpointPage struct {
	page
	Data []*stripe.WebhookEndpoint `json:"data"`
}

func (p *endpointPage) valid() bool {
	return p.ok(len(p.Data)) &&
		!slices.ContainsFunc(p.Data, func(e *stripe.WebhookEndpoint) bool { return !isEndpoint(e) })
}

func isEndpoint(e *stripe.WebhookEndpoint) bool {
	return e != nil && e.Object == "webhook_endpoint" && e.ID != "" && !e.Deleted
}

// List reads every endpoint of the account. None has its Secret: Stripe tells it only once.
func (e *endpoints) List(ctx context.Context) ([]provider.Endpoint, error) {
	var out []provider.Endpoint
	_, err := paginate(func(after string) (last string, more bool, err error) {
		page, params := &endpointPage{}, &stripe.WebhookEndpointListParams{}
		params.ListParams = listParams(after)
		_, err = e.call(ctx, request{
			op: "list webhook endpoints", method: http.MethodGet, path: "/v1/webhook_endpoints", params: params,
			out: page, valid: page.valid,
		})
		if err != nil {
			return "", false, err
		}
		for _, x := range page.Data {
			out, last = append(out, endpointOf(x)), x.ID
		}
		return last, page.HasMore, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Create registers an endpoint whose events have the shape of API version 2023-10-16. It never repeats an
// idempotency key: a remembered answer may be of an endpoint that is gone.
func (e *endpoints) Create(ctx context.Context, in provider.EndpointSpec) (provider.Endpoint, error) {
	const op = "create webhook endpoint"
	params, err := endpointParams(op, in)
	if err != nil {
		return provider.Endpoint{}, err
	}
	params.APIVersion = stripe.String(stripe.APIVersion)
	params.Description = stripe.String(fmt.Sprintf("Kassa WebhookReceiver %s/%s", in.Owner.Namespace, in.Owner.Name))
	params.IdempotencyKey = stripe.String(rand.Text())
	return e.write(ctx, op, "/v1/webhook_endpoints", params)
}

// Update changes URL, events and marks, and enables the endpoint. The API version stays what it was: Stripe does not
// let it change.
func (e *endpoints) Update(ctx context.Context, id string, in provider.EndpointSpec) (provider.Endpoint, error) {
	const op = "update webhook endpoint"
	params, err := endpointParams(op, in)
	if err != nil {
		return provider.Endpoint{}, err
	}
	params.Disabled = stripe.Bool(false)
	return e.write(ctx, op, stripe.FormatURLPath("/v1/webhook_endpoints/%s", id), params)
}

// Delete removes an endpoint. One that is gone already is no error.
func (e *endpoints) Delete(ctx context.Context, id string) error {
	out := &stripe.WebhookEndpoint{}
	_, err := e.call(ctx, request{
		op: "delete webhook endpoint", method: http.MethodDelete,
		path: stripe.FormatURLPath("/v1/webhook_endpoints/%s", id), params: &stripe.WebhookEndpointParams{}, out: out,
		valid: func() bool { return out.Deleted },
	})
	if provider.IsNotFound(err) {
		return nil
	}
	return err
}

func (e *endpoints) write(
	ctx context.Context, op, path string, params *stripe.WebhookEndpointParams,
) (provider.Endpoint, error) {
	out := &stripe.WebhookEndpoint{}
	_, err := e.call(ctx, request{
		op: op, method: http.MethodPost, path: path, params: params, out: out,
		valid: func() bool { return isEndpoint(out) },
	})
	if err != nil {
		return provider.Endpoint{}, err
	}
	return endpointOf(out), nil
}

func endpointParams(op string, in provider.EndpointSpec) (*stripe.WebhookEndpointParams, error) {
	if len(in.Events) == 0 {
		return nil, refuse(op, "an endpoint needs at least one event")
	}
	for _, name := range in.Events {
		if !isNative(name) {
			return nil, refuse(op, fmt.Sprintf("Stripe's API version %s has no event %q", stripe.APIVersion, name))
		}
	}
	return &stripe.WebhookEndpointParams{
		URL: stripe.String(in.URL), EnabledEvents: stripe.StringSlice(in.Events), Metadata: marks(in.Owner, markReceiver),
	}, nil
}

func endpointOf(e *stripe.WebhookEndpoint) provider.Endpoint {
	events := slices.Clone(e.EnabledEvents)
	slices.Sort(events)
	return provider.Endpoint{
		ID: e.ID, URL: e.URL, Owner: ownerOf(e.Metadata, markReceiver), Events: events,
		Active: e.Status == "enabled", Mode: modeOf(e.Livemode), Secret: e.Secret,
	}
}
