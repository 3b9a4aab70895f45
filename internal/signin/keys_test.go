package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/signin/signintest"
)

func TestKeysAreRotated(t *testing.T) {
	g := NewWithT(t)
	i, now := signintest.NewIssuer(t, public("one", ecKey())), newClock()
	v := verifierOf(t, i, now)
	first := sign(t, jose.ES256, ecKey(), "one", good(i, nil), nil)
	second := sign(t, jose.EdDSA, edKey(), "two", good(i, nil), nil)
	g.Expect(userOf(t, v, first)).To(Succeed())

	now.move(askPause)
	i.Change(func(i *signintest.Issuer) { i.Keys = []jose.JSONWebKey{public("one", ecKey()), public("two", edKey())} })
	g.Expect(userOf(t, v, second)).To(Succeed(), "an unknown kid makes the keys be asked for")
	g.Expect(userOf(t, v, first)).To(Succeed())
	g.Expect(i.Questions.Load()).To(Equal(int32(2)))

	i.Change(func(i *signintest.Issuer) { i.Keys = []jose.JSONWebKey{public("two", edKey())} })
	now.move(maxKeyAge)
	g.Expect(userOf(t, v, first)).To(MatchError(ErrRefused), "a withdrawn key ends")
	g.Expect(userOf(t, v, second)).To(Succeed())
}

func TestAKeyIsReplacedUnderItsName(t *testing.T) {
	g := NewWithT(t)
	i, now := signintest.NewIssuer(t, public("only", ecKey())), newClock()
	v := verifierOf(t, i, now)
	g.Expect(userOf(t, v, sign(t, jose.ES256, ecKey(), "only", good(i, nil), nil))).To(Succeed())
	i.Change(func(i *signintest.Issuer) { i.Keys = []jose.JSONWebKey{public("only", edKey())} })
	now.move(askPause)
	g.Expect(userOf(t, v, sign(t, jose.EdDSA, edKey(), "only", good(i, nil), nil))).To(Succeed())
}

func TestGarbageDoesNotHammerTheIssuer(t *testing.T) {
	g := NewWithT(t)
	i, now := signintest.NewIssuer(t, public("ec", ecKey())), newClock()
	v := verifierOf(t, i, now)
	var all sync.WaitGroup
	for n := range 200 {
		token := sign(t, jose.EdDSA, edKey(), fmt.Sprint("unknown-", n), good(i, nil), nil)
		all.Go(func() { _ = userOf(t, v, token) })
	}
	all.Wait()
	g.Expect(i.Questions.Load()).To(Equal(int32(1)))
	now.move(askPause)
	for n := range 50 {
		token := sign(t, jose.EdDSA, edKey(), fmt.Sprint("later-", n), good(i, nil), nil)
		g.Expect(userOf(t, v, token)).To(MatchError(ErrRefused))
	}
	g.Expect(i.Questions.Load()).To(Equal(int32(2)))
	g.Expect(userOf(t, v, sign(t, jose.ES256, ecKey(), "ec", good(i, nil), nil))).To(Succeed())
}

func TestAnIssuerThatIsAway(t *testing.T) {
	g := NewWithT(t)
	i, now := signintest.NewIssuer(t, public("ec", ecKey())), newClock()
	v := verifierOf(t, i, now)
	known := sign(t, jose.ES256, ecKey(), "ec", good(i, claims{"exp": noon.Add(48 * time.Hour).Unix()}), nil)
	unknown := sign(t, jose.EdDSA, edKey(), "ed", good(i, nil), nil)
	forged := sign(t, jose.EdDSA, edKey(), "ec", good(i, nil), nil)
	down := func(is bool) func(*signintest.Issuer) { return func(i *signintest.Issuer) { i.Down = is } }

	i.Change(down(true))
	err := userOf(t, v, known)
	g.Expect(err).To(MatchError(ErrUnavailable), "from the start")
	g.Expect(err).To(MatchError(ContainSubstring("status 502")))
	g.Expect(err.Error()).NotTo(ContainSubstring("private words"))
	g.Expect(userOf(t, v, known)).To(MatchError(ErrUnavailable))
	g.Expect(i.Discoveries.Load()).To(Equal(int32(1)), "the pause holds for failures too")

	i.Change(down(false))
	now.move(askPause)
	g.Expect(userOf(t, v, known)).To(Succeed(), "it is asked again")

	i.Change(down(true))
	now.move(24 * time.Hour)
	g.Expect(userOf(t, v, known)).To(Succeed(), "a known key goes on")
	g.Expect(userOf(t, v, unknown)).To(MatchError(ErrUnavailable))
	g.Expect(userOf(t, v, forged)).To(MatchError(ErrRefused), "a forged signature is one, whoever is away")
	for range 20 {
		g.Expect(userOf(t, v, known)).To(Succeed())
	}
	g.Expect(i.Discoveries.Load()).To(Equal(int32(3)))

	i.Change(func(i *signintest.Issuer) { i.Down, i.Keys = false, []jose.JSONWebKey{public("ed", edKey())} })
	now.move(askPause)
	g.Eventually(func() error { return userOf(t, v, known) }).Should(MatchError(ErrRefused), "its keys count again")
}

