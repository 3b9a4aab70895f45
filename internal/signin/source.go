package signin

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	// maxAnswer bounds what is read of an issuer's answer.
	maxAnswer = 1 << 20
	// maxKeys bounds the work for a token that does not say which key signed it.
	maxKeys = 32
	// minRSABits is what RFC 7518 §3.3 asks for.
	minRSABits = 2048
)

// source is where an issuer publishes its keys.
type source struct {
	issuer string
	fixed  string // spec's jwksURL, or empty
	client *http.Client

	mu         sync.Mutex
	discovered string // what the discovery document said last
}

func newSource(o JWTOptions) *source {
	client := http.Client{}
	if o.Client != nil {
		client = *o.Client
	}
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	client.Transport = strict{client.Transport}
	return &source{issuer: o.Issuer, fixed: o.JWKSURL, client: &client}
}

// read asks for the keys.
func (s *source) read(ctx context.Context) ([]jose.JSONWebKey, error) {
	at, err := s.where(ctx)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask for the issuer's keys: %w", err)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for the issuer's keys: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		return nil, fmt.Errorf("read the issuer's keys: %w", err)
	}
	keys := usable(set.Keys)
	if len(keys) == 0 {
		return nil, errors.New("read the issuer's keys: none of them can be used")
	}
	return keys, nil
}

// where asks the discovery document each time, since the keys may move, and goes by the last answer if there is none.
func (s *source) where(ctx context.Context) (string, error) {
	if s.fixed != "" {
		return s.fixed, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := s.discover(ctx)
	if err == nil {
		s.discovered = at
	} else if s.discovered == "" {
		return "", err
	}
	return s.discovered, nil
}

func (s *source) discover(ctx context.Context) (string, error) {
	document, err := oidc.NewProvider(oidc.ClientContext(ctx, s.client), s.issuer)
	if err != nil {
		return "", fmt.Errorf("read the issuer's discovery document: %w", err)
	}
	var found struct {
		JWKSURL string `json:"jwks_uri"`
	}
	if err := document.Claims(&found); err != nil {
		return "", fmt.Errorf("read the issuer's discovery document: %w", err)
	}
	issuer, err := url.Parse(s.issuer)
	if err != nil {
		return "", errors.New("the issuer is no URL")
	}
	at, err := url.Parse(found.JWKSURL)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != issuer.Scheme {
		return "", errors.New("the issuer's discovery document has no jwks_uri as safe as the issuer itself")
	}
	return found.JWKSURL, nil
}

// usable leaves out what signs nothing, or what this program cannot verify with: an issuer may publish newer kinds of
// keys beside those of today. A secret has no place among them.
func usable(raw []json.RawMessage) []jose.JSONWebKey {
	var out []jose.JSONWebKey
	for _, text := range raw {
		var key jose.JSONWebKey
		if json.Unmarshal(text, &key) != nil || key.Use != "" && key.Use != "sig" || !isPublic(key.Key) {
			continue
		}
		if out = append(out, key); len(out) == maxKeys {
			break
		}
	}
	return out
}

func isPublic(key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// strict takes an answer of status 200 only, so that no redirect leads elsewhere and no error page gets into a message,
// and of bounded length.
type strict struct{ next http.RoundTripper }

func (s strict) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("the answer has status %d", answer.StatusCode)
	}
	answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	return answer, nil
}
