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
	email = regexp.MustCompile(`[\w.+%-]+@[\w-]+(?:\.[\w-]+)+`)
)

// Redact replaces everything that looks like a credential or an e-mail address.
func Redact(s string) string {
	return email.ReplaceAllString(credential.ReplaceAllString(s, "[redacted]"), "[redacted]")
}
