// Package contract checks that what Kassa sends to a provider, and what the sandbox answers in a provider's name,
// is what the provider's own description says. It is a module of its own, so that the peers it needs stay out of
// the product's dependencies.
//
// Stripe's peer is stripe-mock v0.183.0, which describes exactly API version 2023-10-16.
package contract

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
)

// StripeMock is stripe-mock as a handler. It keeps nothing, and refuses requests that Stripe's OpenAPI does not
// allow: unknown paths and parameters, missing ones, wrong types.
var StripeMock = sync.OnceValues(func() (http.Handler, error) {
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, fmt.Errorf("load Stripe's OpenAPI: %w", err)
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, fmt.Errorf("load Stripe's fixtures: %w", err)
	}
	const strictVersion, verbose = true, false
	stub, err := server.NewStubServer(fixtures, spec, strictVersion, verbose)
	if err != nil {
		return nil, fmt.Errorf("start stripe-mock: %w", err)
	}
	return http.HandlerFunc(stub.HandleRequest), nil
})
