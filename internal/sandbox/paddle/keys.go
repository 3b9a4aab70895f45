package paddle

import (
	"crypto/sha256"
	"net/http"
	"regexp"
	"strings"
)

// Key says which account an API key addresses, where its text would say something else.
type Key struct {
	// Account is the account's id, of the sandbox only: Paddle's API tells none. Empty derives one from the key.
	Account string
	// Live is the mode of everything that the key reads and writes, whatever its prefix.
	Live bool
	// ReadOnly: the key has no permission to write.
	ReadOnly bool
}

// The keys that any account has: those with a prefix, of which only the prefix counts, and those made before
// 2025-05-06, which tell no mode and are taken for the sandbox's. Paddle's own are
// pdl_(live|sdbx)_apikey_{26}_{22}_{3}.
var (
	keyShape    = regexp.MustCompile(`^pdl_(live|sdbx)_apikey_[A-Za-z0-9_]+$`)
	legacyShape = regexp.MustCompile(`^[A-Za-z0-9]{50}$`)
)

// authenticate returns the account that the request's key addresses.
func (s *Server) authenticate(r *http.Request) (*account, Key, *apiError) {
	header := strings.TrimSpace(r.Header.Get("Authorization"))
	if header == "" {
		return nil, Key{}, authenticationMissing()
	}
	scheme, text, _ := strings.Cut(header, " ")
	text = strings.TrimSpace(text)
	if !strings.EqualFold(scheme, "Bearer") || text == "" || strings.ContainsAny(text, " \t") {
		return nil, Key{}, authenticationMalformed()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key, known := s.opt.meaning(text)
	if !known || s.revoked[text] {
		return nil, Key{}, invalidToken()
	}
	return s.accountLocked(key), key, nil
}

// meaning is the account and mode of a key: as listed, or by its text.
func (o *Options) meaning(text string) (key Key, known bool) {
	key, known = o.Keys[text]
	if !known {
		if !keyShape.MatchString(text) && !legacyShape.MatchString(text) {
			return Key{}, false
		}
		key.Live = strings.HasPrefix(text, "pdl_live_")
	}
	if key.Account == "" {
		key.Account = accountID(text)
	}
	return key, true
}

// Revoke makes a key invalid; with false it is valid again.
func (s *Server) Revoke(key string, revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revoked {
		s.revoked[key] = true
	} else {
		delete(s.revoked, key)
	}
}

// accountID derives an account's id from a key, the same every time.
func accountID(key string) string {
	sum := sha256.Sum256([]byte(key))
	var out strings.Builder
	out.WriteString("seller_")
	for _, b := range sum[:10] {
		out.WriteByte(letters[int(b)%len(letters)])
	}
	return out.String()
}
