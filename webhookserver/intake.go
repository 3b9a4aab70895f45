package webhookserver

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
)

var acknowledged = []byte("{\"received\":true}\n")

// ServeHTTP takes one event: limits, signature, ledger, sinks. Anything but 200 makes the provider send it again.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	result := s.take(w, r, start)
	s.metrics.requests.WithLabelValues(result).Inc()
	s.metrics.duration.WithLabelValues(result).Observe(time.Since(start).Seconds())
}

// take answers the request and names the result for the metrics.
func (s *Server) take(w http.ResponseWriter, r *http.Request, start time.Time) string {
	cfg, _ := s.config.current()
	if cfg == nil {
		setRetryAfter(w, 2*time.Second)
		problemNotReady.write(w)
		return "not_ready"
	}
	if !slices.Contains(cfg.paths, r.URL.Path) {
		problemNotFound.write(w)
		return "not_found"
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		problemMethod.write(w)
		return "method"
	}
	if reason, p := refusalOfTransport(cfg.https, r); p != nil {
		s.counters.rejected.Add(1)
		s.metrics.verifyFailures.WithLabelValues(reason).Inc()
		w.Header().Set("Connection", "close") // without its body
		p.write(w)
		return "rejected"
	}
	if !s.gate.enter() {
		setRetryAfter(w, time.Second)
		problemOverloaded.write(w)
		return "overloaded"
	}
	defer s.gate.leave()

	body, err := readBody(w, r, &s.gate, maxBody)
	if err != nil {
		return s.refuseBody(w, err)
	}
	defer body.free()

	event, err := verify(cfg, r.Header, body.bytes(), time.Now())
	if errors.Is(err, provider.ErrSignatureMismatch) {
		certain := s.config.reread(r.Context())
		if now, _ := s.config.current(); now != nil {
			cfg = now
			event, err = verify(cfg, r.Header, body.bytes(), time.Now())
		}
		if errors.Is(err, provider.ErrSignatureMismatch) && !certain {
			setRetryAfter(w, refreshPause)
			problemDoubtful.write(w)
			return "doubtful"
		}
	}
	if err != nil {
		reason, p := refusal(err)
		s.counters.rejected.Add(1)
		s.metrics.verifyFailures.WithLabelValues(reason).Inc()
		s.log.Debug("event refused", "reason", reason)
		p.write(w)
		return "rejected"
	}
	s.counters.received.Add(1)
	return s.answer(w, s.process(r.Context(), cfg, event, body.bytes(), start))
}

func (s *Server) refuseBody(w http.ResponseWriter, err error) string {
	w.Header().Set("Connection", "close")
	switch {
	case errors.Is(err, errTooLarge):
		s.counters.rejected.Add(1)
		problemTooLarge.write(w)
		return "too_large"
	case errors.Is(err, errOverloaded):
		setRetryAfter(w, time.Second)
		problemOverloaded.write(w)
		return "overloaded"
	default:
		problemAborted.write(w)
		return "aborted"
	}
}

func (s *Server) answer(w http.ResponseWriter, v verdict) string {
	switch v.result {
	case resultBusy:
		setRetryAfter(w, v.retryAfter)
		problemBusy.write(w)
	case resultUnavailable:
		setRetryAfter(w, v.retryAfter)
		problemUnavailable.write(w)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(acknowledged)
	}
	return string(v.result)
}
