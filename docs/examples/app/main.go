// Command app is the smallest application around Kassa. It sells through a CheckoutEndpoint, whose token only it has:
// GET /pricing leads a user to the checkout, GET /done thanks, GET /account lists and cancels the user's subscriptions.
// And it takes CloudEvents at POST /billing, acts on each of them once, and lists them at GET /events.
//
// CHECKOUT_URL is the CheckoutEndpoint as the application reaches it, CHECKOUT_TOKEN its token, and PRICING_URL its
// page of prices as browsers reach it.
//
// Kassa delivers an event at least once, always with the same id. An application therefore remembers ids with
// whatever it does because of the event, in one transaction; this one has only its memory.
//
// WEBHOOK_KEY is the key of the sink's signingSecretRef: without a signature that it verifies no event is taken.
// Without a key everybody who reaches the application is believed.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	// maxEvent is larger than any event that Kassa delivers, in bytes.
	maxEvent = 4 << 20
	// patience is longer than a CheckoutEndpoint takes for anything.
	patience = 30 * time.Second
)

// event is the part of a CloudEvent that this application needs.
type event struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Subject  string `json:"subject,omitempty"`
	Provider string `json:"kassaprovider,omitempty"`
	Data     struct {
		Customer *struct {
			UserID string `json:"userID,omitempty"` // the user that the checkout was opened for
		} `json:"customer,omitempty"`
		Subscription *struct {
			Status string `json:"status,omitempty"`
			Plan   string `json:"plan,omitempty"`
			Price  string `json:"price,omitempty"`
		} `json:"subscription,omitempty"`
		Payment *struct {
			Amount   string `json:"amount,omitempty"`
			Currency string `json:"currency,omitempty"`
			Status   string `json:"status,omitempty"`
		} `json:"payment,omitempty"`
	} `json:"data"`
}

type app struct {
	trust *standardwebhooks.Webhook // nil: everybody

	mu     sync.Mutex
	seen   map[string]int // id → deliveries
	events []event
}

func main() {
	a := &app{seen: map[string]int{}}
	if key := os.Getenv("WEBHOOK_KEY"); key != "" {
		trust, err := standardwebhooks.NewWebhook(key)
		if err != nil {
			slog.Error("WEBHOOK_KEY is no key")
			os.Exit(1)
		}
		a.trust = trust
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /billing", a.receive)
	mux.HandleFunc("GET /events", a.list)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	sold := &shop{
		endpoint: &endpoint{
			url: os.Getenv("CHECKOUT_URL"), token: os.Getenv("CHECKOUT_TOKEN"), http: http.Client{Timeout: patience},
		},
		pricing: os.Getenv("PRICING_URL"),
	}
	sold.routes(mux)
	server := &http.Server{
		// The address is empty, which means all, outside of a local node.
		Addr: net.JoinHostPort(os.Getenv("KASSA_BIND_ADDRESS"), "8080"), Handler: mux, ReadHeaderTimeout: 5 * time.Second,
	}
	if err := server.ListenAndServe(); err != nil {
		slog.Error("serving", "error", err)
		os.Exit(1)
	}
}

func (a *app) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		http.Error(w, "the event could not be read", http.StatusBadRequest)
		return
	}
	if a.trust != nil && a.trust.Verify(body, r.Header) != nil {
		http.Error(w, "the signature is not right", http.StatusUnauthorized)
		return
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" {
		http.Error(w, "the body is no CloudEvent", http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen[e.ID]++
	if a.seen[e.ID] == 1 {
		a.events = append(a.events, e)
		slog.Info("event", "type", e.Type, "subject", e.Subject, "summary", summary(e))
	}
	w.WriteHeader(http.StatusNoContent)
}

func summary(e event) string {
	switch {
	case e.Data.Payment != nil && e.Data.Subscription != nil:
		return fmt.Sprintf("%s %s %s for %s/%s", e.Data.Payment.Amount, e.Data.Payment.Currency, e.Data.Payment.Status,
			e.Data.Subscription.Plan, e.Data.Subscription.Price)
	case e.Data.Payment != nil:
		return fmt.Sprintf("%s %s %s", e.Data.Payment.Amount, e.Data.Payment.Currency, e.Data.Payment.Status)
	case e.Data.Subscription != nil:
		return fmt.Sprintf("%s/%s is %s", e.Data.Subscription.Plan, e.Data.Subscription.Price, e.Data.Subscription.Status)
	default:
		return ""
	}
}

// list answers with every event and how often each was delivered.
func (a *app) list(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	_ = out.Encode(struct {
		Events     []event        `json:"events"`
		Deliveries map[string]int `json:"deliveries"`
	}{a.events, a.seen})
}
