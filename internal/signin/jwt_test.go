package signin

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/gomega"

	"github.com/kassa-dev/kassa/internal/signin/signintest"
)

func TestTokensThatAreTaken(t *testing.T) {
	i := signintest.NewIssuer(t, public("rsa", rsaKey()), public("ec", ecKey()), public("ed", edKey()))
	v := verifierOf(t, i, newClock())
	ada := User{ID: "user-1", Email: "ada@example.com"}
	rs := func(changes claims) string { return sign(t, jose.RS256, rsaKey(), "rsa", good(i, changes), nil) }
	for _, c := range []struct {
		reason, token string
		want          User
	}{
		{"RS256", rs(nil), ada},
		{"PS512", sign(t, jose.PS512, rsaKey(), "rsa", good(i, nil), nil), ada},
		{"ES256", sign(t, jose.ES256, ecKey(), "ec", good(i, nil), nil), ada},
		{"EdDSA", sign(t, jose.EdDSA, edKey(), "ed", good(i, nil), nil), ada},
		{"no kid", sign(t, jose.ES256, ecKey(), "", good(i, nil), nil), ada},
		{"an access token", sign(t, jose.ES256, ecKey(), "ec", good(i, nil), map[string]any{"typ": "at+jwt"}), ada},
		{"type JWT", sign(t, jose.ES256, ecKey(), "ec", good(i, nil), map[string]any{"typ": "JWT"}), ada},
		{"two audiences, one of them ours", rs(claims{"aud": []string{"other", "kassa-staging"}}), ada},
		{"expired within the leeway", rs(claims{"exp": noon.Add(-20 * time.Second).Unix()}), ada},
		{"from a clock that is ahead", rs(claims{"iat": noon.Add(20 * time.Second).Unix(),
			"nbf": noon.Add(20 * time.Second).Unix()}), ada},
		{"no iat", rs(claims{"iat": nil}), ada},
		{"a number as id", rs(claims{"sub": json.Number("12345678901234567890")}),
			User{ID: "12345678901234567890", Email: ada.Email}},
		{"verified as a string", rs(claims{"email_verified": "true"}), ada},
		{"not verified", rs(claims{"email_verified": false}), User{ID: "user-1"}},
		{"not verified, as a string", rs(claims{"email_verified": "false"}), User{ID: "user-1"}},
		{"verified by a number", rs(claims{"email_verified": 1}), User{ID: "user-1"}},
		{"verification not said", rs(claims{"email_verified": nil}), User{ID: "user-1"}},
		{"no email", rs(claims{"email": nil}), User{ID: "user-1"}},
		{"an email that is none", rs(claims{"email": "ada@example.com, eve@example.com"}), User{ID: "user-1"}},
		{"an email that is no string", rs(claims{"email": []string{"ada@example.com"}}), User{ID: "user-1"}},
		{"another case of a claim's name", rs(claims{"SUB": "user-2", "Email": "eve@example.com"}), ada},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			user, err := v.User(t.Context(), request(c.token))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(user).To(Equal(c.want))
		})
	}
	NewWithT(t).Expect(i.Questions.Load()).To(Equal(int32(1)), "keys are asked for once")
}

