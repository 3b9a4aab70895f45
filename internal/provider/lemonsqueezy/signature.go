package lemonsqueezy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
)

// SignatureHeader carries the hex form of the HMAC-SHA256 of the raw body with the webhook's secret, and no time.
const SignatureHeader = "X-Signature"

// Codec verifies and parses LemonSqueezy's webhook requests. The zero value is ready for use.
type Codec struct{}

var _ provider.WebhookCodec = Codec{}

// Verify compares the signature with that of every secret, without stopping early. Time and tolerance say nothing
// here: LemonSqueezy signs no time, so a recorded request stays good for as long as its secret is live, and only the
// memory of event ids keeps it from being processed again. The header X-Event-Name is not signed and not read.
func (Codec) Verify(header http.Header, body []byte, secrets []string, _ time.Time, _ time.Duration) error {
	given, err := signatureOf(header)
	if err != nil {
		return err
	}
	var sum [sha256.Size]byte
	match := false
	for _, secret := range secrets {
		if secret == "" {
			continue // anybody can sign with an empty secret
		}
		if hmac.Equal(macOf(sum[:0], secret, body), given[:]) {
			match = true
		}
	}
	if !match {
		return fmt.Errorf("%w: none of the %d secrets gives it", provider.ErrSignatureMismatch, len(secrets))
	}
	return nil
}

// Sign signs as LemonSqueezy does, which is the same at any time.
func (Codec) Sign(body []byte, secret string, _ time.Time) http.Header {
	return http.Header{SignatureHeader: {hex.EncodeToString(macOf(nil, secret, body))}}
}

func macOf(to []byte, secret string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(to)
}

func signatureOf(header http.Header) (mac [sha256.Size]byte, err error) {
	values := header.Values(SignatureHeader)
	switch {
	case len(values) == 0 || values[0] == "" && len(values) == 1:
		return mac, fmt.Errorf("%w: no %s header", provider.ErrSignatureMissing, SignatureHeader)
	case len(values) > 1:
		return mac, fmt.Errorf("%w: the header is there twice", provider.ErrSignatureMalformed)
	case len(values[0]) != hex.EncodedLen(sha256.Size):
		return mac, fmt.Errorf("%w: it is not 64 hex digits", provider.ErrSignatureMalformed)
	}
	var text [2 * sha256.Size]byte
	copy(text[:], values[0])
	if _, err := hex.Decode(mac[:], text[:]); err != nil {
		return mac, fmt.Errorf("%w: it is not 64 hex digits", provider.ErrSignatureMalformed)
	}
	return mac, nil
}
