// Command go receives Kassa's events with the standard library alone: it verifies the bearer token, remembers each id
// together with what it does, ignores what is older than what it knows, and answers at once.
//
// TOKEN is the value of the sink's tokenSecretRef. PORT is where it listens, 8080 by default.
package main

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// maxEvent is larger than any event that Kassa delivers, in bytes.
const maxEvent = 4 << 20

// event is the part of a CloudEvent that this application needs.
type event struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Subject string    `json:"subject"` // the subscription
	Time    time.Time `json:"time"`
	Data    struct {
		Customer     struct{ UserID string }       `json:"customer"`
		Subscription struct{ Status, Plan string } `json:"subscription"`
	} `json:"data"`
}

// access is what a user has paid for.
type access struct {
	User   string    `json:"user"`
	Plan   string    `json:"plan"`
	Status string    `json:"status"`
	AsOf   time.Time `json:"asOf"` // of the newest event that counted
}

// store is the application's database. What one call of apply does is one transaction there: the id with the change.
type store struct {
	mu     sync.Mutex
	seen   map[string]bool
	access map[string]access // by subscription
}

func (s *store) apply(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[e.ID] {
		return
	}
	s.seen[e.ID] = true
	known := s.access[e.Subject]
	if !strings.HasPrefix(e.Type, "dev.kassa.subscription.") || e.Time.Before(known.AsOf) {
		return
	}
	s.access[e.Subject] = access{
		User: cmp.Or(e.Data.Customer.UserID, known.User), Plan: cmp.Or(e.Data.Subscription.Plan, known.Plan),
		Status: cmp.Or(e.Data.Subscription.Status, known.Status), AsOf: e.Time,
	}
}

func (s *store) list() map[string]access {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[string]access, len(s.access))
	for id, a := range s.access {
		found[id] = a
	}
	return found
}

// trusted compares in constant time, whatever the length.
func trusted(header, token string) bool {
	got, want := sha256.Sum256([]byte(header)), sha256.Sum256([]byte("Bearer "+token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func handler(token string) http.Handler {
	s := &store{seen: map[string]bool{}, access: map[string]access{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /billing", func(w http.ResponseWriter, r *http.Request) {
		if !trusted(r.Header.Get("Authorization"), token) {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		var e event
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxEvent)).Decode(&e)
		if err != nil || e.ID == "" {
			http.Error(w, "no CloudEvent", http.StatusBadRequest)
			return
		}
		s.apply(e) // what takes longer, such as an email, begins after the answer
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /access", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.list())
	})
	return mux
}

func main() {
	token := os.Getenv("TOKEN")
	if token == "" {
		slog.Error("TOKEN is not set: everybody would be believed")
		os.Exit(1)
	}
	server := &http.Server{
		Addr: "127.0.0.1:" + cmp.Or(os.Getenv("PORT"), "8080"), Handler: handler(token), ReadHeaderTimeout: 5 * time.Second,
	}
	if err := server.ListenAndServe(); err != nil {
		slog.Error("serving", "error", err)
		os.Exit(1)
	}
}