// Requests do not wait for an issuer that hangs where they need not, and never longer than their own client does.
func TestAnIssuerThatHangs(t *testing.T) {
	g := NewWithT(t)
	i, now := signintest.NewIssuer(t), newClock()
	hang := make(chan struct{})
	i.Replace = func(http.ResponseWriter, *http.Request) { <-hang }
	t.Cleanup(func() { close(hang) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := verifierOf(t, i, now).User(ctx, request(sign(t, jose.ES256, ecKey(), "ec", good(i, nil), nil)))
	g.Expect(err).To(MatchError(ErrUnavailable))
}

func TestIssuersThatAreNotWhatTheySay(t *testing.T) {
	elsewhere := signintest.NewIssuer(t, public("ec", ecKey()))
	for _, c := range []struct {
		reason, want string
		answer       func(i *signintest.Issuer) http.HandlerFunc
	}{
		{"another issuer's document", "did not match", func(*signintest.Issuer) http.HandlerFunc {
			return elsewhere.Config.Handler.ServeHTTP
		}},
		{"a redirect", "status 302", func(*signintest.Issuer) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
			}
		}},
		{"no jwks_uri", "jwks_uri", func(i *signintest.Issuer) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"issuer":%q}`, i.URL) }
		}},
		{"a file as jwks_uri", "jwks_uri", func(i *signintest.Issuer) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"file:///etc/passwd"}`, i.URL)
			}
		}},
		{"an endless document", "too large", func(*signintest.Issuer) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat(" ", maxAnswer+1), "{}") }
		}},
		{"no keys", "none of them can be used", func(i *signintest.Issuer) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"keys":[{"kty":"new"},{"kty":"oct","k":"c2VjcmV0"},1]}`, i.URL, i.URL)
			}
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			i := signintest.NewIssuer(t)
			i.Replace = c.answer(i)
			err := userOf(t, verifierOf(t, i, newClock()), sign(t, jose.ES256, ecKey(), "ec", good(i, nil), nil))
			g.Expect(err).To(MatchError(ErrUnavailable))
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
		})
	}
}

func TestKeysWithoutDiscovery(t *testing.T) {
	g := NewWithT(t)
	i := signintest.NewIssuer(t, public("ec", ecKey()))
	v := verifierOf(t, i, newClock(), func(o *JWTOptions) { o.JWKSURL = i.URL + "/keys" })
	g.Expect(userOf(t, v, sign(t, jose.ES256, ecKey(), "ec", good(i, nil), nil))).To(Succeed())
	g.Expect(i.Discoveries.Load()).To(BeZero())
}

// The keys may be on another machine than the discovery document.
func TestKeysAreReadWithoutTheDiscoveryDocument(t *testing.T) {
	g := NewWithT(t)
	i, now := signintest.NewIssuer(t, public("ec", ecKey())), newClock()
	v := verifierOf(t, i, now)
	g.Expect(userOf(t, v, sign(t, jose.ES256, ecKey(), "ec", good(i, nil), nil))).To(Succeed())
	i.Change(func(i *signintest.Issuer) {
		i.Keys = []jose.JSONWebKey{public("ed", edKey())}
		i.Replace = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/keys" {
				http.NotFound(w, r)
				return
			}
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: i.Keys})
		}
	})
	now.move(askPause)
	g.Expect(userOf(t, v, sign(t, jose.EdDSA, edKey(), "ed", good(i, nil), nil))).To(Succeed())
}

func TestKeysOfASafeIssuerAreNotReadInTheClear(t *testing.T) {
	g := NewWithT(t)
	plain := signintest.NewIssuer(t, public("ec", ecKey()))
	safe := &signintest.Issuer{}
	safe.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, safe.URL, plain.URL+"/keys")
	}))
	t.Cleanup(safe.Close)
	v := verifierOf(t, safe, newClock(), func(o *JWTOptions) { o.Client = safe.Client() })
	err := userOf(t, v, sign(t, jose.ES256, ecKey(), "ec", good(safe, nil), nil))
	g.Expect(err).To(MatchError(ContainSubstring("as safe as the issuer")))
	g.Expect(plain.Questions.Load()).To(BeZero())
}

func userOf(t *testing.T, v Verifier, token string) error {
	t.Helper()
	_, err := v.User(t.Context(), request(token))
	return err
}
