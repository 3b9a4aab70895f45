package webhookserver

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kassa-dev/kassa/docs/schemas"
	"github.com/kassa-dev/kassa/internal/recovery"
)

// health serves the probes, the metrics, the schema of the events, and what the operator asks and brings; see
// internal/recovery.
func (s *Server) health() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if why := s.notReady(); why != "" {
			http.Error(w, why, http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	metrics := promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		s.measureInbox()
		metrics.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /schemas/event/v1alpha1.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/schema+json")
		_, _ = w.Write(schemas.EventV1alpha1)
	})
	mux.HandleFunc("POST "+recovery.UnknownPath, s.serveUnknown)
	mux.HandleFunc("POST "+recovery.EventsPath, s.serveRecovered)
	if s.doubts != nil {
		mux.HandleFunc("POST "+recovery.DoubtsPath, s.serveDoubts)
		mux.HandleFunc("POST "+recovery.ReadingsPath, s.serveReadings)
	}
	return mux
}

// notReady says why no event can be taken now; empty when one can.
func (s *Server) notReady() string {
	if s.draining.Load() {
		return "draining"
	}
	if cfg, why := s.config.current(); cfg == nil {
		return why
	}
	if s.tls != nil {
		if why := s.tls.NotReady(); why != "" {
			return why
		}
	}
	if err := s.ledger.Ready(); err != nil {
		return "the ledger is not ready: " + err.Error()
	}
	if s.unnamed() {
		return "the Plans have not been read yet"
	}
	if !s.inbox.index.loaded() {
		return "the inbox is being read"
	}
	return ""
}

// unnamed says that what would be recorded of an event now would lack the names of plans and prices.
func (s *Server) unnamed() bool { return s.outbox.keeper != nil && s.plans.unknown(time.Now()) }
