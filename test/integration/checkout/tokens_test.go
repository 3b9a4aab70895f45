package checkout

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/gomega"

	v1alpha1 "github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/signin/signintest"
	"github.com/kassa-dev/kassa/test/stack"
)

// askPause lies between two questions of a replica to the issuer, as the documentation says.
const askPause = 5 * time.Second

// identity is an issuer and the shop that takes its tokens.
type identity struct {
	*deployed
	issuer *signintest.Issuer
	key    *rsa.PrivateKey // published as "one"
}

// token is one of a user that is good, but for the changes.
func (i *identity) token(user string, changes signintest.Claims) string {
	claims := signintest.Claims{"sub": user, "email": user + "@example.com"}
	for name, value := range changes {
		claims[name] = value
	}
	return signintest.Sign(i.t, jose.RS256, i.key, "one", i.issuer.Claims(time.Now(), claims), nil)
}

// as makes a request with a token, through the Service.
func (i *identity) as(token, method, path, body string) reply {
	i.t.Helper()
	return i.ask(method, i.URL()+path, body, "Authorization", "Bearer "+token)
}

// buys opens a checkout and pays it with the user's address.
func (i *identity) buys(user string) (provider string) {
	i.t.Helper()
	opened := i.as(i.token(user, nil), http.MethodPost, "/v1/checkouts", monthly)
	i.g.Expect(opened.status).To(Equal(http.StatusCreated), opened.text)
	payAs(i.g, opened.member("url"), user+"@example.com")
	return opened.member("provider")
}

func (i *identity) subscriptions(token string) []string {
	i.t.Helper()
	return i.as(token, http.MethodGet, "/v1/subscriptions", "").list(i.g)
}

