// Package schemas holds the published schemas: of events, and of the checkout servers' HTTP API.
package schemas

import _ "embed"

// EventV1alpha1 is the JSON schema of the CloudEvents that a receiver delivers.
//
//go:embed event-v1alpha1.json
var EventV1alpha1 []byte

// CheckoutOpenAPI is the OpenAPI document of the HTTP API of a checkout server.
//
//go:embed checkout-openapi.json
var CheckoutOpenAPI []byte
