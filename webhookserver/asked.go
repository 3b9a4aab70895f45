package webhookserver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// asked reads what the operator asks or tells. It is nil, and the request answered, unless it is that, and signed.
func (s *Server) asked(w http.ResponseWriter, r *http.Request, into any, otherwise *problem) *settings {
	cfg := s.configured(w)
	if cfg == nil {
		return nil
	}
	body, refused := s.enter(w, r)
	if refused != "" {
		return nil
	}
	defer s.leave(body)
	cfg, err := s.withSecrets(r.Context(), cfg, func(cfg *settings) error {
		return cfg.codec.Verify(r.Header, body.bytes(), cfg.secrets, time.Now(), cfg.tolerance)
	})
	switch {
	case err != nil:
		s.refuseSignature(w, err)
		return nil
	case !readStrictly(body.bytes(), into):
		otherwise.write(w)
		return nil
	}
	return cfg
}

// readStrictly refuses everything else that may be signed with the same secret, above all events.
func readStrictly(body []byte, into any) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(into) == nil && !d.More()
}

func tell(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// ledgerAway: the same may be asked again soon.
func ledgerAway(w http.ResponseWriter) {
	setRetryAfter(w, 2*time.Second)
	problemUnavailable.write(w)
}
