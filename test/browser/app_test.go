package browser_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// app is the seller's: events come to it, and the buyer comes back to its /done.
type app struct {
	url string

	mu     sync.Mutex
	events map[string]int // by type
	done   int
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{events: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", a.take)
	mux.HandleFunc("GET /done", a.thank)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *app) take(_ http.ResponseWriter, r *http.Request) {
	var e struct{ Type string }
	if json.NewDecoder(r.Body).Decode(&e) == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.events[e.Type]++
	}
}

func (a *app) thank(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done++
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Done</title><h1 id="thanks">Thank you</h1></html>`)
}

func (a *app) count(kind string) func() int {
	return func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.events["dev.kassa."+kind]
	}
}

func (a *app) landed() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.done
}