func TestHostileTokens(t *testing.T) {
	i := signintest.NewIssuer(t, public("rsa", rsaKey()), public("ec", ecKey()), public("weak", weakRSAKey()),
		jose.JSONWebKey{Key: []byte("a secret that was published by accident"), KeyID: "oct"},
		jose.JSONWebKey{Key: otherRSAKey().Public(), KeyID: "enc", Use: "enc"},
		jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "ps", Algorithm: "PS256"})
	v := verifierOf(t, i, newClock())
	der := must(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	rs := func(changes claims) string { return sign(t, jose.RS256, rsaKey(), "rsa", good(i, changes), nil) }
	signed := strings.Split(rs(nil), ".")
	unsigned := func(header string) string { return encode(header) + "." + signed[1] + "." }
	duplicate := []byte(`{"iss":"` + i.URL + `","aud":"kassa","exp":1999999999,"sub":"a","sub":"b"}`)
	for _, c := range []struct{ reason, token, want string }{
		{"alg none", unsigned(`{"alg":"none"}`), "no JWT"},
		{"alg NoNe with a kid", unsigned(`{"alg":"NoNe","kid":"rsa"}`), "no JWT"},
		{"no alg", unsigned(`{"kid":"rsa"}`), "no JWT"},
		{"HS256 with the public key in PEM", sign(t, jose.HS256, publicPEM, "rsa", good(i, nil), nil), "no JWT"},
		{"HS256 with the public key in DER", sign(t, jose.HS256, der, "rsa", good(i, nil), nil), "no JWT"},
		{"HS256 with a published secret", sign(t, jose.HS256, []byte("a secret that was published by accident"), "oct",
			good(i, nil), nil), "no JWT"},
		{"no signature", signed[0] + "." + signed[1] + ".", "not signed with a key"},
		{"another token's claims", signed[0] + "." + strings.Split(rs(claims{"sub": "user-2"}), ".")[1] + "." + signed[2],
			"not signed with a key"},
		{"another key, same kid", sign(t, jose.RS256, otherRSAKey(), "rsa", good(i, nil), nil), "not signed with a key"},
		{"another key, no kid", sign(t, jose.RS256, otherRSAKey(), "", good(i, nil), nil), "not signed with a key"},
		{"an unknown kid", sign(t, jose.RS256, rsaKey(), "gone", good(i, nil), nil), "not signed with a key"},
		{"a key that comes along", sign(t, jose.RS256, otherRSAKey(), "rsa", good(i, nil),
			map[string]any{"jwk": public("rsa", otherRSAKey())}), "not signed with a key"},
		{"a key's address that comes along", sign(t, jose.RS256, otherRSAKey(), "rsa", good(i, nil),
			map[string]any{"jku": "https://evil.example/keys"}), "not signed with a key"},
		{"an algorithm of another kind of key", sign(t, jose.ES256, ecKey(), "rsa", good(i, nil), nil),
			"not signed with a key"},
		{"a key of another algorithm", sign(t, jose.RS256, rsaKey(), "ps", good(i, nil), nil), "not signed with a key"},
		{"a key for encryption", sign(t, jose.RS256, otherRSAKey(), "enc", good(i, nil), nil), "not signed with a key"},
		{"a weak key", sign(t, jose.RS256, weakRSAKey(), "weak", good(i, nil), nil), "not signed with a key"},
		{"a critical header", sign(t, jose.RS256, rsaKey(), "rsa", good(i, nil),
			map[string]any{"crit": []string{"exp"}, "exp": 1}), "critical headers"},
		{"an unencoded payload", sign(t, jose.RS256, rsaKey(), "rsa", good(i, nil),
			map[string]any{"crit": []string{"b64"}, "b64": true}), "critical headers"},
		{"a logout token", sign(t, jose.RS256, rsaKey(), "rsa", good(i, nil), map[string]any{"typ": "logout+jwt"}),
			"type that admits nobody"},
		{"a type that is no text", sign(t, jose.RS256, rsaKey(), "rsa", good(i, nil), map[string]any{"typ": 1}),
			"type that admits nobody"},
		{"another issuer", rs(claims{"iss": "https://id.evil.example"}), "another issuer"},
		{"the issuer with a slash", rs(claims{"iss": i.URL + "/"}), "another issuer"},
		{"no issuer", rs(claims{"iss": nil}), "another issuer"},
		{"an issuer of another case", rs(claims{"iss": nil, "ISS": i.URL}), "another issuer"},
		{"another audience", rs(claims{"aud": "other"}), "another audience"},
		{"two other audiences", rs(claims{"aud": []string{"other", "kassa2"}}), "another audience"},
		{"an audience that begins alike", rs(claims{"aud": "kassa-staging-2"}), "another audience"},
		{"no audience", rs(claims{"aud": nil}), "another audience"},
		{"an empty list of audiences", rs(claims{"aud": []string{}}), "another audience"},
		{"an audience that is no text", rs(claims{"aud": []any{"kassa", 1}}), "not well-formed"},
		{"expired", rs(claims{"exp": noon.Add(-time.Minute).Unix()}), "has expired"},
		{"never expires", rs(claims{"exp": nil}), "when it expires"},
		{"expires at a text", rs(claims{"exp": "1999999999"}), "not well-formed"},
		{"expires beyond time", rs(claims{"exp": json.Number("1e300")}), "not well-formed"},
		{"not valid yet", rs(claims{"nbf": noon.Add(time.Minute).Unix()}), "not valid yet"},
		{"issued in the future", rs(claims{"iat": noon.Add(time.Minute).Unix()}), "in the future"},
		{"no id", rs(claims{"sub": nil}), "claim sub"},
		{"an empty id", rs(claims{"sub": ""}), "claim sub"},
		{"null as id", rs(claims{"sub": json.RawMessage("null")}), "claim sub"},
		{"true as id", rs(claims{"sub": true}), "claim sub"},
		{"an object as id", rs(claims{"sub": claims{"id": "1"}}), "claim sub"},
		{"a list as id", rs(claims{"sub": []string{"1"}}), "claim sub"},
		{"an id with a line break", rs(claims{"sub": "a\nb"}), "claim sub"},
		{"an id with white space around", rs(claims{"sub": " a"}), "claim sub"},
		{"an id that cannot be seen", rs(claims{"sub": "a\u200b"}), "claim sub"},
		{"a long id", rs(claims{"sub": strings.Repeat("a", 201)}), "claim sub"},
		{"two ids", sign(t, jose.RS256, rsaKey(), "rsa", duplicate, nil), "not well-formed"},
		{"no claims", sign(t, jose.RS256, rsaKey(), "rsa", []byte("null"), nil), "when it expires"},
		{"claims that are a list", sign(t, jose.RS256, rsaKey(), "rsa", []byte("[]"), nil), "not well-formed"},
		{"a token in a token", sign(t, jose.RS256, rsaKey(), "rsa", []byte(rs(nil)), map[string]any{"cty": "JWT"}),
			"not well-formed"},
		{"an encrypted token", encode(`{"alg":"RSA-OAEP","enc":"A128GCM"}`) + ".a.b.c.d", "no JWT"},
		{"four parts", rs(nil) + "." + signed[2], "no JWT"},
		{"one part", "abc", "no JWT"},
		{"huge", rs(claims{"pad": strings.Repeat("a", maxToken)}), "over 16 KiB"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := NewWithT(t)
			user, err := v.User(t.Context(), request(c.token))
			g.Expect(err).To(MatchError(ErrRefused))
			g.Expect(Reason(err)).To(ContainSubstring(c.want))
			g.Expect(user).To(BeZero())
			for part := range strings.SplitSeq(c.token, ".") {
				g.Expect(len(part) > 2 && strings.Contains(err.Error(), part)).To(BeFalse(), "a token is never in an error")
			}
		})
	}
	NewWithT(t).Expect(i.Questions.Load()).To(Equal(int32(1)), "hostile tokens make nobody ask the issuer")
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestClaimsThatTheSpecNames(t *testing.T) {
	g := NewWithT(t)
	i := signintest.NewIssuer(t, public("ec", ecKey()))
	v := verifierOf(t, i, newClock(), func(o *JWTOptions) { o.UserIDClaim, o.EmailClaim = "https://acme.com/uid", "mail" })
	token := sign(t, jose.ES256, ecKey(), "ec",
		good(i, claims{"https://acme.com/uid": 42, "mail": "grace@example.com"}), nil)
	g.Expect(v.User(t.Context(), request(token))).To(Equal(User{ID: "42", Email: "grace@example.com"}))
	_, err := v.User(t.Context(), request(sign(t, jose.ES256, ecKey(), "ec", good(i, nil), nil)))
	g.Expect(Reason(err)).To(ContainSubstring("claim https://acme.com/uid"), "sub is no substitute")
}

