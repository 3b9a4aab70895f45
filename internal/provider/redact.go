package provider

import (
	"regexp"
	"strings"
)

// Everything that may be a credential, or a customer's address, in a provider's text. Stripe echoes a part of a
// wrong key in its message.
var (
	credential = regexp.MustCompile(`\b(?:` + strings.Join([]string{
		`(?:sk|rk|pk)_(?:test|live)_[\w*.…-]*`, `whsec_[\w*.…-]*`, // Stripe
		`pdl_[\w*.…-]+`,             // Paddle
		`eyJ[\w-]{8,}(?:\.[\w-]*)*`, // LemonSqueezy, and any other JSON web token
	}, "|") + `)`)
	// Where a provider repeats a request, it is encoded as that was.
	email = regexp.MustCompile(`(?i)[\pL\pN_.+%-]+(?:@|%40|\\u0040)[\pL\pN_%-]+(?:\.[\pL\pN_%-]+)+`)
)

// Redact replaces everything that looks like a credential or an e-mail address.
func Redact(s string) string {
	return email.ReplaceAllString(credential.ReplaceAllString(s, "[redacted]"), "[redacted]")
}

// minKey is the length of a text that can be a key, in bytes. A shorter one would be cut out of words.
const minKey = 8

// WithoutKey replaces a connection's own key, which need not look like a credential. It goes before Redact and before
// everything that cuts a text, because a part of the key is not found any more.
func WithoutKey[T string | []byte](text T, key string) T {
	if len(key) < minKey {
		return text
	}
	return T(strings.ReplaceAll(string(text), key, "[redacted]"))
}
