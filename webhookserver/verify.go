package webhookserver

import (
	"errors"
	"net/http"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// verify checks the signature of the raw body with every live secret and reads the event. The errors wrap those of
// provider.WebhookCodec, or provider.ErrModeMismatch.
func verify(s *settings, header http.Header, body []byte, now time.Time) (*billing.Event, error) {
	if err := s.codec.Verify(header, body, s.secrets, now, s.tolerance); err != nil {
		return nil, err
	}
	e, err := s.codec.Parse(body)
	if err != nil {
		return nil, err
	}
	if e.Mode != "" && e.Mode != s.mode {
		return nil, provider.ErrModeMismatch
	}
	return &e, nil
}

// refusal is the metric's reason and the answer for an error of verify.
func refusal(err error) (reason string, p *problem) {
	switch {
	case errors.Is(err, provider.ErrSignatureMissing):
		return "signature_missing", problemSignature
	case errors.Is(err, provider.ErrSignatureMalformed):
		return "signature_malformed", problemSignature
	case errors.Is(err, provider.ErrSignatureTime):
		return "signature_time", problemSignature
	case errors.Is(err, provider.ErrSignatureMismatch):
		return "signature_mismatch", problemSignature
	case errors.Is(err, provider.ErrModeMismatch):
		return "mode", problemMode
	case errors.Is(err, provider.ErrMalformedEvent):
		return "malformed", problemMalformed
	default:
		return "other", problemSignature
	}
}
