package billing

import "strings"

// LowerEmail writes the ASCII letters of an address small, and leaves all others. By Unicode's rules, or a database's,
// somebody could be taken for another who owns an email of other letters: a long s is an s to them.
func LowerEmail(email string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, email)
}

// SameEmail says that two addresses are one person's. It ignores the case of ASCII letters alone.
func SameEmail(a, b string) bool { return LowerEmail(a) == LowerEmail(b) }
