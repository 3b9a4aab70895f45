package checkoutserver

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kassa-dev/kassa/api/v1alpha1"
	"github.com/kassa-dev/kassa/internal/signin"
	"github.com/kassa-dev/kassa/internal/storefront"
)

// keptGuards are those that outlive a change of the spec that does not touch them: what a client has used up, the keys
// of an issuer, and the tokens for as long as those of another Secret cannot be read.
type keptGuards struct {
	limit   [2]int32
	limiter *limiter

	jwt      string
	users    signin.Verifier
	refusals *limiter

	tokens [][]byte
}

// resolve works out the settings. c.mu is held.
func (c *config) resolve(ctx context.Context) {
	why := c.missing()
	var s *settings
	if why == "" {
		c.followSecrets(ctx, secretsOf(c.endpoint, c.doc))
		why = c.unread()
		if before, _ := c.live.Load(); why != "" && before != nil {
			return // what was known counts until the new Secret was looked for
		}
	}
	if why == "" {
		s, why = c.settings()
	}
	c.live.Set(c.log, s, why)
	if s != nil {
		c.tell(s)
	}
}

// missing says which object there is not. c.mu is held.
func (c *config) missing() string {
	switch {
	case c.endpoint == nil:
		return "the CheckoutEndpoint does not exist"
	case c.doc == nil && c.docWhy != "":
		return "the Secret " + storefront.SecretName(c.name) + ": " + c.docWhy
	case c.doc == nil:
		return "the Secret " + storefront.SecretName(c.name) + " has not been read yet"
	case c.docOwner != c.endpoint.UID:
		return "the Secret " + storefront.SecretName(c.name) + " was written for another CheckoutEndpoint of this name"
	default:
		return ""
	}
}

// unread says which Secret was not looked for yet, or "". c.mu is held.
func (c *config) unread() string {
	for name, s := range c.secrets {
		if !s.known {
			return "the Secret " + name.Name + " has not been read yet"
		}
	}
	return ""
}

// secretsOf are the Secrets that are needed, but for that of spec.tls.
func secretsOf(e *v1alpha1.CheckoutEndpoint, doc *storefront.Document) map[types.NamespacedName]bool {
	names := map[types.NamespacedName]bool{}
	if b := e.Spec.Auth.BearerToken; b != nil {
		names[types.NamespacedName{Namespace: e.Namespace, Name: b.SecretRef.Name}] = true
	}
	for _, p := range doc.Providers {
		names[types.NamespacedName{Namespace: p.Namespace, Name: p.APIKey.Name}] = true
		if p.ClientToken != nil {
			names[types.NamespacedName{Namespace: p.Namespace, Name: p.ClientToken.Name}] = true
		}
	}
	return names
}

// value is one key of a Secret, or why there is none. c.mu is held.
func (c *config) value(namespace string, ref storefront.SecretKey) (value, why string) {
	s := c.secrets[types.NamespacedName{Namespace: namespace, Name: ref.Name}]
	switch {
	case s == nil:
		return "", "the Secret " + ref.Name + " has not been read yet"
	case s.why != "":
		return "", "the Secret " + ref.Name + " " + s.why
	}
	if value = strings.TrimSpace(string(s.data[ref.Key])); value == "" {
		return "", "the Secret " + ref.Name + " has no value under " + ref.Key
	}
	return value, ""
}

// settings are nil and a reason while something is missing that nobody can be served without. c.mu is held.
func (c *config) settings() (*settings, string) {
	s, why := settingsOf(c.endpoint, c.doc)
	if why != "" {
		return nil, why
	}
	if s.users, why = c.users(&s.spec.Auth); why != "" {
		return nil, why
	}
	if perMinute, burst := limitOf(&s.spec); c.kept.limiter == nil || c.kept.limit != [2]int32{perMinute, burst} {
		c.kept.limit, c.kept.limiter = [2]int32{perMinute, burst}, newLimiter(perMinute, burst)
	}
	s.limiter = c.kept.limiter
	if s.spec.Auth.JWT != nil {
		s.refusals = c.kept.refusals
	}
	c.connections.keep(c.doc)
	for _, p := range c.doc.Providers {
		s.sites = append(s.sites, c.connections.site(p, c.namespace, c.value))
	}
	return s, ""
}

// users makes what finds out who asks. c.mu is held.
func (c *config) users(auth *v1alpha1.CheckoutAuth) (signin.Verifier, string) {
	if auth.BearerToken == nil {
		c.kept.tokens = nil
	}
	switch {
	case auth.JWT != nil:
		id, err := json.Marshal(auth.JWT)
		if err != nil {
			return nil, err.Error()
		}
		if c.kept.jwt != string(id) {
			users, err := signin.NewJWT(signin.JWTOptions{
				Issuer: auth.JWT.Issuer, JWKSURL: auth.JWT.JWKSURL, Audiences: auth.JWT.Audiences,
				UserIDClaim: auth.JWT.UserIDClaim, EmailClaim: auth.JWT.EmailClaim,
			})
			if err != nil {
				return nil, err.Error()
			}
			c.kept.jwt, c.kept.users, c.kept.refusals = string(id), users, newRefusals()
		}
		return c.kept.users, ""
	case auth.BearerToken != nil:
		tokens, why := c.tokens(&auth.BearerToken.SecretRef)
		c.kept.tokens = tokens // none, where somebody took them away: then they do not come back
		if why != "" {
			return nil, why
		}
		return signin.NewBearer(func() [][]byte { return tokens }), ""
	case auth.Anonymous != nil:
		return signin.Anonymous(), ""
	default:
		return nil, "spec.auth says nothing"
	}
}

// tokens are the live tokens, in the order of their keys, or why there are none. A trailing line break, which is easily
// put into a Secret by accident, is no part of a token. While another Secret cannot be read, as the operator has yet to
// give the right, the tokens from before count: it may be away, and nobody else could be served. c.mu is held.
func (c *config) tokens(ref *v1alpha1.SigningSecretReference) ([][]byte, string) {
	s := c.secrets[types.NamespacedName{Namespace: c.namespace, Name: ref.Name}]
	switch {
	case s == nil:
		return nil, "the Secret " + ref.Name + " has not been read yet"
	case s.why == unreadable && len(c.kept.tokens) > 0:
		return c.kept.tokens, ""
	case s.why != "":
		return nil, "the Secret " + ref.Name + " " + s.why
	}
	var keys []string
	for key := range s.data {
		if ref.Key == "" || ref.Key == key {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var out [][]byte
	for _, key := range keys {
		if token := strings.TrimSpace(string(s.data[key])); token != "" {
			out = append(out, []byte(token))
		}
	}
	if len(out) == 0 {
		return nil, "the Secret " + ref.Name + " has no token"
	}
	return out, ""
}

// tell logs what keeps a provider from being used, once. c.mu is held.
func (c *config) tell(s *settings) {
	told := map[string]string{}
	for _, at := range s.sites {
		why := at.down
		if why == "" {
			why = at.closed
		}
		told[at.Key()] = why
		switch why {
		case c.told[at.Key()]:
		case "":
			c.log.Info("provider can be used", "provider", at.Key())
		default:
			c.log.Warn("provider cannot be used", "provider", at.Key(), "reason", why)
		}
	}
	c.told = told
}
