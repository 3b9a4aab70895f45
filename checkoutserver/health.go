package checkoutserver

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// health serves what is not for clients: probes and metrics. The server is alive while it answers; it is ready while
// checkouts can be opened, at whichever provider.
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
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// notReady says why nobody can be served now; empty when somebody can. A provider that cannot be used takes no replica
// out of service: all have the same.
func (s *Server) notReady() string {
	if s.draining.Load() {
		return "draining"
	}
	if cfg, why := s.config.current(); cfg == nil {
		return why
	}
	if s.tls != nil {
		return s.tls.NotReady()
	}
	return ""
}