// A deployed server believes the tokens of its issuer, and nobody else's, and shows every user their own alone.
func TestTokens(t *testing.T) {
	g := NewWithT(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	g.Expect(err).NotTo(HaveOccurred())
	issuer := signintest.NewIssuer(t, signintest.Public("one", key))
	d := deploy(t, func(_ *stack.Stack, e *v1alpha1.CheckoutEndpoint) {
		one := int32(1)
		e.Spec.RateLimit.TrustedProxies = &one
		e.Spec.Auth = v1alpha1.CheckoutAuth{JWT: &v1alpha1.JWTAuth{Issuer: issuer.URL, Audiences: []string{"kassa"}}}
	}, "stripe", "lemonsqueezy")
	i := &identity{d, issuer, key}
	for _, subject := range []struct {
		name string
		test func(*testing.T, *identity)
	}{
		{"refused", refusedTokens}, {"users", othersSubscriptions}, {"emails", unverifiedEmails},
		{"unknown keys", unknownKeys}, {"rotation", rotatedKeys}, {"flood", floodOfForgedTokens},
	} {
		t.Run(subject.name, func(t *testing.T) {
			mine := *d
			mine.t, mine.g = t, NewWithT(t)
			i.deployed = &mine
			subject.test(t, i)
		})
	}
	d.isAsItWas()
}

func refusedTokens(t *testing.T, i *identity) {
	good := i.token("ada", nil)
	i.g.Expect(i.as(good, http.MethodPost, "/v1/checkouts", monthly).status).To(Equal(http.StatusCreated))
	i.g.Expect(i.subscriptions(good)).To(BeEmpty())

	other, err := rsa.GenerateKey(rand.Reader, 2048)
	i.g.Expect(err).NotTo(HaveOccurred())
	der, err := x509.MarshalPKIXPublicKey(i.key.Public())
	i.g.Expect(err).NotTo(HaveOccurred())
	claims := i.issuer.Claims(time.Now(), nil)
	signed := strings.Split(good, ".")
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for reason, token := range map[string]string{
		"alg none": base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + signed[1] + ".",
		"HS256 with the public key": signintest.Sign(t, jose.HS256,
			pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "one", claims, nil),
		"another audience":        i.token("ada", signintest.Claims{"aud": "other"}),
		"expired":                 i.token("ada", signintest.Claims{"exp": at(-time.Minute)}),
		"not yet valid":           i.token("ada", signintest.Claims{"nbf": at(time.Minute)}),
		"another issuer":          i.token("ada", signintest.Claims{"iss": "https://id.example.com"}),
		"signed by another key":   signintest.Sign(t, jose.RS256, other, "one", claims, nil),
		"of a key not known":      signintest.Sign(t, jose.RS256, other, "two", claims, nil),
		"another's claims":        signed[0] + "." + strings.Split(i.token("eve", nil), ".")[1] + "." + signed[2],
		"the application's token": shopToken,
	} {
		for _, path := range []string{"POST /v1/checkouts", "GET /v1/subscriptions"} {
			method, path, _ := strings.Cut(path, " ")
			body := ""
			if method == http.MethodPost {
				body = monthly
			}
			r := i.as(token, method, path, body)
			i.g.Expect(r.status).To(Equal(http.StatusUnauthorized), "%s: %s", reason, r.text)
			i.g.Expect(r.problem()).To(Equal("unauthenticated"), reason)
			i.g.Expect(r.header.Get("WWW-Authenticate")).To(Equal("Bearer"), reason)
			i.g.Expect(r.text).NotTo(ContainSubstring(token), reason)
		}
	}
	// What an application's server says of its user means nothing with tokens.
	r := i.ask(http.MethodGet, i.URL()+"/v1/subscriptions", "", "Kassa-User-Id", "ada")
	i.g.Expect(r.status).To(Equal(http.StatusUnauthorized))
}

// What is somebody else's is answered like what does not exist, byte for byte.
func othersSubscriptions(_ *testing.T, i *identity) {
	var bought string
	for n := 0; bought != "Stripe"; n++ {
		bought = i.buys(fmt.Sprint("owner-", n))
		if bought != "Stripe" {
			continue
		}
		owner, other := i.token(fmt.Sprint("owner-", n), nil), i.token("other", nil)
		i.g.Eventually(i.subscriptions, stack.Patience, often).WithArguments(owner).Should(HaveLen(1))
		id := i.subscriptions(owner)[0]
		i.g.Expect(i.subscriptions(other)).To(BeEmpty())
		for _, ask := range []struct{ method, path, body string }{
			{http.MethodPost, "/v1/subscriptions/%s/cancel", "{}"},
			{http.MethodPost, "/v1/subscriptions/%s/resume", "{}"},
			{http.MethodPatch, "/v1/subscriptions/%s", monthly},
			{http.MethodPost, "/v1/portal", `{"subscription":"%s"}`},
		} {
			of := func(id string) reply {
				fill := func(text string) string {
					if strings.Contains(text, "%s") {
						return fmt.Sprintf(text, id)
					}
					return text
				}
				return i.as(other, ask.method, fill(ask.path), fill(ask.body))
			}
			theirs, none := of(id), of("stripe.sub_nothing")
			i.g.Expect(theirs.status).To(Equal(http.StatusNotFound), theirs.text)
			i.g.Expect(theirs.problem()).To(Equal("no-subscription"))
			i.g.Expect(theirs.text).To(Equal(none.text), ask.path)
			i.g.Expect(none.status).To(Equal(http.StatusNotFound))
		}
		canceled := i.as(owner, http.MethodPost, "/v1/subscriptions/"+id+"/cancel", "{}")
		i.g.Expect(canceled.status).To(Equal(http.StatusOK), canceled.text)
		opened := i.as(owner, http.MethodPost, "/v1/portal", `{"subscription":"`+id+`"}`)
		i.g.Expect(opened.status).To(Equal(http.StatusOK), opened.text)
	}
}

// An address that nobody vouches for owns nothing.
func unverifiedEmails(_ *testing.T, i *identity) {
	user := ""
	for n := 0; user == ""; n++ {
		if name := fmt.Sprint("buyer-", n); i.buys(name) == "LemonSqueezy" {
			user = name
		}
	}
	verified := i.token(user, nil)
	i.g.Eventually(i.subscriptions, stack.Patience, often).WithArguments(verified).Should(HaveLen(1))
	id := url.PathEscape(i.subscriptions(verified)[0])
	for _, claim := range []any{false, "false", nil, 1} {
		token := i.token(user, signintest.Claims{"email_verified": claim})
		i.g.Expect(i.subscriptions(token)).To(BeEmpty(), "%v", claim)
		theirs := i.as(token, http.MethodPost, "/v1/subscriptions/"+id+"/cancel", "{}")
		none := i.as(token, http.MethodPost, "/v1/subscriptions/lemonsqueezy.999999/cancel", "{}")
		i.g.Expect(theirs.status).To(Equal(http.StatusNotFound), theirs.text)
		i.g.Expect(theirs.text).To(Equal(none.text))
	}
	// The address is who somebody is there, whatever else the token says.
	i.g.Expect(i.subscriptions(i.token("other", signintest.Claims{"email": user + "@example.com"}))).To(HaveLen(1))
}

// However many tokens name keys that nobody knows, each replica asks the issuer now and then.
func unknownKeys(t *testing.T, i *identity) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	i.g.Expect(err).NotTo(HaveOccurred())
	before, began := i.issuer.Questions.Load(), time.Now()
	for n := range 60 {
		claims := i.issuer.Claims(time.Now(), nil)
		token := signintest.Sign(t, jose.ES256, key, fmt.Sprint("unknown-", n), claims, nil)
		i.g.Expect(i.as(token, http.MethodGet, "/v1/subscriptions", "").status).To(Equal(http.StatusUnauthorized))
	}
	pauses := 1 + int(time.Since(began)/askPause)
	i.g.Expect(int(i.issuer.Questions.Load() - before)).To(BeNumerically("<=", len(i.pods)*pauses))
}

