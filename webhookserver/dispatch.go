package webhookserver

import (
	"context"
	"errors"
	"time"
)

// Where an attempt comes from; also the metric's label.
const (
	pathDirect = "direct" // as the event arrives
	pathInbox  = "inbox"
)

// offer gives an event to the sinks, all at the same time, and returns what is left for the inbox. Of those events the
// order is held until recorded is called.
func (s *Server) offer(ctx context.Context, m *message, wanted []*sink, start time.Time) (left []undelivered) {
	if len(wanted) == 0 {
		return nil
	}
	deadline := start.Add(sinkBudget)
	if earliest := time.Now().Add(minSinkBudget); deadline.Before(earliest) {
		deadline = earliest
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for i, a := range s.attemptAll(ctx, m, wanted, pathDirect) {
		if !a.taken {
			left = append(left, undelivered{wanted[i].name, a})
		}
	}
	return left
}

// undelivered is an attempt that a sink did not take.
type undelivered struct {
	sink    string
	attempt attempt
}

// recorded ends what offer holds: the events are in the inbox now, or the provider keeps them.
func (s *Server) recorded(m *message, left []undelivered) {
	if m.key == "" {
		return
	}
	for _, l := range left {
		s.turns.recorded(turnKey{m.key, l.sink}, m.at)
	}
}

// attemptAll makes one attempt at each sink and waits for all of them.
func (s *Server) attemptAll(ctx context.Context, m *message, to []*sink, path string) []attempt {
	attempts := make([]attempt, len(to))
	if len(to) == 1 {
		attempts[0] = s.attemptOne(ctx, m, to[0], path)
		return attempts
	}
	done := make(chan struct{}, len(to))
	for i := range to {
		go func() {
			attempts[i] = s.attemptOne(ctx, m, to[i], path)
			done <- struct{}{}
		}()
	}
	for range to {
		<-done
	}
	return attempts
}

// attemptOne counts what came of an attempt. What a direct one leaves for the inbox is held in its order's place.
func (s *Server) attemptOne(ctx context.Context, m *message, to *sink, path string) attempt {
	a := s.inTurn(ctx, m, to, path)
	s.metrics.deliveries.WithLabelValues(to.name, path, a.class()).Inc()
	if a.taken {
		s.metrics.delivered.WithLabelValues(to.name).Observe(time.Since(m.received).Seconds())
	}
	return a
}

// inTurn waits for the earlier events of the same key that are under way here, and yields to those that wait in the
// inbox.
func (s *Server) inTurn(ctx context.Context, m *message, to *sink, path string) attempt {
	if m.key == "" {
		return s.ask(ctx, m, to, path)
	}
	k := turnKey{m.key, to.name}
	mine := s.turns.take(ctx, k, m.at)
	a := withheld(classOrder, "an earlier event of the same subscription or customer waits for this sink")
	if mine && !s.inbox.index.earlier(k, m.at) {
		a = s.ask(ctx, m, to, path)
	}
	if path == pathDirect && !a.taken {
		s.turns.postpone(k, m.at)
	}
	if mine {
		s.turns.give(k)
	}
	return a
}

// ask makes a request if the sink is to be asked at all.
func (s *Server) ask(ctx context.Context, m *message, to *sink, path string) attempt {
	if to.unready != "" {
		return withheld(classUnready, to.unready)
	}
	shut := withheld(classCircuit, "not sent: the sink did not take the events before it, and is tried with one at a time")
	if path == pathDirect && to.line.circuit.passage(time.Now()).open && s.waitingFor(to.name) > 0 {
		// What waits is tried first, and the provider does not wait for that.
		return shut
	}
	if !to.line.enter(ctx) {
		return withheld(classBusy, "not sent: http.maxConcurrent requests were under way at the sink")
	}
	defer to.line.leave()
	permit, ok := to.line.circuit.admit(time.Now())
	if !ok {
		return shut
	}
	began := time.Now()
	a := s.post(ctx, to, m, path)
	now := time.Now()
	h := a.health()
	if errors.Is(ctx.Err(), context.Canceled) {
		h = healthUnknown
	}
	if to.line.circuit.report(now, permit, m.event, h, a.retryAfter) {
		s.log.Info("the sink takes events again", "sink", to.name)
		s.inbox.index.hurry(to.name, now)
		s.outbox.hurry(to.name)
	}
	s.metrics.deliverySecs.WithLabelValues(to.name, path).Observe(now.Sub(began).Seconds())
	return a
}

// post makes a request that knows of its trace.
func (s *Server) post(ctx context.Context, to *sink, m *message, path string) attempt {
	ctx, span := s.tracer.Delivery(ctx, "deliver", m.origin, m.id())
	defer span.End()
	a := post(ctx, to, m)
	span.Text(attributeSink, to.name)
	span.Text(attributePath, path)
	if a.status != 0 {
		span.Number(attributeStatus, a.status)
	}
	if !a.taken {
		span.Failed(a.class())
	}
	return a
}

func (s *Server) measureSinks() {
	cfg, _ := s.config.current()
	if cfg == nil {
		return
	}
	now := time.Now()
	for _, to := range cfg.sinks {
		open := 0.0
		if to.line.circuit.passage(now).open {
			open = 1
		}
		s.metrics.circuits.WithLabelValues(to.name).Set(open)
		s.metrics.waiting.WithLabelValues(to.name).Set(float64(s.waitingFor(to.name)))
	}
}
