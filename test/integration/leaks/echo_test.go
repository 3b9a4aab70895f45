package leaks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/kassa-dev/kassa/test/stack"
)

// parrot stands before the providers. While it is told to, it refuses everything with what it was sent.
type parrot struct {
	mu      sync.Mutex
	status  int
	refused map[string]int // by provider
}

// say has everything refused with a status; 0 lets requests pass.
func (p *parrot) say(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.refused = status, map[string]int{}
}

// answered says how many requests a provider has refused since say.
func (p *parrot) answered(provider string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused[provider]
}

func (p *parrot) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		provider, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		p.mu.Lock()
		status := p.status
		if r.Header.Get("Authorization") == "" { // a buyer's browser
			status = 0
		}
		if status != 0 {
			p.refused[provider]++
		}
		p.mu.Unlock()
		if status == 0 {
			next.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Request-Id", "req_"+r.Header.Get("Authorization"))
		w.WriteHeader(status)
		_, _ = w.Write(refusalOf(provider, r, body))
	})
}

// refusalOf is an error in the provider's own form that repeats the key, the buyer's address and the whole request.
func refusalOf(provider string, r *http.Request, body []byte) []byte {
	text := fmt.Sprintf("%s is not allowed for %s, %s, %s: %s %s %s", r.Header.Get("Authorization"), email,
		strings.ReplaceAll(email, "@", "%40"), strings.ToUpper(email), r.Method, r.URL, body)
	var document any
	switch provider {
	case "paddle":
		document = map[string]any{"error": map[string]any{
			"type": "request_error", "code": "forbidden", "detail": text,
			"errors": []any{map[string]any{"field": "custom_data", "message": text}},
		}, "meta": map[string]any{"request_id": r.Header.Get("Authorization")}}
	case "lemonsqueezy":
		document = map[string]any{"errors": []any{map[string]any{"title": "Refused", "detail": text, "code": text}}}
	default:
		document = map[string]any{"error": map[string]any{
			"type": "invalid_request_error", "message": text, "param": text, "code": text,
		}}
	}
	out, _ := json.Marshal(document)
	return out
}

// app takes events, or refuses them with what it was sent.
type app struct {
	url string

	mu     sync.Mutex
	status int
	taken  []string
}

func newApp(t testing.TB) *app {
	a := &app{status: http.StatusOK}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *app) sink() *stack.Sink { return &stack.Sink{URL: a.url} }

func (a *app) say(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = status
}

// got are the bodies of what was taken.
func (a *app) got() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.taken, "\n")
}

// ServeHTTP takes one event.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var head bytes.Buffer
	_ = r.Header.Write(&head)
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.status/100 == 2 {
		a.taken = append(a.taken, string(body))
	}
	w.Header().Set("X-Why", strings.ReplaceAll(head.String(), "\r\n", " "))
	w.WriteHeader(a.status)
	if a.status/100 != 2 {
		_, _ = fmt.Fprintf(w, "refused: %s %s", head.String(), body)
	}
}