// Only an application's own server may say for whom it asks.
func TestAUserDoesNotSayWhoItIs(t *testing.T) {
	g := NewWithT(t)
	i := signintest.NewIssuer(t, public("ec", ecKey()))
	r := request(sign(t, jose.ES256, ecKey(), "ec", good(i, nil), nil))
	r.Header.Set(HeaderUserID, "user-2")
	r.Header.Set(HeaderUserEmail, "eve@example.com")
	g.Expect(verifierOf(t, i, newClock()).User(t.Context(), r)).To(Equal(User{ID: "user-1", Email: "ada@example.com"}))
}

func TestOptionsThatAdmitTooMuch(t *testing.T) {
	g := NewWithT(t)
	_, err := NewJWT(JWTOptions{Issuer: "https://id.example.com"})
	g.Expect(err).To(HaveOccurred(), "without an audience, every token of the issuer would do")
	_, err = NewJWT(JWTOptions{Audiences: []string{"kassa"}})
	g.Expect(err).To(HaveOccurred())
}

func TestNobodyIsAskedForARequestWithoutAToken(t *testing.T) {
	g := NewWithT(t)
	i := signintest.NewIssuer(t, public("ec", ecKey()))
	r := request("")
	r.Header = http.Header{}
	_, err := verifierOf(t, i, newClock()).User(t.Context(), r)
	g.Expect(err).To(MatchError(ErrNoCredentials))
	g.Expect(i.Discoveries.Load()).To(BeZero())
}
