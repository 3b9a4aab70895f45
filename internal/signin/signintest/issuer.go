// Package signintest is an OpenID Connect issuer for tests, on a real port.
package signintest

import (
	"crypto"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// KeysPath is where the issuer publishes its keys.
const KeysPath = "/keys"

// Issuer publishes a discovery document and keys.
type Issuer struct {
	*httptest.Server
	// Discoveries and Questions count how often the document and the keys were asked for.
	Discoveries, Questions atomic.Int32

	mu sync.Mutex
	// Keys that are published. Change changes them.
	Keys []jose.JSONWebKey
	// Down answers everything with an error page.
	Down bool
	// Replace answers instead of the issuer where it is not nil.
	Replace http.HandlerFunc
}

// NewIssuer starts an issuer that ends with the test.
func NewIssuer(t testing.TB, keys ...jose.JSONWebKey) *Issuer {
	t.Helper()
	i := &Issuer{Keys: keys}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	return i
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		i.Discoveries.Add(1)
	case KeysPath:
		i.Questions.Add(1)
	}
	switch {
	case i.Down:
		http.Error(w, "an error page with private words", http.StatusBadGateway)
	case i.Replace != nil:
		i.Replace(w, r)
	case r.URL.Path == KeysPath:
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: i.Keys})
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + KeysPath})
	}
}

// Change changes what the issuer does from the next request on.
func (i *Issuer) Change(edit func(*Issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	edit(i)
}

// Claims of a token.
type Claims map[string]any

// Claims are good ones for the audience kassa, of the user user-1, changed by what is given; nil takes one away.
func (i *Issuer) Claims(now time.Time, changes Claims) Claims {
	out := Claims{
		"iss": i.URL, "aud": "kassa", "sub": "user-1", "email": "ada@example.com", "email_verified": true,
		"iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

// Sign makes a token. The payload is bytes, or what JSON is made of.
func Sign(
	t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, payload any, headers map[string]any,
) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for name, value := range headers {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	if kid != "" {
		options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	must(t, err)
	text, is := payload.([]byte)
	if !is {
		text, err = json.Marshal(payload)
		must(t, err)
	}
	signed, err := signer.Sign(text)
	must(t, err)
	token, err := signed.CompactSerialize()
	must(t, err)
	return token
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Public is what an issuer publishes of a key.
func Public(kid string, key crypto.Signer) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: kid}
}
