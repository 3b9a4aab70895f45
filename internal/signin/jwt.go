package signin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// leeway is how far the clocks of the issuer and of this machine may be apart.
const leeway = 30 * time.Second

// algorithms that a token may be signed with. None of them takes a secret: an issuer's public key, used as one, would
// let everybody sign.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// JWTOptions say whose tokens are taken.
type JWTOptions struct {
	// Issuer is the OpenID Connect issuer, exactly as its tokens and its discovery document name it.
	Issuer string
	// JWKSURL is where the keys are; empty asks the discovery document.
	JWKSURL string
	// Audiences of which a token must have one.
	Audiences []string
	// UserIDClaim has the user's id. Default: sub.
	UserIDClaim string
	// EmailClaim has the user's email. Default: email.
	EmailClaim string
	// Client asks the issuer; nil is Go's default client.
	Client *http.Client
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

type verifier struct {
	issuer        string
	audiences     jwt.Audience
	idClaim, mail string
	now           func() time.Time
	keys          *keySet
}

// NewJWT admits users by tokens of an OpenID Connect issuer. The issuer is asked when the first token comes, so that
// one that is away stops no start.
func NewJWT(o JWTOptions) (Verifier, error) {
	if o.Issuer == "" || len(o.Audiences) == 0 {
		return nil, errors.New("sign-in: an issuer and at least one audience are needed")
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &verifier{
		issuer: o.Issuer, audiences: o.Audiences, idClaim: cmp.Or(o.UserIDClaim, "sub"), mail: cmp.Or(o.EmailClaim, "email"),
		now: now, keys: newKeySet(newSource(o).read, now),
	}, nil
}

func (v *verifier) User(ctx context.Context, r *http.Request) (User, error) {
	raw, err := bearerOf(r.Header)
	if err != nil {
		return User{}, err
	}
	token, err := parse(raw)
	if err != nil {
		return User{}, err
	}
	if err := v.verifySignature(ctx, token); err != nil {
		return User{}, err
	}
	// The signature was verified above, and nothing of the claims was looked at before.
	var known registeredClaims
	var claims map[string]json.RawMessage
	if err := token.UnsafeClaimsWithoutVerification(&known, &claims); err != nil {
		return User{}, refuse("the token's claims are not well-formed")
	}
	if err := v.validate(known); err != nil {
		return User{}, err
	}
	id, ok := idOf(claims[v.idClaim])
	if !ok {
		return User{}, refuse("the token's claim %s is not an id of 1 to %d printable bytes", v.idClaim, maxUserID)
	}
	return User{ID: id, Email: v.verifiedEmail(claims)}, nil
}

// registeredClaims are those that a token is validated by. The library's own type would refuse a number as sub.
type registeredClaims struct {
	Issuer    string           `json:"iss"`
	Audience  jwt.Audience     `json:"aud"`
	Expiry    *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
}

// parse reads a token without trusting it.
func parse(raw string) (*jwt.JSONWebToken, error) {
	token, err := jwt.ParseSigned(raw, algorithms)
	if err != nil || len(token.Headers) != 1 {
		return nil, refuse("the token is no JWT that is signed with an RSA, ECDSA or Ed25519 key")
	}
	extra := token.Headers[0].ExtraHeaders
	if _, has := extra["crit"]; has {
		return nil, refuse("the token has critical headers, of which none is understood")
	}
	if !isSignInType(extra[jose.HeaderType]) {
		return nil, refuse("the token is of a type that admits nobody")
	}
	return token, nil
}

// isSignInType keeps out what issuers sign with the same keys for another purpose, such as logout+jwt (RFC 8725 §3.11).
func isSignInType(typ any) bool {
	if typ == nil {
		return true
	}
	text, is := typ.(string)
	text = strings.TrimPrefix(strings.ToLower(text), "application/")
	return is && (text == "at+jwt" || !strings.HasSuffix(text, "+jwt"))
}

// verifySignature asks the issuer for its keys again where no known one fits: they may have been rotated.
func (v *verifier) verifySignature(ctx context.Context, token *jwt.JSONWebToken) error {
	candidates := candidatesFor(token.Headers[0], v.keys.current(ctx))
	if signedByOneOf(token, candidates) {
		return nil
	}
	keys, err := v.keys.refreshed(ctx)
	if err != nil && (len(candidates) == 0 || token.Headers[0].KeyID == "") {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if signedByOneOf(token, candidatesFor(token.Headers[0], keys)) {
		return nil
	}
	return refuse("the token is not signed with a key of the issuer")
}

func candidatesFor(h jose.Header, keys []jose.JSONWebKey) []any {
	var out []any
	for i := range keys {
		key := &keys[i]
		if (h.KeyID == "" || h.KeyID == key.KeyID) && (key.Algorithm == "" || key.Algorithm == h.Algorithm) {
			out = append(out, key.Key)
		}
	}
	return out
}

func signedByOneOf(token *jwt.JSONWebToken, keys []any) bool {
	for _, key := range keys {
		if token.Claims(key) == nil {
			return true
		}
	}
	return false
}

func (v *verifier) validate(known registeredClaims) error {
	if known.Expiry == nil {
		return refuse("the token does not say when it expires")
	}
	c := jwt.Claims{
		Issuer: known.Issuer, Audience: known.Audience,
		Expiry: known.Expiry, NotBefore: known.NotBefore, IssuedAt: known.IssuedAt,
	}
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: v.issuer, AnyAudience: v.audiences, Time: v.now()}, leeway)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return refuse("the token is of another issuer")
	case errors.Is(err, jwt.ErrInvalidAudience):
		return refuse("the token is for another audience")
	case errors.Is(err, jwt.ErrExpired):
		return refuse("the token has expired")
	case errors.Is(err, jwt.ErrNotValidYet):
		return refuse("the token is not valid yet")
	case errors.Is(err, jwt.ErrIssuedInTheFuture):
		return refuse("the token was issued in the future")
	}
	return refuse("the token's claims do not fit")
}

// idOf reads a string, or a number as it is written: as a float, ids of 17 digits would become each other.
func idOf(claim json.RawMessage) (string, bool) {
	var value any
	d := json.NewDecoder(strings.NewReader(string(claim)))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return "", false
	}
	switch id := value.(type) {
	case string:
		return id, isUserID(id)
	case json.Number:
		return id.String(), isUserID(id.String())
	}
	return "", false
}

// verifiedEmail is empty unless the issuer vouches for the address. Some issuers write the boolean as a string.
func (v *verifier) verifiedEmail(claims map[string]json.RawMessage) string {
	if verified := string(claims["email_verified"]); verified != "true" && verified != `"true"` {
		return ""
	}
	var email string
	if json.Unmarshal(claims[v.mail], &email) != nil || !isEmail(email) {
		return ""
	}
	return email
}
