package lemonsqueezy

import (
	"encoding/json"
	"time"
)

// Stamp is a time on the wire; the zero one is null.
type Stamp struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (s Stamp) MarshalJSON() ([]byte, error) {
	if s.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(stampOf(s.Time))
}

// now is the time at which what happens now happens: while the server makes up for a time that went by, it is a time
// of the past.
func (s *Server) now() time.Time {
	if !s.moment.IsZero() {
		return s.moment
	}
	return s.opt.Clock.Now().UTC()
}

// notBefore is a time, or now if it is over.
func (s *Server) notBefore(at time.Time) time.Time {
	if now := s.now(); at.Before(now) {
		return now
	}
	return at
}

func (s *Server) stamp() string { return stampOf(s.now()) }

func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
