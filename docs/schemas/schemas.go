// Package schemas holds the published JSON schemas.
package schemas

import _ "embed"

// EventV1alpha1 is the JSON schema of the CloudEvents that a receiver delivers.
//
//go:embed event-v1alpha1.json
var EventV1alpha1 []byte
