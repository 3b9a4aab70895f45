package webhookserver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/recovery"
)

// serveUnknown says which events the ledger does not know. It writes nothing.
func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	cfg := s.configured(w)
	if cfg == nil {
		return
	}
	body, refused := s.enter(w, r)
	if refused != "" {
		return
	}
	defer s.leave(body)
	_, err := s.withSecrets(r.Context(), cfg, func(cfg *settings) error {
		return cfg.codec.Verify(r.Header, body.bytes(), cfg.secrets, time.Now(), cfg.tolerance)
	})
	if err != nil {
		s.refuseSignature(w, err)
		return
	}
	question, ok := readQuestion(body.bytes())
	if !ok {
		problemQuestion.write(w)
		return
	}
	unknown, err := s.ledger.Unknown(r.Context(), question.IDs)
	if err != nil {
		setRetryAfter(w, 2*time.Second)
		problemUnavailable.write(w)
		return
	}
	if unknown == nil {
		unknown = []string{}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(recovery.Answer{Unknown: unknown})
}

// readQuestion refuses everything else that may be signed with the same secret, above all events.
func readQuestion(body []byte) (q recovery.Question, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if d.Decode(&q) != nil || d.More() || q.IDs == nil || len(q.IDs) > recovery.MaxIDs {
		return q, false
	}
	return q, !slices.ContainsFunc(q.IDs, func(id string) bool { return provider.CheckIdentity(id, "-") != nil })
}

// serveRecovered takes an event that the operator found at the provider. It is signed as the provider's are, and from
// there on it is one of those.
func (s *Server) serveRecovered(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	cfg := s.configured(w)
	if cfg == nil {
		return
	}
	v, result := s.accept(w, r, cfg, start)
	if result == "" {
		w.Header().Set(recovery.ResultHeader, string(v.result))
		result = s.answer(w, v)
	}
	s.metrics.requests.WithLabelValues(result).Inc()
	s.metrics.duration.WithLabelValues(result).Observe(time.Since(start).Seconds())
}

// configured is nil, and the request answered, while nothing can be verified.
func (s *Server) configured(w http.ResponseWriter) *settings {
	cfg, _ := s.config.current()
	if cfg == nil {
		setRetryAfter(w, 2*time.Second)
		problemNotReady.write(w)
	}
	return cfg
}
