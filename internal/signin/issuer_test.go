package signin

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/gomega"
)

// issuer is an OpenID Connect issuer on a real port.
type issuer struct {
	*httptest.Server
	discoveries, questions atomic.Int32

	mu   sync.Mutex
	keys []jose.JSONWebKey
	down bool
	// replace answers instead of the issuer where it is not nil.
	replace http.HandlerFunc
}

func newIssuer(t *testing.T, keys ...jose.JSONWebKey) *issuer {
	t.Helper()
	i := &issuer{keys: keys}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		i.discoveries.Add(1)
	case "/keys":
		i.questions.Add(1)
	}
	switch {
	case i.down:
		http.Error(w, "an error page with private words", http.StatusBadGateway)
	case i.replace != nil:
		i.replace(w, r)
	case r.URL.Path == "/keys":
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: i.keys})
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	}
}

func (i *issuer) change(edit func(*issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	edit(i)
}

// clock stands still until it is moved.
type clock struct{ at atomic.Int64 }

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func newClock() *clock {
	c := &clock{}
	c.at.Store(noon.UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *clock) move(d time.Duration) { c.at.Add(int64(d)) }

func (i *issuer) verifier(t *testing.T, c *clock, edits ...func(*JWTOptions)) Verifier {
	t.Helper()
	o := JWTOptions{Issuer: i.URL, Audiences: []string{"kassa", "kassa-staging"}, Now: c.now}
	for _, edit := range edits {
		edit(&o)
	}
	v, err := NewJWT(o)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return v
}

type claims map[string]any

// good claims, changed by what is given; nil takes one away.
func (i *issuer) claims(changes claims) claims {
	out := claims{
		"iss": i.URL, "aud": "kassa", "sub": "user-1", "email": "ada@example.com", "email_verified": true,
		"iat": noon.Add(-time.Minute).Unix(), "exp": noon.Add(time.Hour).Unix(),
	}
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, kid string, payload any, headers map[string]any) string {
	t.Helper()
	g := NewWithT(t)
	options := &jose.SignerOptions{}
	for name, value := range headers {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	if kid != "" {
		options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	g.Expect(err).NotTo(HaveOccurred())
	text, is := payload.([]byte)
	if !is {
		text, err = json.Marshal(payload)
		g.Expect(err).NotTo(HaveOccurred())
	}
	signed, err := signer.Sign(text)
	g.Expect(err).NotTo(HaveOccurred())
	token, err := signed.CompactSerialize()
	g.Expect(err).NotTo(HaveOccurred())
	return token
}

func request(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/plans", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func public(kid string, key crypto.Signer) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: kid}
}

// The keys are made once: RSA keys take long.
var (
	rsaKey      = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherRSAKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	weakRSAKey  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 1024)) })
	ecKey       = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey       = sync.OnceValue(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, 32)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
