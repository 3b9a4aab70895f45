package signin

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxToken bounds a token, in bytes, before anything is computed from it.
	maxToken = 16 << 10
	// maxUserID is what Stripe takes as a client reference, the shortest of the providers' limits.
	maxUserID = 200
	// maxEmail is the longest address that mail can be sent to.
	maxEmail = 254
)

// bearerOf is the token of the Authorization header. A second header is refused: a proxy in front might have looked at
// the other one.
func bearerOf(h http.Header) (string, error) {
	values := h.Values("Authorization")
	switch len(values) {
	case 0:
		return "", ErrNoCredentials
	case 1:
	default:
		return "", refuse("the request has more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", refuse("the Authorization header is not of the scheme Bearer")
	}
	token = strings.Trim(token, " ")
	if len(token) > maxToken {
		return "", refuse("the token is over %d KiB", maxToken>>10)
	}
	if !isToken68(token) {
		return "", refuse("the Authorization header has no well-formed token")
	}
	return token, nil
}

// isToken68 says whether a text is what RFC 6750 allows as a bearer token.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		if c := body[i]; !isAlphanumeric(c) && !strings.ContainsRune("-._~+/", rune(c)) {
			return false
		}
	}
	return body != ""
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// headerOf is the value of a header that may come once; empty where it is not there.
func headerOf(h http.Header, name string) (string, error) {
	values := h.Values(name)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", refuse("the request has more than one header %s", name)
	case values[0] == "":
		return "", refuse("the header %s is empty", name)
	}
	return values[0], nil
}

// isUserID says whether an id can travel to the providers and come back the same. Two ids that look alike are two
// users, so that what cannot be seen is refused.
func isUserID(s string) bool {
	return s != "" && len(s) <= maxUserID && isPrintable(s) && strings.TrimSpace(s) == s
}

// isEmail says whether a text may be looked up as an address. Whether mail arrives there, somebody else vouches for.
func isEmail(s string) bool {
	local, domain, _ := strings.Cut(s, "@")
	return local != "" && domain != "" && len(s) <= maxEmail && isPrintable(s) && !strings.ContainsAny(s, " ,;<>\"\\") &&
		!strings.Contains(domain, "@")
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
