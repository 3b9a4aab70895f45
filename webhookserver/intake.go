package webhookserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/kassa-dev/kassa/internal/billing"
	"github.com/kassa-dev/kassa/internal/provider"
)

// What spans say.
const (
	attributeProvider = "kassa.provider"
	attributeType     = "kassa.event.type"
	attributeResult   = "kassa.result"
	attributeSink     = "kassa.sink"
	attributePath     = "kassa.delivery.path"
	attributeStatus   = "http.response.status_code"
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
	cfg := s.configured(w)
	if cfg == nil {
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
	v, refused := s.accept(w, r, cfg, start)
	if refused != "" {
		return refused
	}
	return s.answer(w, v)
}

// accept is what an event passes whichever way it came. One that is refused has been answered, and refused is the
// result's name.
func (s *Server) accept(
	w http.ResponseWriter, r *http.Request, cfg *settings, start time.Time,
) (v verdict, refused string) {
	body, refused := s.enter(w, r)
	if refused != "" {
		return verdict{}, refused
	}
	defer s.leave(body)
	var event *billing.Event
	began := time.Now()
	cfg, err := s.withSecrets(r.Context(), cfg, func(cfg *settings) (err error) {
		event, err = verify(cfg, r.Header, body.bytes(), time.Now())
		return err
	})
	verified := time.Now()
	s.metrics.verification.Observe(verified.Sub(began).Seconds())
	if err != nil {
		return verdict{}, s.refuseSignature(w, err)
	}
	s.counters.received.Add(1)
	ctx, span := s.tracer.Event(r.Context(), "receive", cfg.idPrefix, event.ID, start)
	defer span.End()
	s.tracer.Past(ctx, "verify", began, verified)
	v = s.process(ctx, cfg, event, body.bytes(), start)
	span.Text(attributeProvider, string(cfg.provider))
	span.Text(attributeType, typeName(event))
	span.Text(attributeResult, string(v.result))
	return v, ""
}

// enter reads a request's body. leave has to be called unless it was refused.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) (b *body, refused string) {
	if !s.gate.enter() {
		setRetryAfter(w, time.Second)
		problemOverloaded.write(w)
		return nil, "overloaded"
	}
	b, err := readBody(w, r, &s.gate, maxBody)
	if err != nil {
		s.gate.leave()
		return nil, s.refuseBody(w, err)
	}
	return b, ""
}

func (s *Server) leave(b *body) {
	b.free()
	s.gate.leave()
}

// errDoubtful: the signature fits no secret that is known, and these could not be read afresh.
var errDoubtful = errors.New("signature not decided")

// withSecrets checks something that is signed, and once more if a secret was replaced just now.
func (s *Server) withSecrets(ctx context.Context, cfg *settings, check func(*settings) error) (*settings, error) {
	err := check(cfg)
	if !errors.Is(err, provider.ErrSignatureMismatch) {
		return cfg, err
	}
	certain := s.config.reread(ctx)
	if now, _ := s.config.current(); now != nil {
		cfg, err = now, check(now)
	}
	if errors.Is(err, provider.ErrSignatureMismatch) && !certain {
		return cfg, errDoubtful
	}
	return cfg, err
}

func (s *Server) refuseSignature(w http.ResponseWriter, err error) string {
	if errors.Is(err, errDoubtful) {
		setRetryAfter(w, refreshPause)
		problemDoubtful.write(w)
		return "doubtful"
	}
	reason, p := refusal(err)
	s.counters.rejected.Add(1)
	s.metrics.verifyFailures.WithLabelValues(reason).Inc()
	s.log.Debug("event refused", "reason", reason)
	p.write(w)
	return "rejected"
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
