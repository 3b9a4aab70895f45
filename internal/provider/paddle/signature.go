package paddle

import (
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
)

// SignatureHeader carries "ts=<unix seconds>;h1=<hex>[;h1=<hex>]": the HMAC-SHA256 of "<ts>:<raw body>" with the secret
// of the notification setting, one for each secret that Paddle has while one is replaced. Other schemes are ignored.
const SignatureHeader = "Paddle-Signature"

var signing = provider.SignatureScheme{Header: SignatureHeader, Time: "ts", MAC: "h1", Between: ";", Joint: ':'}

// Codec verifies and parses Paddle's webhook requests. The zero value is ready for use.
type Codec struct{}

var _ provider.WebhookCodec = Codec{}

// Verify checks the signatures as provider.SignatureScheme does. Unlike the SDK's verifier it takes several signatures
// and several secrets. Paddle's documentation suggests a tolerance of five seconds, which no queue on the way would
// keep; dedupe is what stops a replay.
func (Codec) Verify(
	header http.Header, body []byte, secrets []string, now time.Time, tolerance time.Duration,
) error {
	return signing.Verify(header, body, secrets, now, tolerance)
}

// Sign signs as Paddle does.
func (Codec) Sign(body []byte, secret string, now time.Time) http.Header {
	return signing.Sign(body, secret, now)
}
