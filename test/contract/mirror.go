package contract

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// Refusal is a request that the peer did not accept.
type Refusal struct {
	Method, Path, Body string
	Status             int
	Answer             string
}

// String shows what was sent and why it was refused.
func (r Refusal) String() string {
	return fmt.Sprintf("%s %s\n  sent: %s\n  %d: %s", r.Method, r.Path, r.Body, r.Status, strings.TrimSpace(r.Answer))
}

// Mirror is a transport that shows every request to a peer before it goes where it is meant to go, and remembers
// which the peer refused. It is safe for concurrent use.
type Mirror struct {
	// Peer judges the requests; its answers are not used otherwise.
	Peer http.Handler
	To   http.RoundTripper
	// Skip leaves requests out that are meant to be wrong; nil leaves none out.
	Skip func(*http.Request) bool

	mu       sync.Mutex
	seen     int
	refusals []Refusal
}

// peerKey is a key that stripe-mock accepts; it knows no other accounts and no live mode.
const peerKey = "sk_test_contract"

// RoundTrip implements http.RoundTripper.
func (m *Mirror) RoundTrip(r *http.Request) (*http.Response, error) {
	forward, err := m.show(r)
	if err != nil {
		return nil, err
	}
	return m.To.RoundTrip(forward)
}

func (m *Mirror) show(r *http.Request) (forward *http.Request, err error) {
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("read the request: %w", err)
		}
		_ = r.Body.Close() // all of it was read
	}
	forward = r.Clone(r.Context())
	forward.Body = io.NopCloser(bytes.NewReader(body))
	if m.Skip == nil || !m.Skip(r) {
		m.judge(r, body)
	}
	return forward, nil
}

func (m *Mirror) judge(r *http.Request, body []byte) {
	shown := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), bytes.NewReader(body))
	shown.Header = r.Header.Clone()
	shown.Header.Set("Authorization", "Bearer "+peerKey)
	answer := httptest.NewRecorder()
	m.Peer.ServeHTTP(answer, shown)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen++
	if answer.Code >= http.StatusBadRequest {
		m.refusals = append(m.refusals, Refusal{
			Method: r.Method, Path: r.URL.Path, Body: string(body) + r.URL.RawQuery, Status: answer.Code,
			Answer: answer.Body.String(),
		})
	}
}

// Seen is how many requests the peer has judged.
func (m *Mirror) Seen() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen
}

// Refusals are the requests that the peer did not accept.
func (m *Mirror) Refusals() []Refusal {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Refusal{}, m.refusals...)
}
