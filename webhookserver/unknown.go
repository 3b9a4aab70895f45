package webhookserver

import (
	"net/http"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/provider"
	"github.com/kassa-dev/kassa/internal/recovery"
)

// serveUnknown says which events the ledger does not know. It writes nothing.
func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	var question recovery.Question
	cfg := s.asked(w, r, &question, problemQuestion)
	switch {
	case cfg == nil:
		return
	case !isQuestion(question):
		problemQuestion.write(w)
		return
	}
	unknown, err := s.ledger.Unknown(r.Context(), question.IDs)
	if err != nil {
		ledgerAway(w)
		return
	}
	if unknown == nil {
		unknown = []string{}
	}
	tell(w, recovery.Answer{Unknown: unknown})
}

func isQuestion(q recovery.Question) bool {
	return q.IDs != nil && len(q.IDs) <= recovery.MaxIDs &&
		!slices.ContainsFunc(q.IDs, func(id string) bool { return provider.CheckIdentity(id, "-") != nil })
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
