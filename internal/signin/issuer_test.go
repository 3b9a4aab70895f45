package signin

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/signin/signintest"
)

type claims = signintest.Claims

var (
	sign   = signintest.Sign
	public = signintest.Public
)

// good claims, changed by what is given; nil takes one away.
func good(i *signintest.Issuer, changes claims) claims { return i.Claims(noon, changes) }

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

func verifierOf(t *testing.T, i *signintest.Issuer, c *clock, edits ...func(*JWTOptions)) Verifier {
	t.Helper()
	o := JWTOptions{Issuer: i.URL, Audiences: []string{"kassa", "kassa-staging"}, Now: c.now}
	for _, edit := range edits {
		edit(&o)
	}
	v, err := NewJWT(o)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return v
}

func request(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/plans", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
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