// Keys are rotated at the issuer alone: the new one is taken, and the withdrawn one ends with the next look at the
// keys, which the first token with the new key causes.
func rotatedKeys(t *testing.T, i *identity) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	i.g.Expect(err).NotTo(HaveOccurred())
	old := i.token("ada", nil)
	claims := i.issuer.Claims(time.Now(), signintest.Claims{"sub": "ada"})
	fresh := signintest.Sign(t, jose.ES256, key, "new", claims, nil)
	i.issuer.Change(func(is *signintest.Issuer) {
		is.Keys = []jose.JSONWebKey{signintest.Public("one", i.key), signintest.Public("new", key)}
	})
	status := func(at, token string) int {
		return i.ask(http.MethodGet, at+"/v1/subscriptions", "", "Authorization", "Bearer "+token).status
	}
	for _, at := range i.atEach() {
		i.g.Eventually(status, askPause+soon, often).WithArguments(at, fresh).Should(Equal(http.StatusOK))
		i.g.Expect(status(at, old)).To(Equal(http.StatusOK), "both keys are published")
	}
	last, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	i.g.Expect(err).NotTo(HaveOccurred())
	i.issuer.Change(func(is *signintest.Issuer) {
		is.Keys = []jose.JSONWebKey{signintest.Public("new", key), signintest.Public("last", last)}
	})
	newest := signintest.Sign(t, jose.ES256, last, "last", claims, nil)
	for _, at := range i.atEach() {
		i.g.Eventually(status, askPause+soon, often).WithArguments(at, newest).Should(Equal(http.StatusOK))
		i.g.Expect(status(at, fresh)).To(Equal(http.StatusOK))
		i.g.Expect(status(at, old)).To(Equal(http.StatusUnauthorized), "its key was withdrawn")
	}
}

// Who sends forged tokens without end is not listened to any more, and nobody else notices.
func floodOfForgedTokens(t *testing.T, i *identity) {
	at := i.atEach()[0]
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	i.g.Expect(err).NotTo(HaveOccurred())
	forged := signintest.Sign(t, jose.ES256, key, "new", i.issuer.Claims(time.Now(), nil), nil)
	from := func(address string) (reply, error) {
		return send(i.Through, http.MethodPost, at+"/v1/checkouts", monthly,
			"Authorization", "Bearer "+forged, "X-Forwarded-For", address)
	}
	var waits atomic.Value
	load := loading(t, 8, func(int) string {
		r, err := from("192.0.2.1")
		if r.status == http.StatusTooManyRequests {
			waits.Store(r.header.Get("Retry-After"))
		}
		return fmt.Sprint(r.status, err)
	})
	i.g.Eventually(waits.Load, stack.Patience, often).Should(Equal("1"))
	_, answers := load.stop()
	i.g.Expect(answers).To(HaveEach(BeElementOf("401 <nil>", "429 <nil>")))
	other, err := from("192.0.2.2")
	i.g.Expect(err).NotTo(HaveOccurred())
	i.g.Expect(other.status).To(Equal(http.StatusUnauthorized))
}
