package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxSignatureHeader = 4096
	maxSignatures      = 16
	maxTimeDigits      = 12
)

// SignatureScheme signs and verifies webhook requests whose header has a time and HMACs of time and body, one for each
// secret that the provider has while a secret is replaced. With {Time: "t", MAC: "v1", Between: ",", Joint: '.'} the
// header is "t=<unix seconds>,v1=<hex>[,v1=<hex>]", and each v1 the HMAC-SHA256 of "<t>.<raw body>". Parts with other
// names are ignored.
type SignatureScheme struct {
	Header string
	// Time and MAC are the names of the parts.
	Time, MAC string
	// Between is between two parts.
	Between string
	// Joint is between time and body in what is signed.
	Joint byte
}

// signatures are a header that was read.
type signatures struct {
	time  string // as it was sent: it is part of what is signed
	unix  int64
	macs  [maxSignatures][sha256.Size]byte
	count int
}

// Verify compares every signature with every secret, without stopping early. Time is checked last: only a right
// signature says anything about its time, which may be as far in the future as in the past. Errors are those of
// WebhookCodec.
func (s SignatureScheme) Verify(
	header http.Header, body []byte, secrets []string, now time.Time, tolerance time.Duration,
) error {
	var r signatures
	if err := s.read(&r, header); err != nil {
		return err
	}
	var prefix [maxTimeDigits + 1]byte
	signed := append(append(prefix[:0], r.time...), s.Joint)
	var sum [sha256.Size]byte
	match := false
	for _, secret := range secrets {
		if secret == "" {
			continue // anybody can sign with an empty secret
		}
		want := macOf(sum[:0], secret, signed, body)
		for i := range r.count {
			if hmac.Equal(want, r.macs[i][:]) {
				match = true
			}
		}
	}
	if !match {
		return fmt.Errorf("%w: none of the %d secrets gives it", ErrSignatureMismatch, len(secrets))
	}
	if age := now.Sub(time.Unix(r.unix, 0)); age > tolerance || age < -tolerance {
		return fmt.Errorf("%w: it is %s old", ErrSignatureTime, age.Round(time.Second))
	}
	return nil
}

// Sign makes the header.
func (s SignatureScheme) Sign(body []byte, secret string, now time.Time) http.Header {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hex.EncodeToString(macOf(nil, secret, append([]byte(at), s.Joint), body))
	return http.Header{s.Header: {s.Time + "=" + at + s.Between + s.MAC + "=" + mac}}
}

func macOf(to []byte, secret string, prefix, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(prefix)
	mac.Write(body)
	return mac.Sum(to)
}

func (s SignatureScheme) read(r *signatures, header http.Header) error {
	values := header.Values(s.Header)
	switch {
	case len(values) == 0 || values[0] == "" && len(values) == 1:
		return fmt.Errorf("%w: no %s header", ErrSignatureMissing, s.Header)
	case len(values) > 1:
		return malformed("the header is there twice")
	case len(values[0]) > maxSignatureHeader:
		return malformed("the header is too long")
	}
	for rest, more := values[0], true; more; {
		var item string
		item, rest, more = strings.Cut(rest, s.Between)
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			return malformed("a part is not name=value")
		}
		switch name {
		case s.Time:
			if r.time != "" || !isTime(value) {
				return malformed(s.Time + " is not one Unix time")
			}
			r.time = value
			r.unix, _ = strconv.ParseInt(value, 10, 64) // isTime has checked it
		case s.MAC:
			if r.count == maxSignatures {
				return malformed("there are too many signatures")
			}
			if !r.add(value) {
				return malformed(s.MAC + " is not 64 hex digits")
			}
		}
	}
	if r.time == "" || r.count == 0 {
		return malformed(s.Time + " or " + s.MAC + " is missing")
	}
	return nil
}

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrSignatureMalformed, why) }

func (r *signatures) add(value string) bool {
	var text [2 * sha256.Size]byte
	if len(value) != len(text) {
		return false
	}
	copy(text[:], value)
	if _, err := hex.Decode(r.macs[r.count][:], text[:]); err != nil {
		return false
	}
	r.count++
	return true
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
