package stripe

import (
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
)

// SignatureHeader carries "t=<unix seconds>,v1=<hex>[,v1=<hex>]": the HMAC-SHA256 of "<t>.<raw body>" with the
// endpoint's secret, one for each secret that Stripe has while a secret is rolled. Other schemes are ignored.
const SignatureHeader = "Stripe-Signature"

var signing = provider.SignatureScheme{Header: SignatureHeader, Time: "t", MAC: "v1", Between: ",", Joint: '.'}

// Codec verifies and parses Stripe's webhook requests. The zero value is ready for use.
type Codec struct{}

var _ provider.WebhookCodec = Codec{}

// Verify checks the signatures as provider.SignatureScheme does. Unlike the SDK it also refuses times in the future.
func (Codec) Verify(
	header http.Header, body []byte, secrets []string, now time.Time, tolerance time.Duration,
) error {
	return signing.Verify(header, body, secrets, now, tolerance)
}

// Sign signs as Stripe does.
func (Codec) Sign(body []byte, secret string, now time.Time) http.Header {
	return signing.Sign(body, secret, now)
}
