package stripe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
)

// SignatureHeader carries "t=<unix seconds>,v1=<hex>[,v1=<hex>]": the HMAC-SHA256 of "<t>.<raw body>" with the
// endpoint's secret, one for each secret that Stripe has while a secret is rolled. Other schemes are ignored.
const SignatureHeader = "Stripe-Signature"

const (
	maxHeader     = 4096
	maxSignatures = 16
	maxTimeDigits = 12
)

// Codec verifies and parses Stripe's webhook requests. The zero value is ready for use.
type Codec struct{}

var _ provider.WebhookCodec = Codec{}

type signature struct {
	time  string // as it was sent: it is part of what is signed
	unix  int64
	macs  [maxSignatures][sha256.Size]byte
	count int
}

// Verify compares every signature with every secret, without stopping early. Time is checked last: only a right
// signature says anything about its time. Unlike the SDK it also refuses times in the future.
func (Codec) Verify(
	header http.Header, body []byte, secrets []string, now time.Time, tolerance time.Duration,
) error {
	var s signature
	if err := s.read(header); err != nil {
		return err
	}
	var prefix [maxTimeDigits + 1]byte
	signed := append(append(prefix[:0], s.time...), '.')
	var sum [sha256.Size]byte
	match := false
	for _, secret := range secrets {
		if secret == "" {
			continue // anybody can sign with an empty secret
		}
		want := macOf(sum[:0], secret, signed, body)
		for i := range s.count {
			if hmac.Equal(want, s.macs[i][:]) {
				match = true
			}
		}
	}
	if !match {
		return fmt.Errorf("%w: none of the %d secrets gives it", provider.ErrSignatureMismatch, len(secrets))
	}
	if age := now.Sub(time.Unix(s.unix, 0)); age > tolerance || age < -tolerance {
		return fmt.Errorf("%w: it is %s old", provider.ErrSignatureTime, age.Round(time.Second))
	}
	return nil
}

// Sign signs as Stripe does.
func (Codec) Sign(body []byte, secret string, now time.Time) http.Header {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := macOf(nil, secret, []byte(at+"."), body)
	return http.Header{SignatureHeader: {"t=" + at + ",v1=" + hex.EncodeToString(mac)}}
}

func macOf(to []byte, secret string, prefix, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(prefix)
	mac.Write(body)
	return mac.Sum(to)
}

func (s *signature) read(header http.Header) error {
	values := header.Values(SignatureHeader)
	malformed := func(why string) error { return fmt.Errorf("%w: %s", provider.ErrSignatureMalformed, why) }
	switch {
	case len(values) == 0 || values[0] == "" && len(values) == 1:
		return fmt.Errorf("%w: no %s header", provider.ErrSignatureMissing, SignatureHeader)
	case len(values) > 1:
		return malformed("the header is there twice")
	case len(values[0]) > maxHeader:
		return malformed("the header is too long")
	}
	for rest, more := values[0], true; more; {
		var item string
		item, rest, more = strings.Cut(rest, ",")
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			return malformed("a part is not name=value")
		}
		switch name {
		case "t":
			if s.time != "" || !isTime(value) {
				return malformed("t is not one Unix time")
			}
			s.time = value
			s.unix, _ = strconv.ParseInt(value, 10, 64) // isTime has checked it
		case "v1":
			if s.count == maxSignatures {
				return malformed("there are too many signatures")
			}
			if len(value) != hex.EncodedLen(sha256.Size) {
				return malformed("v1 is not 64 hex digits")
			}
			var text [2 * sha256.Size]byte
			copy(text[:], value)
			if _, err := hex.Decode(s.macs[s.count][:], text[:]); err != nil {
				return malformed("v1 is not 64 hex digits")
			}
			s.count++
		}
	}
	if s.time == "" || s.count == 0 {
		return malformed("t or v1 is missing")
	}
	return nil
}

func isTime(s string) bool {
	if s == "" || len(s) > maxTimeDigits {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
